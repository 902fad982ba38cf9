// The gallery: every entry with its picture, to be found by task, modality and words.
import { getOnce } from "./api.js";
import { el, show } from "./dom.js";

export const words = (text) => text.replaceAll("_", " ").replaceAll("-", " ");
const modalities = (entry) => entry.modality.split(/ or |, /);

export function figures(entry) {
  const short = (value) => value.toLocaleString("en", { minimumFractionDigits: Math.abs(value) < 1 ? 3 : 1, maximumFractionDigits: Math.abs(value) < 10 ? 3 : 1 });
  const rows = Object.entries(entry.figures).map(([name, { value, baseline, of }]) =>
    el("div", {}, el("dt", {}, words(name)), el("dd", {}, short(value)),
      baseline === undefined ? null : el("dd", { class: "baseline", title: of }, `${short(baseline)} to beat`)));
  const named = [...new Set(Object.values(entry.figures).map(({ of }) => of).filter(Boolean))];
  return rows.length ? [el("dl", { class: "figures" }, rows),
    named.length ? el("p", { class: "small muted" }, `To beat: ${named.join("; ")}.`) : null] : null;
}

export function shot(entry, size) {
  const image = el("img", { class: "shot", alt: "", loading: "lazy", width: String(size), height: String(size * 0.625) });
  image.src = `/page/pictures/${encodeURIComponent(entry.name)}.webp`;
  image.addEventListener("error", () => { image.src = "/page/pictures/none.svg"; }, { once: true });
  return image;
}

function card(entry) {
  return el("li", { class: "entry" },
    shot(entry, 480),
    el("div", { class: "text" },
      el("h2", {}, el("a", { href: `#/models/${encodeURIComponent(entry.name)}` }, entry.name)),
      el("div", { class: "tags" },
        el("span", { class: "tag" }, words(entry.task)), el("span", { class: "tag" }, entry.modality),
        el("span", { class: "tag" }, `${entry.dimensions}-D`)),
      el("p", {}, entry.summary),
      figures(entry),
      el("p", { class: "small muted" }, `Measured on ${entry.trained_on}, test split. Data: ${entry.data_licence}`)));
}

function chips(label, values, chosen, change) {
  const all = ["", ...values].map((value) => {
    const chip = el("button", { type: "button", class: "chip", "aria-pressed": String(chosen() === value) }, value ? words(value) : "all");
    chip.addEventListener("click", () => {
      change(value);
      all.forEach((each, i) => each.setAttribute("aria-pressed", String(["", ...values][i] === chosen())));
    });
    return chip;
  });
  return el("div", { class: "chips", role: "group", "aria-label": label }, el("span", { class: "label", "aria-hidden": "true" }, label), el("div", { class: "row" }, all));
}

const wanted = { text: "", task: "", modality: "" };  // stays while the page is open

export async function gallery() {
  const entries = await getOnce("/models");
  const cards = entries.map(card);
  const count = el("p", { class: "muted small", role: "status" });
  const distinct = (values) => [...new Set(values)].sort();

  function sift() {
    const needle = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
    let number = 0;
    entries.forEach((entry, i) => {
      const text = `${entry.name} ${entry.summary} ${words(entry.task)} ${entry.modality} ${entry.trained_on}`.toLowerCase();
      const fits = needle.every((word) => text.includes(word)) && (!wanted.task || entry.task === wanted.task)
        && (!wanted.modality || modalities(entry).includes(wanted.modality));
      show(cards[i], fits);
      number += fits;
    });
    count.textContent = `${number} of ${entries.length} models`;
  }

  const search = el("input", { type: "search", id: "search", placeholder: "lung, nuclei, heart …", value: wanted.text });
  search.addEventListener("input", () => { wanted.text = search.value; sift(); });
  const tasks = chips("Task", distinct(entries.map((entry) => entry.task)), () => wanted.task, (value) => { wanted.task = value; sift(); });
  const kinds = chips("Modality", distinct(entries.flatMap(modalities)), () => wanted.modality, (value) => { wanted.modality = value; sift(); });
  sift();
  const head = [
    el("h1", {}, "Medical-imaging models, each written twice"),
    el("p", { class: "lead" }, "In PyTorch and in MindSpore, with the same trained weights and, measured, the same answers. Choose one, give it a picture or a scan, and look."),
    el("div", { class: "finder" }, el("label", { for: "search", class: "unseen" }, "Search the models"), search, tasks, kinds, count),
  ];
  return { node: [...head, el("ul", { class: "gallery" }, cards)], title: "" };
}
