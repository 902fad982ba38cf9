// What a model answered: warnings first, then the picture, what was measured, and everything to take along.
import { download } from "./api.js";
import { el, field, show } from "./dom.js";
import { labelsOf, rangeOf } from "./planes.js";
import { markBelow } from "./shapes.js";
import { sharedState, Viewer } from "./viewer.js";

const TITLES = { torch: "PyTorch", mindspore: "MindSpore" };
const FORMATS = {
  json: "Answer (JSON)", csv: "Table (CSV)", overlay: "Overlay (PNG)", "mask.png": "Mask (PNG)", "mask.tif": "Mask (TIFF)",
  "mask.nii.gz": "Mask (NIfTI)", "mask.nrrd": "Mask (NRRD)", "mask.dcm": "DICOM-SEG", "report.dcm": "DICOM SR",
  geojson: "QuPath (GeoJSON)", zip: "Everything (zip)",
};

function warning(view) {
  if (!view.out_of_scope.length) return null;
  return el("div", { class: "note warn", role: "alert" },
    el("strong", {}, "This image is unlike those of the training; the answer may be worthless."),
    el("ul", {}, view.out_of_scope.map((reason) => el("li", {}, reason))));
}

function slider(label, { min, max, step, value }, hear, text) {
  const told = el("output", {}, text(value));
  const input = el("input", { type: "range", min: String(min), max: String(max), step: String(step), value: String(value) });
  input.addEventListener("input", () => { told.textContent = text(Number(input.value)); hear(Number(input.value)); });
  return { node: field(label, input, "", told), input, told };
}

function looks(view, state, range) {
  const span = range.most - range.least;
  const show_ = (value) => (span > 20 ? value.toFixed(0) : value.toFixed(3));
  const at = { level: (range.low + range.high) / 2, width: range.high - range.low };
  const change = (changes) => {
    Object.assign(at, changes);
    state.change({ window: { low: at.level - at.width / 2, high: at.level + at.width / 2 } });
  };
  const percent = (value) => `${Math.round(value * 100)} %`;
  const nodes = [slider("Overlay", { min: 0, max: 1, step: 0.02, value: state.opacity }, (opacity) => state.change({ opacity }), percent).node];
  nodes.push(slider("Level", { min: range.least, max: range.most, step: span / 200, value: at.level }, (level) => change({ level }), show_).node);
  nodes.push(slider("Window", { min: span / 200, max: span * 1.2, step: span / 200, value: at.width }, (width) => change({ width }), show_).node);
  return { nodes, state };
}

function threshold(view, state) {
  if (!view.threshold) return null;
  const { value, of } = view.threshold;
  const name = of === "maps" ? "Threshold, live" : "Least score, live";
  const made = slider(name, { min: 0.01, max: 1, step: 0.01, value }, (moved) => state.change({ threshold: moved }), (v) => v.toFixed(2));
  const back = el("button", { type: "button", onclick: () => {
    made.input.value = String(value);
    made.told.textContent = value.toFixed(2);
    state.change({ threshold: null });
  } }, "As answered");
  return [made.node, el("div", { class: "field" }, el("span", { class: "label" }, "Threshold"), back)];
}

function classes(view, state) {
  const present = new Set(view.shapes.map((shape) => shape.label));
  const labels = view.arrays.labels?.values || [];
  for (let i = 0; i < labels.length; i += 1) if (labels[i]) present.add(labels[i]);
  const boxes = view.classes.map(({ name, colour }, label) => {
    if (!label) return null;
    const swatch = el("span", { class: "swatch" });
    swatch.style.background = colour;
    const box = el("input", { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      state.hidden[box.checked ? "delete" : "add"](label);
      state.change({});
    });
    return el("label", {}, box, swatch, present.has(label) ? name : `${name} (none found)`);
  });
  if (boxes.length < 2) return null;
  const heat = Object.keys(view.arrays).some((name) => name.startsWith("map:")) ? heatBox(state) : null;
  return el("fieldset", { class: "kinds" }, el("legend", { class: "unseen" }, "What is shown"), boxes, heat);
}

function heatBox(state) {
  const box = el("input", { type: "checkbox", checked: state.heat });
  box.addEventListener("change", () => state.change({ heat: box.checked }));
  return el("label", {}, box, "map of probability");
}

function table(views) {
  const rows = views[0].table.map((row, i) => el("tr", {},
    el("th", { scope: "row" }, row.of), el("td", {}, row.what),
    views.map((view) => el("td", { class: "number" }, view.table[i] && view.table[i].of === row.of ? view.table[i].text : "–"))));
  if (!rows.length) return el("p", { class: "muted" }, "Nothing was measured.");
  const head = el("tr", {}, ["Of", "Measure"].map((name) => el("th", { scope: "col" }, name)),
    views.map((view) => el("th", { scope: "col" }, TITLES[view.made_by.framework] || "Value")));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Measurements" },
    el("table", {}, el("thead", {}, head), el("tbody", {}, rows)));
}

function difference([one, other], state) {
  const a = labelsOf(one, null);
  const b = labelsOf(other, null);
  const facts = [];
  if (a && b && a.length === b.length) {
    const differs = new Uint8Array(a.length);
    let number = 0;
    for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) { differs[i] = 1; number += 1; }
    if (number) state.differs = differs;
    facts.push(`${number.toLocaleString("en")} of ${a.length.toLocaleString("en")} pixels have another label${number ? ", shown in red" : ""}`);
  }
  const values = one.table.map((row, i) => Math.abs(row.value - (other.table[i]?.value ?? NaN)) / Math.max(1e-9, Math.abs(row.value)));
  const same = one.table.length === other.table.length;
  if (values.length && same) facts.push(`the largest relative difference of a measurement is ${Math.max(...values).toExponential(1)}`);
  if (!same) facts.push(`${one.table.length} against ${other.table.length} measurements`);
  return el("p", { class: "note" }, el("strong", {}, "PyTorch against MindSpore: "), `${facts.join("; ")}.`);
}

function downloads(view) {
  const failed = el("span", { class: "small", role: "status" });
  const buttons = view.formats.map((format) => {
    const button = el("button", { type: "button" }, FORMATS[format] || format);
    button.addEventListener("click", async () => {
      button.disabled = true;
      try { await download(view.id, format); failed.textContent = ""; } catch (error) { failed.textContent = error.message; }
      button.disabled = false;
    });
    return button;
  });
  return el("section", { class: "panel" }, el("h2", {}, "Take along"), el("div", { class: "downloads" }, buttons), failed);
}

export function results(views, name) {
  views.forEach(markBelow);
  const [first] = views;
  const range = rangeOf(first);
  const state = sharedState(first, range);
  const isPair = views.length > 1;
  const compared = isPair ? difference(views, state) : null;
  const viewers = views.map((view) => new Viewer(view, state, isPair ? TITLES[view.made_by.framework] : null));
  const made = first.made_by;
  const out = el("div", {},
    warning(first),
    el("p", { class: "summary" }, first.title),
    el("div", { class: isPair ? "pair" : "" }, viewers.map((viewer) => viewer.node)),
    el("div", { class: "looks" }, looks(first, state, range).nodes, threshold(first, state)),
    classes(first, state), compared,
    first.stride > 1 ? el("p", { class: "muted small" }, `Shown at every ${first.stride}th pixel, because it is large.`) : null,
    el("section", { class: "panel" }, el("h2", {}, "Measured"), table(views)),
    downloads(first),
    el("p", { class: "muted small" }, `${made.algorithm}, ${made.checkpoint}, ${made.framework} on ${made.device}, openmedia-zoo ${made.version}; weights ${made.sha256.slice(0, 12)}. Input: ${name}.`));
  show(out, true);
  return out;
}
