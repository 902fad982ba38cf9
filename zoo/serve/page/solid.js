// Shows a volume in space and its planes with NiiVue, which is loaded only for that.
import { el } from "./dom.js";
import { labelsOf } from "./planes.js";

const KINDS = new Map([[Uint8Array, [2, 8]], [Int16Array, [4, 16]], [Int32Array, [8, 32]], [Float32Array, [16, 32]], [Uint16Array, [512, 16]]]);
const HEADER = 352;
const CROSS = [0.44, 0.83, 0.8, 1];
let library = null;
let shown = null;

function niivue() {
  library ||= new Promise((done, fail) => {
    const script = el("script", { src: "/page/vendor/niivue.umd.js" });
    script.addEventListener("load", () => done(window.niivue));
    script.addEventListener("error", () => { library = null; fail(new Error("NiiVue could not be loaded")); });
    document.head.append(script);
  });
  return library;
}

// Writes values (d, h, w) as a NIfTI file, in the place that the view knows.
function nifti(view, values) {
  const [d, h, w] = view.size;
  const count = d * h * w;
  const [kind, bits] = KINDS.get(values.constructor);
  const buffer = new ArrayBuffer(HEADER + (count * bits) / 8);
  const head = new DataView(buffer);
  const put = (how, place, numbers) => numbers.forEach((n, i) => head[`set${how}`](place + i * (how === "Float32" ? 4 : 2), n, true));
  head.setInt32(0, 348, true);
  put("Int16", 40, [3, w, h, d, 1, 1, 1, 1]);
  put("Int16", 70, [kind, bits]);
  put("Float32", 76, [1, view.spacing[2], view.spacing[1], view.spacing[0], 0, 0, 0, 0]);
  put("Float32", 108, [HEADER, 1, 0]);
  put("Int16", 252, [0, 1]);
  const rows = view.affine || [[view.spacing[2], 0, 0, 0], [0, view.spacing[1], 0, 0], [0, 0, view.spacing[0], 0]];
  rows.slice(0, 3).forEach((row, i) => put("Float32", 280 + 16 * i, row));
  [..."n+1"].forEach((letter, i) => head.setUint8(344 + i, letter.charCodeAt(0)));
  new Uint8Array(buffer, HEADER).set(new Uint8Array(values.buffer, values.byteOffset, (count * bits) / 8));
  return buffer;
}

function colours(view, state) {
  const part = (place) => view.classes.map(({ colour }, i) => (i ? parseInt(colour.slice(place, place + 2), 16) : 0));
  const alpha = view.classes.map((_, label) => (label && !state.hidden.has(label) ? 255 : 0));
  return { R: part(1), G: part(3), B: part(5), A: alpha, I: view.classes.map((_, i) => i), labels: view.classes.map(({ name }) => name) };
}

function end() {
  shown?.gl?.getExtension("WEBGL_lose_context")?.loseContext();
  shown = null;
}

async function draw(view, state, canvas) {
  const { Niivue } = await niivue();
  end();
  const viewer = new Niivue({ backColor: [0.03, 0.04, 0.05, 1], crosshairColor: CROSS, show3Dcrosshair: true, crosshairWidth: 0.6, isRadiologicalConvention: true, isColorbar: false, logLevel: "silent" });
  await viewer.attachToCanvas(canvas);
  shown = viewer;
  await viewer.loadFromArrayBuffer(nifti(view, view.arrays.image.values), "image.nii");
  const labels = labelsOf(view, state.threshold);
  if (labels) {
    await viewer.loadFromArrayBuffer(nifti(view, labels), "labels.nii");
    viewer.volumes[1].setColormapLabel(colours(view, state));
    viewer.setOpacity(1, Math.max(state.opacity, 0.5));
  }
  viewer.setSliceType(viewer.sliceTypeMultiplanar);
  viewer.setMultiplanarLayout(2);  // two by two
  viewer.opts.multiplanarShowRender = 1;  // with the rendering among them
  viewer.drawScene();
  viewer.cutAt = state.threshold;
  state.listen(() => follow(viewer, view, state, labels));
  return viewer;
}

function follow(viewer, view, state, labels) {
  if (viewer !== shown) return;
  Object.assign(viewer.volumes[0], { cal_min: state.window.low, cal_max: state.window.high });
  if (labels) {
    if (viewer.cutAt !== state.threshold) viewer.volumes[1].img.set(labelsOf(view, state.threshold));
    viewer.cutAt = state.threshold;
    viewer.volumes[1].setColormapLabel(colours(view, state));
    viewer.setOpacity(1, state.opacity);
  }
  viewer.updateGLVolume();
}

// A part of the page that opens the volume in space when it is asked to.
export function solid(view, state) {
  const told = el("p", { class: "muted small", role: "status" }, "Planes and a rendering by NiiVue; drag to turn, the wheel scrolls.");
  const canvas = el("canvas", { tabindex: "0", role: "img", "aria-label": `${view.title}: the volume in space` });
  const room = el("div", { class: "solid", hidden: true }, canvas);
  const button = el("button", { type: "button", "aria-expanded": "false" }, "Show in 3-D");
  button.addEventListener("click", async () => {
    button.disabled = true;
    room.hidden = false;
    button.setAttribute("aria-expanded", "true");
    try {
      await draw(view, state, canvas);
      room.dataset.ready = "true";
    } catch (error) {
      room.hidden = true;
      button.disabled = false;
      told.textContent = `It cannot be shown here (${error.message}); this needs WebGL 2.`;
    }
  });
  return el("section", { class: "panel" }, el("h2", {}, "In space"), told, button, room);
}
