// Where a model is tried: what goes in, how, and the way to its answer.
import { ApiError, forget, getView, runJob } from "./api.js";
import { el, field, show, unique } from "./dom.js";
import { optionFields } from "./options.js";
import { results } from "./results.js";
import { TITLES } from "./titles.js";

const SMALL_BYTES = 8 * 2 ** 20;  // a larger volume brings probabilities when it is asked to: they take room on the server
const FRAMEWORKS = ["torch", "mindspore"];

async function filesOf(items) {
  const out = [];
  const walk = async (entry, path) => {
    if (entry.isFile) {
      const file = await new Promise((done, fail) => entry.file(done, fail));
      out.push({ file, name: path + file.name });
    } else if (entry.isDirectory) {
      const reader = entry.createReader();
      for (let batch; (batch = await new Promise((done, fail) => reader.readEntries(done, fail))).length;) {
        for (const each of batch) await walk(each, `${path}${entry.name}/`);
      }
    }
  };
  for (const entry of [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean)) await walk(entry, "");
  return out;
}

export function bench(model) {
  const names = Object.keys(model.checkpoints);
  const stage = el("div", {});
  const said = el("div", { role: "status", "aria-live": "polite" });
  const bar = el("progress", { "aria-label": "Progress", hidden: true });
  const stop = el("button", { type: "button", hidden: true }, "Cancel");
  const state = el("div", { class: "state", hidden: true }, said, bar, stop);
  const checkpoint = el("select", {}, names.map((name) =>
    el("option", { value: name, selected: model.checkpoints[name].default }, name)));
  const trainedOn = el("p", { class: "muted small" });
  const holder = el("div", {});
  let options = null;
  let input = null;
  let abort = null;
  let held = [];
  let isChosen = false;  // whether a volume is to bring its probabilities was said, not left to its size

  const spacing = el("input", { type: "text", inputmode: "decimal", placeholder: model.dimensions === 3 ? "3, 0.7, 0.7" : "0.15" });
  const views = el("input", { type: "checkbox" });

  function offer() {
    const chosen = model.checkpoints[checkpoint.value];
    trainedOn.textContent = chosen ? `Trained on ${chosen.dataset.name}: ${chosen.classes.filter((each) => each !== "background").join(", ")}.` : "";
    options = optionFields(chosen?.options || {});
    if (model.dimensions === 2) options.set("probabilities", true);
    else options.input("probabilities")?.addEventListener("change", () => { isChosen = true; });
    const more = chosen?.may_tta ? field("average over mirrored views", views, "slower, often a little better") : null;
    holder.replaceChildren(el("details", {}, el("summary", {}, "Options"),
      field("size of a pixel [mm]", spacing, "only where the file does not say it"), more, options.nodes));
  }
  checkpoint.addEventListener("change", offer);
  offer();

  const pair = FRAMEWORKS.filter((name) => model.usable.includes(name));
  const runtimes = model.usable.filter((name) => !FRAMEWORKS.includes(name));
  const backends = [...pair, ...(pair.length > 1 ? ["both"] : []), ...runtimes];
  const group = unique("backend");
  const radios = backends.map((name, i) => el("input", { type: "radio", name: group, value: name, id: `${group}-${i}`, checked: i === 0 }));
  const choice = el("fieldset", { class: "choice" }, el("legend", {}, "Framework"),
    radios.map((radio, i) => [el("label", { for: radio.id }, radio, TITLES[backends[i]])]));

  function formOf(backend) {
    const form = new FormData();
    if (input.files) input.files.forEach(({ file, name }) => form.append("file", file, name));
    else form.append("example", String(input.seed));
    form.append("backend", backend);
    form.append("checkpoint", checkpoint.value);
    form.append("options", JSON.stringify(options.read()));
    if (views.checked && model.checkpoints[checkpoint.value].may_tta) form.append("tta", "true");
    if (spacing.value.trim()) form.append("spacing_mm", spacing.value.replace(/[;\s]+/g, ",").replace(/,+/g, ","));
    return form;
  }

  async function run() {
    abort?.abort();
    abort = new AbortController();
    const { signal } = abort;
    const began = performance.now();
    const chosen = radios.find((radio) => radio.checked)?.value;
    const wanted = chosen === "both" ? pair : [chosen];
    show(state, true);
    show(bar, true);
    show(stop, true);
    try {
      held.forEach(forget);
      held = [];
      const views_ = [];
      for (const backend of wanted) {
        const hear = (told) => report(told, TITLES[backend]);
        hear({ state: "sending", done: 0, total: 0 });
        const id = await runJob(model.name, formOf(backend), hear, signal);
        held.push(id);
        views_.push(await getView(id));
      }
      said.replaceChildren(`Answered in ${((performance.now() - began) / 1000).toFixed(1)} s.`);
      stage.replaceChildren(results(views_, input.name));
      stage.querySelector(".seen")?.scrollIntoView({ block: "nearest" });
    } catch (error) {
      if (error.name === "AbortError" || error.message === "cancelled") said.replaceChildren("Cancelled.");
      else {
        said.replaceChildren(el("p", { class: "note bad", role: "alert" }, error.message));
        if (!(error instanceof ApiError)) throw error;
      }
    } finally {
      show(bar, false);
      show(stop, false);
    }
  }

  function report(told, title) {
    const isStep = told.total > 0;
    if (isStep) Object.assign(bar, { max: told.total, value: told.done });
    else bar.removeAttribute("value");
    const steps = isStep ? ` ${told.done} of ${told.total}` : "";
    said.replaceChildren(`${title}: ${told.state}${steps}`);
  }

  function take(next) {
    input = next;
    const bytes = (input.files || []).reduce((sum, { file }) => sum + file.size, 0);
    if (model.dimensions === 3 && !isChosen) options.set("probabilities", bytes <= SMALL_BYTES);
    chosenName.textContent = input.files && input.files.length > 1 ? `${input.files.length} files` : input.name;
    show(again, true);
    run();
  }
  const takeFiles = (files) => {
    const kept = files.filter(({ name }) => !name.split("/").some((part) => part.startsWith(".")));
    if (kept.length) take({ files: kept, name: kept.length > 1 ? `${kept.length} files` : kept[0].file.name });
  };
  const picked = (event) => takeFiles([...event.target.files].map((file) => ({ file, name: file.webkitRelativePath || file.name })));

  const file = el("input", { type: "file", multiple: true, class: "unseen", tabindex: "-1", "aria-label": "Files", onchange: picked });
  const folder = el("input", { type: "file", webkitdirectory: true, class: "unseen", tabindex: "-1", "aria-label": "Folder", onchange: picked });
  folder.setAttribute("webkitdirectory", "");
  let seed = 0;
  const buttons = (first) => [
    el("button", { type: "button", class: first, onclick: () => file.click() }, "Choose files"),
    el("button", { type: "button", onclick: () => folder.click() }, "A DICOM folder"),
    el("button", { type: "button", onclick: () => take({ seed: seed++, name: "drawn example" }) }, "A drawn example"),
  ];
  const drop = el("div", { class: "drop" },
    el("h2", {}, model.dimensions === 3 ? "Drop a volume here" : "Drop a picture here"),
    el("p", { class: "muted small" }, `PNG, JPEG, TIFF, NIfTI, NRRD, MetaImage, DICOM, or a zip of a series. This model is for ${model.modality}.`),
    el("div", { class: "row" }, buttons("strong")));
  const chosenName = el("p", { class: "chosen muted small" });
  const again = el("div", { hidden: true }, chosenName,
    el("div", { class: "row" }, el("button", { type: "button", class: "strong", onclick: () => run() }, "Run again"), buttons("")));

  const node = el("div", { class: "bench" },
    el("div", {}, state, stage),
    el("div", {},
      el("div", { class: "panel" },
        el("h2", {}, "How"),
        el("div", { class: "field" }, el("span", { class: "label" }, "Framework"), choice),
        names.length > 1 ? field("Weights", checkpoint) : null, trainedOn,
        holder, again)),
    file, folder);
  stage.append(drop);
  stop.addEventListener("click", () => abort?.abort());
  for (const kind of ["dragenter", "dragover"]) node.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) node.addEventListener(kind, () => drop.classList.remove("over"));
  node.addEventListener("drop", async (event) => { event.preventDefault(); takeFiles(await filesOf(event.dataTransfer.items)); });
  const leave = () => { abort?.abort(); held.forEach(forget); };
  window.addEventListener("pagehide", leave);
  return { node, end: () => { window.removeEventListener("pagehide", leave); leave(); } };
}
