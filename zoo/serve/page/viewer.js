// Shows a view: one picture, or three planes of a volume, with slices to scroll through.
import { el } from "./dom.js";
import { offsetOf, paintImage, paintLabels, labelsOf, placeOf, PLANES, sizesOf } from "./planes.js";
import { drawShapes } from "./shapes.js";

const KEYS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };

// What all viewers of an answer share; `change` draws them anew.
export function sharedState(view, range) {
  const listeners = new Set();
  const state = {
    place: view.size.map((n) => Math.floor(n / 2)),
    window: { low: range.low, high: range.high },
    opacity: 0.4, hidden: new Set(), threshold: null, differs: null,
    heat: !view.arrays.labels && Object.keys(view.arrays).some((name) => name.startsWith("map:")),
    listen: (hear) => listeners.add(hear),
    change(changes) { Object.assign(state, changes); listeners.forEach((hear) => hear()); },
  };
  return state;
}

export class Viewer {
  constructor(view, state, title) {
    this.view = view;
    this.state = state;
    this.hint = view.is_volume
      ? "Arrow keys or the wheel scroll through the slices; a click moves the cross."
      : "Point at the picture for its values.";
    this.spot = el("div", { class: "spot" }, this.hint);
    const planes = view.is_volume ? PLANES : PLANES.slice(0, 1);
    this.panes = planes.map((plane) => this.pane(plane));
    const grid = el("div", { class: view.is_volume ? "planes three" : "planes" }, this.panes.map((pane) => pane.node));
    const head = title ? el("header", {}, el("span", {}, title)) : null;
    this.node = el("section", { class: "seen", "aria-label": title || "Result" }, head, grid, this.spot);
    this.frame = 0;
    state.listen(() => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.node);
  }

  nameOf(plane) {
    return this.view.knows_planes ? plane.name : ["slices", "rows", "columns"][plane.fixed];
  }

  pane(plane) {
    const { slices } = sizesOf(this.view, plane);
    const told = this.view.is_volume ? `${this.nameOf(plane)} plane, arrow keys scroll` : "the picture with what was found";
    const canvas = el("canvas", { role: "img", "aria-label": `${this.view.title}: ${told}`, tabindex: "0" });
    const pane = { plane, canvas, base: document.createElement("canvas"), over: document.createElement("canvas") };
    const children = [canvas];
    if (slices > 1) {
      pane.count = el("span", {}, "");
      pane.slider = el("input", {
        type: "range", min: "0", max: String(slices - 1), step: "1", "aria-label": `Slice, ${this.nameOf(plane)}`,
        oninput: () => this.go(plane, Number(pane.slider.value)),
      });
      children.push(el("div", { class: "slice" }, el("span", {}, this.nameOf(plane)), pane.slider, pane.count));
    }
    canvas.addEventListener("keydown", (event) => this.key(event, plane, slices));
    canvas.addEventListener("wheel", (event) => this.wheel(event, plane, slices), { passive: false });
    canvas.addEventListener("pointermove", (event) => this.point(event, pane));
    canvas.addEventListener("pointerleave", () => { this.spot.textContent = this.hint; });
    canvas.addEventListener("click", (event) => this.click(event, pane));
    pane.node = el("div", { class: "plane" }, children);
    return pane;
  }

  go(plane, index) {
    const place = [...this.state.place];
    place[plane.fixed] = Math.min(Math.max(index, 0), this.view.size[plane.fixed] - 1);
    this.state.change({ place });
  }

  key(event, plane, slices) {
    if (slices < 2 || !(event.key in KEYS)) return;
    event.preventDefault();
    this.go(plane, this.state.place[plane.fixed] + KEYS[event.key]);
  }

  wheel(event, plane, slices) {
    if (slices < 2 || event.ctrlKey) return;
    event.preventDefault();
    this.go(plane, this.state.place[plane.fixed] + (event.deltaY > 0 ? -1 : 1));
  }

  placeAt(event, { plane, canvas }) {
    const box = canvas.getBoundingClientRect();
    const { w, h } = sizesOf(this.view, plane);
    const column = Math.min(w - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * w)));
    const row = Math.min(h - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * h)));
    return placeOf(this.view, plane, this.state.place[plane.fixed], column, row);
  }

  point(event, pane) {
    const place = this.placeAt(event, pane);
    const at = offsetOf(this.view, place);
    const { values, shape } = this.view.arrays.image;
    const channels = Array.from({ length: shape[0] }, (_, c) => values[at + (c * values.length) / shape[0]]);
    const shown = channels.map((value) => (Number.isInteger(value) ? value : value.toFixed(2))).join(", ");
    const labels = labelsOf(this.view, this.state.threshold);
    const object = this.state.threshold === null ? this.view.arrays.objects?.values[at] : 0;
    const label = labels?.[at] ? ` · ${this.view.classes[labels[at]]?.name}${object ? ` ${object}` : ""}` : "";
    const where = this.view.is_volume ? place.slice().reverse().join(", ") : `${place[2]}, ${place[1]}`;
    this.spot.textContent = `${where} · ${shown}${label}`;
  }

  click(event, pane) {
    if (this.view.is_volume) this.state.change({ place: this.placeAt(event, pane) });
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.panes.forEach((pane) => this.drawPane(pane)));
  }

  drawPane(pane) {
    const { view, state } = this;
    const { plane, canvas, base, over } = pane;
    const { w, h, slices, aspect } = sizesOf(view, plane);
    const index = Math.min(state.place[plane.fixed], slices - 1);
    const room = pane.node.clientWidth;
    if (!room) return;
    const most = Math.min(window.innerHeight * (view.is_volume ? 0.5 : 0.72), 760);
    const width = Math.max(40, Math.min(room, most * aspect));
    const ratio = window.devicePixelRatio || 1;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${width / aspect}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round((width / aspect) * ratio);
    const context = canvas.getContext("2d");
    for (const [layer, paint] of [
      [base, (out) => paintImage(view, plane, index, state.window, out)],
      [over, (out) => paintLabels(view, plane, index, state, out)],
    ]) {
      layer.width = w;
      layer.height = h;
      const pixels = new ImageData(w, h);
      paint(pixels.data);
      layer.getContext("2d").putImageData(pixels, 0, 0);
      context.imageSmoothingEnabled = layer === base || state.heat;
      context.drawImage(layer, 0, 0, canvas.width, canvas.height);
    }
    const scale = { x: canvas.width / w, y: canvas.height / h, ratio };
    if (plane.fixed === 0) drawShapes(context, view, state, index, scale);
    if (view.is_volume) this.cross(context, plane, scale);
    if (pane.slider) {
      pane.slider.value = String(index);
      pane.count.textContent = `${index + 1} / ${slices}`;
    }
  }

  cross(context, plane, scale) {
    const flips = this.view.flip || [false, false, false];
    const along = (axis) => (flips[axis] ? this.view.size[axis] - 1 - this.state.place[axis] : this.state.place[axis]) + 0.5;
    context.strokeStyle = "rgb(111 211 203 / 45%)";
    context.lineWidth = scale.ratio;
    context.beginPath();
    context.moveTo(along(plane.right) * scale.x, 0);
    context.lineTo(along(plane.right) * scale.x, context.canvas.height);
    context.moveTo(0, along(plane.down) * scale.y);
    context.lineTo(context.canvas.width, along(plane.down) * scale.y);
    context.stroke();
  }
}
