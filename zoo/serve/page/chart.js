// Draws curves over epochs as SVG: axes with few round numbers, a line per series, the values under the pointer.
import { el } from "./dom.js";

const NS = "http://www.w3.org/2000/svg";
const [W, H, LEFT, RIGHT, TOP, BOTTOM] = [560, 240, 58, 14, 12, 30];

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

export function written(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  return size && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

// Round steps that part a range into about four.
function ticks(low, high) {
  const rough = (high - low) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const out = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i += 1) out.push(i * step);
  return out;
}

const whole = (values) => values.filter(Number.isInteger);
const isNumber = (value) => value !== null && Number.isFinite(value);

function lines(values, x, y) {
  let path = "";
  let isOpen = false;
  values.forEach((value, i) => {
    if (!isNumber(value)) { isOpen = false; return; }
    path += `${isOpen ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    isOpen = true;
  });
  return path;
}

// series: [{ name, values }] over `epochs`; best: an epoch that is marked.
export function chart(title, epochs, series, best = null) {
  const shown = series.filter(({ values }) => values.some(isNumber));
  if (!shown.length) return el("p", { class: "muted" }, `${title}: not defined yet.`);
  const all = shown.flatMap(({ values }) => values.filter(isNumber));
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const room = (most - least) * 0.06 || Math.abs(most) * 0.1 || 1;
  const [low, high] = [least >= 0 ? Math.max(0, least - room) : least - room, most + room];
  const [first, last] = [epochs[0], Math.max(epochs.at(-1), epochs[0] + 1)];
  const at = (epoch) => LEFT + ((epoch - first) / (last - first)) * (W - LEFT - RIGHT);
  const y = (value) => H - BOTTOM - ((value - low) / (high - low)) * (H - TOP - BOTTOM);
  const grid = [
    ...ticks(low, high).map((value) => svg("g", {},
      svg("line", { x1: LEFT, x2: W - RIGHT, y1: y(value), y2: y(value), class: "grid" }),
      svg("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, written(value)))),
    ...whole(ticks(first, last)).map((value) => svg("text", { x: at(value), y: H - 8, "text-anchor": "middle" }, String(value))),
  ];
  const drawn = shown.flatMap(({ values }, k) => [
    svg("path", { d: lines(values, (i) => at(epochs[i]), y), class: `line line-${k}` }),
    ...(values.length < 2 ? values.filter(isNumber).map((value) => svg("circle", { cx: at(epochs[0]), cy: y(value), r: 3, class: `dot dot-${k}` })) : []),
  ]);
  const place = epochs.indexOf(best);
  if (place >= 0 && isNumber(shown[0].values[place])) drawn.push(svg("circle", { cx: at(best), cy: y(shown[0].values[place]), r: 5, class: "best" }));
  const told = shown.map(({ name, values }) => `${name} ${written(values.filter(isNumber).at(-1))} now`).join(", ");
  const mark = svg("line", { y1: TOP, y2: H - BOTTOM, x1: -9, x2: -9, class: "mark" });
  const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${title} over ${epochs.length} epochs: ${told}` }, ...grid, ...drawn, mark);
  const key = el("p", { class: "key small" }, shown.map(({ name, values }, k) => {
    const value = el("span", { class: "value" }, written(values.filter(isNumber).at(-1)));
    return el("span", { class: `name name-${k}` }, name, " ", value);
  }));
  const values = [...key.querySelectorAll(".value")];
  const tell = (i, isHere) => {
    mark.setAttribute("x1", String(isHere ? at(epochs[i]) : -9));
    mark.setAttribute("x2", String(isHere ? at(epochs[i]) : -9));
    shown.forEach((each, k) => {
      const value = isHere ? each.values[i] : each.values.filter(isNumber).at(-1);
      values[k].textContent = written(value) + (isHere ? ` (epoch ${epochs[i]})` : "");
    });
  };
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const epoch = first + ((((event.clientX - box.left) / box.width) * W - LEFT) / (W - LEFT - RIGHT)) * (last - first);
    let near = 0;
    epochs.forEach((each, i) => { if (Math.abs(each - epoch) < Math.abs(epochs[near] - epoch)) near = i; });
    tell(near, true);
  });
  picture.addEventListener("pointerleave", () => tell(0, false));
  return el("figure", { class: "chart" }, el("figcaption", {}, title), picture, key);
}
