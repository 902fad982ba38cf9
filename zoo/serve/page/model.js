// One model: to try, and its card.
import { getOnce } from "./api.js";
import { el, show } from "./dom.js";
import { figures, words } from "./gallery.js";
import { markdown } from "./markdown.js";
import { bench } from "./trying.js";

function tabs(parts) {
  const buttons = parts.map(({ name }, i) => el("button", {
    type: "button", role: "tab", id: `tab-${i}`, "aria-controls": `part-${i}`, onclick: () => choose(i),
    onkeydown: (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) choose((i + step + parts.length) % parts.length, true);
    },
  }, name));
  const bodies = parts.map(({ node }, i) => el("div", { role: "tabpanel", id: `part-${i}`, "aria-labelledby": `tab-${i}` }, node));
  function choose(chosen, isFocused = false) {
    buttons.forEach((button, i) => {
      button.setAttribute("aria-selected", String(i === chosen));
      button.tabIndex = i === chosen ? 0 : -1;
      show(bodies[i], i === chosen);
    });
    if (isFocused) buttons[chosen].focus();
  }
  choose(0);
  return [el("div", { class: "tabs", role: "tablist", "aria-label": "About this model" }, buttons), ...bodies];
}

function facts(model) {
  const { reported, paper } = model;
  const published = [["original", reported.original], ...Object.entries(reported.openmedia)].filter(([, value]) => value !== null);
  return el("div", {},
    el("div", { class: "tags" },
      [words(model.task), model.modality, `${model.dimensions}-D`, ...model.frameworks.map((each) => (each === "torch" ? "PyTorch" : "MindSpore")), model.licence]
        .map((text) => el("span", { class: "tag" }, text))),
    figures(model),
    el("p", { class: "small muted" },
      `Measured on ${model.trained_on}, test split, the same in both frameworks. Published: ${words(reported.metric)} `,
      published.map(([name, value]) => `${name} ${value}`).join(", "), ` on ${reported.dataset}. `,
      el("a", { href: paper.url, rel: "noopener noreferrer" }, `Paper, ${paper.year}`)));
}

export async function modelPage(name) {
  const model = await getOnce(`/models/${encodeURIComponent(name)}`);
  const trying = bench(model);
  const node = [
    el("h1", {}, model.name),
    el("p", { class: "lead" }, model.summary),
    facts(model),
    ...tabs([{ name: "Try it", node: trying.node }, { name: "Model card", node: markdown(model.card) }]),
  ];
  return { node, title: model.name, end: trying.end };
}
