// The trainings below the folder of --runs: a list, and one of them with its curves, while it is written.
import { getJson } from "./api.js";
import { cases } from "./cases.js";
import { chart, written } from "./chart.js";
import { el, field, show } from "./dom.js";
import { words } from "./gallery.js";
import { TITLES } from "./titles.js";

const EVERY_MS = 2000;
const goesOn = (run) => run.state === "running" || run.state === "held on another machine";

export function duration(seconds) {
  const all = Math.round(seconds);
  const [d, h, min, s] = [Math.floor(all / 86400), Math.floor(all / 3600) % 24, Math.floor(all / 60) % 60, all % 60];
  if (d) return `${d} d ${h} h`;
  if (h) return `${h} h ${min} min`;
  return min ? `${min} min ${s} s` : `${s} s`;
}

// Looks again and again, as long as the page is seen, until `end` is called.
function follow(look) {
  let timer = 0;
  let isOver = false;
  const step = async () => {
    const isWanted = document.visibilityState === "visible" ? await look().catch(() => true) : true;
    if (!isOver && isWanted) timer = setTimeout(step, EVERY_MS);
  };
  timer = setTimeout(step, EVERY_MS);
  return () => { isOver = true; clearTimeout(timer); };
}

const chip = (run) => el("span", { class: `tag state-${run.state.split(" ")[0]}` }, run.state);
const of = (run) => (run.epochs ? `${run.epoch} of ${run.epochs}` : String(run.epoch));
const best = (run) => (run.best ? `${written(run.best.score)} after epoch ${run.best.epoch}` : "not defined yet");
const model = (run) => [run.model || "unknown model", run.framework ? ` in ${TITLES[run.framework] || run.framework}` : ""].join("");

function bar(run) {
  return run.epochs ? el("progress", { max: run.epochs, value: run.epoch, "aria-label": `Epochs of ${run.run}` }) : null;
}

function row(run) {
  return el("tr", {},
    el("th", { scope: "row" }, el("a", { href: `#/runs/${encodeURIComponent(run.run)}` }, run.run)),
    el("td", {}, model(run)), el("td", {}, chip(run)),
    el("td", {}, of(run), bar(run)),
    el("td", { class: "number" }, run.seconds_left === null ? "–" : duration(run.seconds_left)),
    el("td", {}, run.monitor ? `${words(run.monitor)} ${best(run)}` : "–"));
}

const HOW = "zoo train 2D-UNet --data my_scans/ --out runs/mine --snapshots 4\nzoo serve --runs runs/";

function nothing(isShown) {
  return [
    el("p", {}, isShown ? "There is no training in the folder of --runs yet." : "This server shows no trainings. Start it with the folder that they are in:"),
    el("pre", { class: "code", tabindex: "0" }, HOW),
  ];
}

export async function runsPage() {
  const holder = el("div", {});
  const look = async () => {
    const { shown, runs } = await getJson("/runs");
    const head = ["Run", "Model", "State", "Epoch", "Time left", "Best on validation"].map((text, i) => el("th", { scope: "col", class: i === 4 ? "number" : "" }, text));
    const table = el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Trainings" },
      el("table", { class: "runs" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, runs.map(row))));
    const hadFocus = holder.querySelector("a:focus")?.hash;
    holder.replaceChildren(...(runs.length ? [table] : nothing(shown)));
    if (hadFocus) [...holder.querySelectorAll("a")].find((a) => a.hash === hadFocus)?.focus();
    return shown;
  };
  await look();
  return { title: "Trainings", node: [el("h1", {}, "Trainings"), el("p", { class: "lead" }, "What their folders tell, while they are written and afterwards."), holder], end: follow(look) };
}

function facts(run) {
  const rows = [["epoch", of(run)], ["time left", run.seconds_left === null ? null : duration(run.seconds_left)], [`best ${words(run.monitor)}`, run.monitor ? best(run) : null]];
  return el("div", {},
    el("div", { class: "tags" }, chip(run), el("span", { class: "tag" }, model(run))),
    el("dl", { class: "figures" }, rows.filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
    bar(run), run.reason ? el("p", { class: "note warn" }, run.reason) : null);
}

function table(run) {
  const names = Object.keys(run.scores);
  if (!names.length) return null;
  const place = run.best ? run.epochs_done.indexOf(run.best.epoch) : -1;
  const hasTest = Object.keys(run.test).length > 0;
  const head = ["Score", "last epoch", ...(place >= 0 ? [`epoch ${run.best.epoch}, best`] : []), ...(hasTest ? ["test, best weights"] : [])];
  const lines = names.map((name) => el("tr", {}, el("th", { scope: "row" }, words(name)),
    el("td", { class: "number" }, written(run.scores[name].at(-1))),
    place >= 0 ? el("td", { class: "number" }, written(run.scores[name][place])) : null,
    hasTest ? el("td", { class: "number" }, written(run.test[name])) : null));
  return el("div", { class: "scroll low", tabindex: "0", role: "group", "aria-label": "Scores" },
    el("table", {}, el("thead", {}, el("tr", {}, head.map((text, i) => el("th", { scope: "col", class: i ? "number" : "" }, text)))), el("tbody", {}, lines)));
}

export async function runPage(name) {
  const path = `/runs/${name.split("/").map(encodeURIComponent).join("/")}`;
  const [top, losses, scores, numbers] = [0, 1, 2, 3].map(() => el("div", {}));
  const select = el("select", {});
  const chosen = el("div", { class: "chosen-score" }, field("Score of the validation", select));
  const pictures = cases(path);
  let run = null;
  const drawScore = () => scores.replaceChildren(chart(`validation ${words(select.value)}`, run.epochs_done, [{ name: words(select.value), values: run.scores[select.value] }], select.value === run.monitor ? run.best?.epoch : null));
  select.addEventListener("change", drawScore);
  const look = async () => {
    const was = run?.epoch;
    run = await getJson(path);
    top.replaceChildren(facts(run));
    pictures.update(run);
    if (was === run.epoch && losses.firstChild) return goesOn(run);
    const names = Object.keys(run.scores);
    if (select.options.length !== names.length) select.replaceChildren(...names.map((each) => el("option", { value: each, selected: each === run.monitor }, words(each))));
    show(chosen, names.length > 1);
    if (!run.epochs_done.length) losses.replaceChildren(el("p", { class: "muted" }, "No epoch has ended yet."));
    else losses.replaceChildren(chart("loss", run.epochs_done, [{ name: "training", values: run.losses.training }, { name: "validation", values: run.losses.validation }]));
    if (names.length) drawScore();
    numbers.replaceChildren(...[table(run)].filter(Boolean));
    return goesOn(run);
  };
  await look();
  const leave = goesOn(run) ? follow(look) : () => null;
  const node = [
    el("p", { class: "small" }, el("a", { href: "#/runs" }, "All trainings")),
    el("h1", {}, run.run), top,
    el("div", { class: "curves" }, el("section", { class: "panel" }, losses), el("section", { class: "panel" }, scores, chosen)),
    pictures.node, el("section", { class: "panel" }, el("h2", {}, "Scores"), numbers),
  ];
  return { title: run.run, node, end: () => { leave(); pictures.end(); } };
}
