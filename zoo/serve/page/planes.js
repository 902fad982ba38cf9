// Turns one slice of a view into pixels: the image in its window, and what lies over it.
const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
export const DIFFERS = [255, 64, 64];

// The axes of the three planes: which index is fixed, which runs down, which runs to the right.
export const PLANES = [
  { fixed: 0, down: 1, right: 2, name: "axial" },
  { fixed: 1, down: 0, right: 2, name: "coronal" },
  { fixed: 2, down: 0, right: 1, name: "sagittal" },
];

export function sizesOf(view, plane) {
  const { size, spacing } = view;
  return {
    w: size[plane.right], h: size[plane.down], slices: size[plane.fixed],
    aspect: (size[plane.right] * spacing[plane.right]) / (size[plane.down] * spacing[plane.down]),
  };
}

// Where a pixel of a plane lies in the arrays: a start and two steps, turned as people are used to see it.
function walk(view, plane, index) {
  const [, h, w] = view.size;
  const steps = [h * w, w, 1];
  const flips = view.flip || [false, false, false];
  const along = (axis) => (flips[axis] ? -steps[axis] : steps[axis]);
  const first = (axis) => (flips[axis] ? steps[axis] * (view.size[axis] - 1) : 0);
  return {
    start: index * steps[plane.fixed] + first(plane.down) + first(plane.right),
    down: along(plane.down), right: along(plane.right), count: view.size[0] * h * w,
  };
}

export function placeOf(view, plane, index, column, row) {
  const flips = view.flip || [false, false, false];
  const place = [0, 0, 0];
  place[plane.fixed] = index;
  place[plane.right] = flips[plane.right] ? view.size[plane.right] - 1 - column : column;
  place[plane.down] = flips[plane.down] ? view.size[plane.down] - 1 - row : row;
  return place;
}

export const offsetOf = (view, [z, y, x]) => (z * view.size[1] + y) * view.size[2] + x;

export function rangeOf(view) {
  const { values } = view.arrays.image;
  const step = Math.max(1, Math.floor(values.length / 50000));
  const some = [];
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i += step) some.push(values[i]);
  for (const value of some) { low = Math.min(low, value); high = Math.max(high, value); }
  if (low >= 0 && high <= 255 && high > 1) return { least: 0, most: 255, low: 0, high: 255 };
  some.sort((a, b) => a - b);
  const at = (share) => some[Math.floor(share * (some.length - 1))];
  const most = high > low ? high : low + 1;
  return { least: low, most, low: at(0.01), high: at(0.995) > at(0.01) ? at(0.995) : most };
}

export function paintImage(view, plane, index, window, out) {
  const { w, h } = sizesOf(view, plane);
  const { start, down, right, count } = walk(view, plane, index);
  const { values, shape } = view.arrays.image;
  const [second, third] = shape[0] >= 3 ? [count, 2 * count] : [0, 0];
  const scale = 255 / Math.max(window.high - window.low, 1e-6);
  for (let row = 0, pixel = 0; row < h; row += 1) {
    for (let column = 0, at = start + row * down; column < w; column += 1, at += right, pixel += 4) {
      out[pixel] = (values[at] - window.low) * scale;
      out[pixel + 1] = (values[at + second] - window.low) * scale;
      out[pixel + 2] = (values[at + third] - window.low) * scale;
      out[pixel + 3] = 255;
    }
  }
}

// The label of each pixel: as answered, or cut anew from the maps at a threshold.
export function labelsOf(view, threshold) {
  const isMoved = threshold !== null && view.threshold?.of === "maps";
  if (!isMoved) return view.arrays.labels?.values || null;
  if (view.cut?.threshold === threshold) return view.cut.labels;
  const maps = Object.entries(view.arrays).filter(([name]) => name.startsWith("map:"));
  const labels = view.cut?.labels || new Uint8Array(maps[0][1].values.length);
  const level = threshold * 255;
  labels.fill(0);
  const best = new Uint8Array(maps.length > 1 ? labels.length : 0);
  for (const [name, { values }] of maps) {
    const label = view.classes.findIndex((each) => each.name === name.slice(4));
    for (let i = 0; i < values.length; i += 1) {
      if (values[i] < level || (maps.length > 1 && values[i] <= best[i])) continue;
      labels[i] = label;
      if (maps.length > 1) best[i] = values[i];
    }
  }
  view.cut = { threshold, labels };
  return labels;
}

export function paintLabels(view, plane, index, state, out) {
  const { w, h } = sizesOf(view, plane);
  const { start, down, right } = walk(view, plane, index);
  out.fill(0);
  const labels = labelsOf(view, state.threshold);
  if (state.heat) paintHeat(view, plane, index, state, out);
  if (!labels) return;
  const parts = state.threshold === null ? view.arrays.objects?.values || labels : labels;
  const areObjects = parts !== labels && view.object_colours;
  const colours = areObjects ? [DIFFERS, ...view.object_colours.map(rgb)] : view.classes.map((each) => rgb(each.colour));
  const fill = Math.round(state.opacity * 255);
  for (let row = 0, pixel = 0; row < h; row += 1) {
    for (let column = 0, at = start + row * down; column < w; column += 1, at += right, pixel += 4) {
      const label = labels[at];
      if (!label || state.hidden.has(label)) continue;
      const isEdge = (column && parts[at - right] !== parts[at]) || (row && parts[at - down] !== parts[at])
        || (column + 1 < w && parts[at + right] !== parts[at]) || (row + 1 < h && parts[at + down] !== parts[at]);
      const colour = state.differs?.[at] ? DIFFERS : colours[areObjects ? parts[at] : label] || DIFFERS;
      [out[pixel], out[pixel + 1], out[pixel + 2]] = colour;
      out[pixel + 3] = isEdge && fill ? Math.min(255, fill + 130) : fill;
    }
  }
}

function paintHeat(view, plane, index, state, out) {
  const { w, h } = sizesOf(view, plane);
  const { start, down, right } = walk(view, plane, index);
  const map = Object.entries(view.arrays).find(([name]) => name.startsWith("map:"));
  if (!map) return;
  for (let row = 0, pixel = 0; row < h; row += 1) {
    for (let column = 0, at = start + row * down; column < w; column += 1, at += right, pixel += 4) {
      const heat = map[1].values[at];
      out[pixel] = Math.min(255, 90 + heat * 1.1);
      out[pixel + 1] = Math.max(0, heat * 1.5 - 150);
      out[pixel + 2] = Math.max(0, 110 - heat);
      out[pixel + 3] = heat * Math.min(1, state.opacity + 0.25);
    }
  }
}
