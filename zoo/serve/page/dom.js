// Makes elements; text is always text, never markup.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const show = (node, isShown) => node.toggleAttribute("hidden", !isShown);

let counter = 0;
export const unique = (stem) => `${stem}-${(counter += 1)}`;

// A row with a label above its control, and a remark below.
export function field(label, control, told = "", value = null) {
  control.id ||= unique("field");
  const remark = told ? el("span", { class: "told", id: `${control.id}-told` }, told) : null;
  if (remark) control.setAttribute("aria-describedby", remark.id);
  const isCheck = control.type === "checkbox";
  const name = el("label", { for: control.id }, label, value ? [" ", value] : []);
  return el("div", { class: isCheck ? "field check" : "field" }, isCheck ? [control, name] : [name, control], remark);
}
