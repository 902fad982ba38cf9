// Talks to the service; asks for a token where it wants one.
const KEY = "zoo-token";

export class ApiError extends Error {
  constructor(status, told) {
    super(told.detail || `the server answered ${status}`);
    Object.assign(this, { status, kind: told.kind || "" });
  }
}

async function askToken() {
  const dialog = document.getElementById("token");
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  sessionStorage.setItem(KEY, document.getElementById("token-text").value.trim());
}

export async function call(path, init = {}) {
  const token = sessionStorage.getItem(KEY);
  const headers = { ...init.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  let answer;
  try {
    answer = await fetch(path, { ...init, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: "The server cannot be reached. Does it still run?" });
  }
  if (answer.status === 401) {
    await askToken();
    return call(path, init);
  }
  if (!answer.ok) throw new ApiError(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

export const getJson = async (path) => (await call(path)).json();

const known = new Map();
export function getOnce(path) {
  if (!known.has(path)) known.set(path, getJson(path).catch((error) => { known.delete(path); throw error; }));
  return known.get(path);
}

// Sends a form, follows the job, and returns its id; `hear` is told how far it is.
export async function runJob(model, form, hear, signal) {
  const path = `/models/${encodeURIComponent(model)}/predict?job=true`;
  let answer;
  for (;;) {
    try {
      answer = await call(path, { method: "POST", body: form, signal });
      break;
    } catch (error) {
      if (error.status !== 429) throw error;
      hear({ state: "the server is busy; waiting", done: 0, total: 0 });
      await new Promise((done) => setTimeout(done, 2000));
    }
  }
  const { id } = await answer.json();
  const cancel = () => forget(id);
  signal.addEventListener("abort", cancel);
  try {
    const told = await lastEvent(id, hear, signal);
    if (told.error) throw new ApiError(422, told.error);
    return id;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

async function lastEvent(id, hear, signal) {
  const reader = (await call(`/jobs/${id}/events`, { signal })).body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let told = {};
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return told;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      told = JSON.parse(block.slice(block.indexOf("data: ") + 6));
      hear(told);
    }
  }
}

export const forget = (id) => call(`/jobs/${id}`, { method: "DELETE", keepalive: true }).catch(() => null);

export async function download(id, format) {
  const answer = await call(`/jobs/${id}/result?format=${format}`);
  const name = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") || "");
  save(await answer.blob(), name ? name[1] : `answer.${format}`);
}

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const ARRAYS = {
  uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array, float32: Float32Array,
};

// Reads a view: the length of its header, the header, then the arrays, each from a multiple of eight bytes on.
export function parseView(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  let place = 4 + size;
  const arrays = {};
  for (const { name, type, shape } of head.arrays) {
    const values = new ARRAYS[type](buffer, place, shape.reduce((a, b) => a * b, 1));
    arrays[name] = { values, shape };
    place += Math.ceil(values.byteLength / 8) * 8;
  }
  return { ...head, id: head.id, arrays };
}

export async function getView(id) {
  const answer = await call(`/jobs/${id}/result?format=view`);
  return { ...parseView(await answer.arrayBuffer()), id };
}
