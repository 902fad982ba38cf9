// Pictures of validation cases after each epoch: to scroll, to play, beside their reference, and as a film to keep.
import { call, save } from "./api.js";
import { el, show } from "./dom.js";

const FRAME_MS = 350;
const epochOf = (file) => Number(/\d+/.exec(file)[0]);

export function cases(path) {
  const known = new Map();  // blob addresses of pictures that were fetched
  const state = { name: "", at: 0, isLast: true };
  let run = { cases: [] };
  let timer = 0;
  const names = el("div", { class: "row", role: "group", "aria-label": "Cases" });
  const image = el("img", { alt: "" });
  const reference = el("img", { alt: "" });
  const beside = el("figure", {}, el("figcaption", {}, "reference"), reference);
  const label = el("output", {}, "");
  const slider = el("input", { type: "range", min: "0", step: "1", "aria-label": "Epoch of the picture" });
  const play = el("button", { type: "button", "aria-pressed": "false" }, "Play");
  const film = el("button", { type: "button" }, "Film (GIF)");
  const failed = el("span", { class: "small", role: "status" });
  const node = el("section", { class: "panel cases", hidden: true },
    el("h2", {}, "Validation cases, epoch by epoch"), names,
    el("div", { class: "both" }, el("figure", {}, el("figcaption", {}, "answer, ", label), image), beside),
    el("div", { class: "player" }, play, slider, film), failed);

  const current = () => run.cases.find(({ name }) => name === state.name);
  const address = (file) => `${path}/cases/${encodeURIComponent(state.name)}/${file}`;

  async function picture(file) {
    const where = address(file);
    if (!known.has(where)) known.set(where, URL.createObjectURL(await (await call(where)).blob()));
    return known.get(where);
  }

  async function draw() {
    const shown = current();
    if (!shown) return;
    const at = Math.min(state.isLast ? shown.files.length - 1 : state.at, shown.files.length - 1);
    const epoch = epochOf(shown.files[at]);
    slider.max = String(shown.files.length - 1);
    slider.value = String(at);
    slider.setAttribute("aria-valuetext", `epoch ${epoch}`);
    label.textContent = epoch ? `epoch ${epoch}` : "before the first epoch";
    show(beside, shown.reference);
    try {
      const [source, other] = await Promise.all([picture(shown.files[at]), shown.reference ? picture("reference.jpg") : ""]);
      image.src = source;
      image.alt = `${shown.name}, answered after epoch ${epoch}`;
      if (other) Object.assign(reference, { src: other, alt: `${shown.name}, the reference` });
      failed.textContent = "";
    } catch (error) { failed.textContent = error.message; }
  }

  function choose(name) {
    state.name = name;
    [...names.children].forEach((chip) => chip.setAttribute("aria-pressed", String(chip.textContent === name)));
    draw();
  }

  function go(at) {
    state.at = at;
    state.isLast = at >= current().files.length - 1;
    return draw();
  }

  function halt() {
    clearTimeout(timer);
    timer = 0;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
  }

  async function step() {
    const last = current().files.length - 1;
    await go(Number(slider.value) >= last ? 0 : Number(slider.value) + 1);
    if (timer) timer = setTimeout(step, FRAME_MS);
  }

  play.addEventListener("click", () => {
    if (timer) { halt(); return; }
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
    timer = setTimeout(step, 0);
  });
  slider.addEventListener("input", () => { halt(); go(Number(slider.value)); });
  film.addEventListener("click", async () => {
    film.disabled = true;
    failed.textContent = "The film is drawn …";
    try {
      save(await (await call(address("film"))).blob(), `${state.name}.gif`);
      failed.textContent = "";
    } catch (error) { failed.textContent = error.message; }
    film.disabled = false;
  });

  function update(next) {
    const were = run.cases.map(({ name }) => name).join("\n");
    run = next;
    show(node, run.cases.length > 0);
    if (!run.cases.length) return;
    if (were !== run.cases.map(({ name }) => name).join("\n")) {
      names.replaceChildren(...run.cases.map(({ name }) => el("button", { type: "button", class: "chip", onclick: () => choose(name) }, name)));
    }
    if (!current()) choose(run.cases[0].name);
    else if (!timer) draw();
  }

  const end = () => { halt(); known.forEach((where) => URL.revokeObjectURL(where)); known.clear(); };
  return { node, update, end };
}
