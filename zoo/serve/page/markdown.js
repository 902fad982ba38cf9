// Draws a model card: the Markdown that our cards use, as elements.
import { el } from "./dom.js";

const INLINE = /(`[^`]+`)|(\*\*[^*]+\*\*)|(\*[^*\s][^*]*\*)|(!?\[[^\]]*\]\([^)\s]+\))/;

function inline(text) {
  const out = [];
  for (let rest = text; rest; ) {
    const match = INLINE.exec(rest);
    if (!match) { out.push(rest); break; }
    if (match.index) out.push(rest.slice(0, match.index));
    const found = match[0];
    if (match[1]) out.push(el("code", {}, found.slice(1, -1)));
    else if (match[2]) out.push(el("strong", {}, ...inline(found.slice(2, -2))));
    else if (match[3]) out.push(el("em", {}, ...inline(found.slice(1, -1))));
    else out.push(link(found));
    rest = rest.slice(match.index + found.length);
  }
  return out;
}

function link(text) {
  const [, label, target] = /\[([^\]]*)\]\(([^)\s]+)\)/.exec(text);
  if (text.startsWith("!") || !/^https?:\/\//.test(target)) return el("span", {}, ...inline(label));
  return el("a", { href: target, rel: "noopener noreferrer" }, ...inline(label));
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim());
const isRule = (line) => /^\s*\|?[\s:|-]+\|[\s:|-]*$/.test(line || "");

function table(lines) {
  const head = el("tr", {}, cells(lines[0]).map((cell) => (cell ? el("th", { scope: "col" }, ...inline(cell)) : el("td", {}))));
  const rows = lines.slice(2).map((line) => el("tr", {}, cells(line).map((cell) => el("td", {}, ...inline(cell)))));
  const made = el("table", {}, el("thead", {}, head), el("tbody", {}, rows));
  return el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table" }, made);
}

function list(lines) {
  const isOrdered = /^\s*\d/.test(lines[0]);
  const items = [];
  for (const line of lines) {
    const match = /^\s*(?:[-*]|\d+\.)\s+(.*)/.exec(line);
    if (match) items.push(match[1]);
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  return el(isOrdered ? "ol" : "ul", {}, items.map((item) => el("li", {}, ...inline(item))));
}

export function markdown(text) {
  const lines = text.split("\n");
  const out = el("div", { class: "card" });
  const take = (test) => { const taken = []; while (lines.length && test(lines[0])) taken.push(lines.shift()); return taken; };
  while (lines.length) {
    const line = lines[0];
    const heading = /^(#+)\s+(.*)/.exec(line);
    if (!line.trim()) lines.shift();
    else if (line.startsWith("```")) {
      lines.shift();
      out.append(el("pre", { tabindex: "0" }, el("code", {}, take((each) => !each.startsWith("```")).join("\n"))));
      lines.shift();
    } else if (heading) {
      lines.shift();
      if (heading[1].length > 1) out.append(el(heading[1].length === 2 ? "h2" : "h3", {}, ...inline(heading[2])));
    } else if (line.includes("|") && isRule(lines[1])) out.append(table(take((each) => each.includes("|"))));
    else if (/^\s*([-*]|\d+\.)\s/.test(line)) out.append(list(take((each) => each.trim() && !each.startsWith("#"))));
    else out.append(el("p", {}, ...inline(take((each) => each.trim() && !/^(#|```)/.test(each) && !isRule(lines[1])).join(" ") || lines.shift())));
  }
  return out;
}
