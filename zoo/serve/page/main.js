// Starts the page: light or dark, and which part is shown.
import { apiPage } from "./about.js";
import { gallery } from "./gallery.js";
import { modelPage } from "./model.js";
import { runPage, runsPage } from "./runs.js";
import { el } from "./dom.js";

const THEME = "zoo-theme";
const root = document.documentElement;
const main = document.getElementById("main");

function setTheme(name) {
  root.dataset.theme = name;
}

function theme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  setTheme(localStorage.getItem(THEME) || (dark.matches ? "dark" : "light"));
  dark.addEventListener("change", () => localStorage.getItem(THEME) || setTheme(dark.matches ? "dark" : "light"));
  document.getElementById("theme").addEventListener("click", () => {
    const other = root.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem(THEME, other);
    setTheme(other);
  });
}

let leave = null;
let asked = 0;

async function route() {
  const [kind, name] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  leave?.();
  leave = null;
  for (const link of document.querySelectorAll(".top nav a")) {
    const isHere = link.hash === (kind === "api" || kind === "runs" ? `#/${kind}` : "#/");
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const pages = { models: name && modelPage, runs: name ? runPage : runsPage, api: apiPage };
  const mine = (asked += 1);
  try {
    const { node, title, end } = await ((Object.hasOwn(pages, kind) && pages[kind]) || gallery)(name);
    if (mine !== asked) { end?.(); return; }  // another page was asked for meanwhile
    document.title = title ? `${title} · openmedia-zoo` : "openmedia-zoo";
    main.replaceChildren(...[node].flat());
    leave = end || null;
  } catch (error) {
    main.replaceChildren(el("p", { class: "note bad", role: "alert" }, error.message));
  }
  window.scrollTo(0, 0);
}

let isFirst = true;
theme();
if (location.pathname === "/docs" && !location.hash) location.hash = "#/api";
window.addEventListener("hashchange", () => route().then(() => main.focus({ preventScroll: true })));
route().then(() => { isFirst = false; root.dataset.ready = String(!isFirst); });
