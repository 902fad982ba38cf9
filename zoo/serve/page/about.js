// What programs can ask, from the service's own OpenAPI description.
import { getOnce } from "./api.js";
import { el } from "./dom.js";

const FIRST = `curl -F file=@scan.png ${location.origin}/models/EllipseNet/predict
curl -F file=@scan.png -H 'Accept: image/png' ${location.origin}/models/EllipseNet/predict -o overlay.png
curl -F file=@study.zip '${location.origin}/models/3D-UNet/predict?job=true'   # a job, with /jobs/ID/events`;

export async function apiPage() {
  const told = await getOnce("/openapi.json");
  const rows = Object.entries(told.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { description, parameters = [] }]) =>
      el("tr", {},
        el("td", {}, el("code", {}, `${method.toUpperCase()} ${path}`)),
        el("td", {}, description || "", parameters.filter((each) => each.in === "query").map((each) =>
          el("div", { class: "muted" }, el("code", {}, `?${each.name}`), ` ${each.description || ""}`))))));
  const body = told.paths["/models/{name}/predict"].post.requestBody.content["multipart/form-data"].schema.properties;
  const fields = Object.entries(body).map(([name, { description }]) =>
    el("tr", {}, el("td", {}, el("code", {}, name)), el("td", {}, description)));
  const scroll = (table, name) => el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": name }, table);
  return {
    title: "API",
    node: [
      el("h1", {}, "The same, from a program"),
      el("p", { class: "lead" }, "Everything on this page goes through these routes. ", el("a", { href: "/openapi.json" }, "openapi.json"), " describes them for tools."),
      el("pre", { class: "code", tabindex: "0" }, FIRST),
      el("h2", {}, "Routes"), el("div", { class: "card" }, scroll(el("table", {}, el("tbody", {}, rows)), "Routes")),
      el("h2", {}, "Fields of a prediction"), el("div", { class: "card" }, scroll(el("table", {}, el("tbody", {}, fields)), "Fields")),
    ],
  };
}
