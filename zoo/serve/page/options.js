// Controls made from the JSON schema of a model's options.
import { el, field } from "./dom.js";

const kindOf = (schema) => (schema.enum ? "enum" : schema.type);

function control(schema) {
  const value = schema.default;
  if (kindOf(schema) === "enum") {
    return el("select", {}, schema.enum.map((each) => el("option", { value: each, selected: each === value }, String(each))));
  }
  if (schema.type === "boolean") return el("input", { type: "checkbox", checked: Boolean(value) });
  if (schema.type === "number" || schema.type === "integer") {
    const least = schema.minimum ?? schema.exclusiveMinimum;
    const most = schema.maximum ?? schema.exclusiveMaximum;
    return el("input", {
      type: "number", step: schema.type === "integer" ? "1" : "any", value: String(value),
      min: least === undefined ? null : String(least), max: most === undefined ? null : String(most),
    });
  }
  return el("input", { type: "text", value: Array.isArray(value) ? value.join(", ") : String(value ?? "") });
}

function read(schema, input) {
  if (schema.type === "boolean") return input.checked;
  if (schema.type === "number" || schema.type === "integer") return input.value === "" ? schema.default : Number(input.value);
  if (schema.type === "array") {
    const parts = input.value.split(/[,;\s]+/).filter(Boolean);
    return parts.map(Number).some(Number.isNaN) ? parts : parts.map(Number);
  }
  return input.value;
}

// Returns the fields, and a function that reads what differs from the defaults.
export function optionFields(schema) {
  const entries = Object.entries(schema.properties || {});
  const inputs = entries.map(([name, each]) => Object.assign(control(each), { name }));
  const nodes = entries.map(([name, each], i) => field(each.title || name, inputs[i], each.description));
  return {
    nodes,
    input: (name) => inputs.find((each) => each.name === name),
    set: (name, value) => { const i = entries.findIndex(([each]) => each === name); if (i >= 0) inputs[i].checked = value; },
    read: () => Object.fromEntries(entries
      .map(([name, each], i) => [name, read(each, inputs[i]), each.default])
      .filter(([, value, standard]) => JSON.stringify(value) !== JSON.stringify(standard))
      .map(([name, value]) => [name, value])),
  };
}
