// What a model answered: warnings first, then the picture, what was measured, and everything to take along.
import { download } from "./api.js";
import { el, field, show } from "./dom.js";
import { labelsOf, rangeOf } from "./planes.js";
import { markBelow } from "./shapes.js";
import { solid } from "./solid.js";
import { TITLES } from "./titles.js";
import { sharedState, Viewer } from "./viewer.js";

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

// How much of each class is above a threshold, in the unit that the size of a pixel allows.
function sizesAt(view, cut) {
  const counts = new Array(view.classes.length).fill(0);
  for (const label of labelsOf(view, cut)) counts[label] += 1;
  const [d, h, w] = view.spacing;
  const each = view.stride ** (view.is_volume ? 3 : 2);
  const text = (count) => {
    if (!view.knows_spacing) return `${(count * each).toLocaleString("en")} px`;
    return view.is_volume ? `${((count * each * d * h * w) / 1000).toPrecision(3)} ml` : `${((count * each * h * w) / 100).toPrecision(3)} cm²`;
  };
  return view.classes.map(({ name }, label) => (label ? `${name} ${text(counts[label])}` : "")).filter(Boolean).join(", ");
}

function threshold(view, state) {
  if (!view.threshold) return null;
  const { value, of } = view.threshold;
  const name = of === "maps" ? "Threshold" : "Least score";
  const back = el("button", { type: "button", class: "small-button", disabled: true }, "as answered");
  const made = slider(name, { min: 0.01, max: 1, step: 0.01, value }, (moved) => {
    back.disabled = false;
    state.change({ threshold: moved });
  }, (v) => v.toFixed(2));
  back.addEventListener("click", () => {
    made.input.value = String(value);
    made.told.textContent = value.toFixed(2);
    back.disabled = true;
    state.change({ threshold: null });
    made.input.focus();
  });
  made.node.append(back);
  if (of === "maps") {
    const sizes = el("p", { class: "muted small", role: "status" });
    state.listen(() => { sizes.textContent = state.threshold === null ? "" : `As shown: ${sizesAt(view, state.threshold)}. The table tells the answer.`; });
    made.node.append(sizes);
  }
  return made.node;
}

function classes(view, state) {
  const present = new Set(view.shapes.map((shape) => shape.label));
  const labels = view.arrays.labels?.values || [];
  for (let i = 0; i < labels.length; i += 1) if (labels[i]) present.add(labels[i]);
  const boxes = view.classes.map(({ name, colour }, label) => {
    if (!label) return null;
    const swatch = el("span", { class: view.object_colours ? "swatch many" : "swatch" });
    if (!view.object_colours) swatch.style.background = colour;
    const box = el("input", { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      state.hidden[box.checked ? "delete" : "add"](label);
      state.change({});
    });
    return el("label", {}, box, swatch, present.has(label) ? name : `${name} (none found)`);
  });
  const isEmpty = boxes.length < 2 || !(view.arrays.labels || view.shapes.length);
  const map = Object.entries(view.arrays).find(([name]) => name.startsWith("map:"));
  const heat = map?.[1].values.some((value) => value > 0) ? heatBox(state, view.answer) : null;
  return el("fieldset", { class: "kinds" }, el("legend", { class: "unseen" }, "What is shown"), isEmpty ? null : boxes, heat);
}

function heatBox(state, answer) {
  const box = el("input", { type: "checkbox", checked: state.heat });
  box.addEventListener("change", () => state.change({ heat: box.checked }));
  return el("label", {}, box, answer === "Segmentation" ? "map of probability" : "map of evidence");
}

// Both answers in one cell: one text where they agree, as they nearly always do.
function cell(texts) {
  return el("td", { class: "number" }, new Set(texts).size > 1 ? texts.join(" / ") : texts[0]);
}

function rowsOf(views, rows) {
  return rows.map(([row, i]) => row.measures.map((measure, m) =>
    cell(views.map((view) => view.table[i]?.measures[m]?.text ?? "–"))));
}

function scroll(name, head, rows) {
  const th = head.map((text, i) => el("th", { scope: "col", class: i && text !== "Measure" ? "number" : "" }, text));
  return el("div", { class: "scroll low", tabindex: "0", role: "group", "aria-label": name },
    el("table", {}, el("thead", {}, el("tr", {}, th)), el("tbody", {}, rows)));
}

function single(views, rows) {
  const cells = rowsOf(views, rows);
  const lines = rows.flatMap(([row], r) => row.measures.map((measure, m) =>
    el("tr", {}, el("th", { scope: "row" }, row.of), el("td", {}, measure.what), cells[r][m])));
  return scroll("Measurements", ["Of", "Measure", "Value"], lines);
}

function listed(views, rows, isOpen) {
  const cells = rowsOf(views, rows);
  const head = ["Number and kind", ...rows[0][0].measures.map(({ what }) => what)];
  const lines = rows.map(([row], r) => el("tr", {}, el("th", { scope: "row" }, `${r + 1} ${row.of}`), cells[r]));
  const text = `${rows.length} one by one`;
  return el("details", { open: isOpen || rows.length <= 12 }, el("summary", {}, text), scroll(text, head, lines));
}

function table(views) {
  const rows = views[0].table.map((row, i) => [row, i]).filter(([row]) => row.measures.length);
  const [things, sums] = [rows.filter(([row]) => row.has_place), rows.filter(([row]) => !row.has_place)];
  if (!rows.length) return el("p", { class: "muted" }, "Nothing was measured.");
  return [sums.length ? single(views, sums) : null, things.length ? listed(views, things, !sums.length) : null];
}

const numbersOf = (view) => view.table.flatMap((row) => row.measures.map(({ value }) => value));

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
  const [x, y] = [numbersOf(one), numbersOf(other)];
  if (x.length !== y.length) facts.push(`${x.length} against ${y.length} measurements`);
  else if (x.length) {
    const worst = Math.max(...x.map((value, i) => Math.abs(value - y[i]) / Math.max(1e-9, Math.abs(value))));
    facts.push(worst ? `measurements differ by ${worst.toExponential(1)} of their value at most` : "all measurements are equal");
  }
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
    first.is_volume ? solid(first, state) : null,
    downloads(first),
    el("p", { class: "muted small" }, `${made.algorithm}, ${made.checkpoint}, ${made.framework} on ${made.device}, openmedia-zoo ${made.version}; weights ${made.sha256.slice(0, 12)}. Input: ${name}.`));
  show(out, true);
  return out;
}
