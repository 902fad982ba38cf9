// Draws boxes, points and ellipses over a plane, at the resolution of the screen.
export function isShown(shape, state) {
  return !state.hidden.has(shape.label) && (state.threshold === null ? !shape.below : shape.score >= state.threshold);
}

// Marks the candidates below the threshold of the answer, which a lower one brings back.
export function markBelow(view) {
  const cut = view.threshold?.of === "scores" ? view.threshold.value : 0;
  for (const shape of view.shapes) shape.below = shape.score < cut - 1e-9;
}

export function drawShapes(context, view, state, index, scale) {
  const stride = view.stride || 1;
  const across = scale.x / stride;
  const down = scale.y / stride;
  context.lineWidth = 2 * scale.ratio;
  context.font = `600 ${12 * scale.ratio}px system-ui, sans-serif`;
  for (const given of view.shapes) {
    const shape = turned(given, view, stride);
    const [low, high] = shape.z || [-Infinity, Infinity];
    if (!isShown(shape, state) || index * stride < Math.floor(low) || index * stride >= Math.ceil(high)) continue;
    const colour = view.classes[shape.label]?.colour || "#35d0ff";
    outline(context, () => path(context, shape, across, down, scale.ratio), colour, scale.ratio);
    if (shape.kind === "point") fill(context, colour);
    if (shape.kind === "box") tag(context, shape, across, down, colour, scale.ratio);
    if (shape.kind === "ellipse") axes(context, shape, across, down, colour, scale.ratio);
  }
}

// Follows the picture where that is shown mirrored.
function turned(shape, view, stride) {
  const [, flipY, flipX] = view.flip || [];
  if (!flipX && !flipY) return shape;
  const [w, h] = [view.size[2] * stride, view.size[1] * stride];
  const x = (value) => (flipX ? w - value : value);
  const y = (value) => (flipY ? h - value : value);
  if (shape.kind !== "box") return { ...shape, at: [x(shape.at[0] + 1) , y(shape.at[1] + 1)] };
  const [x1, y1, x2, y2] = shape.box;
  return { ...shape, box: [Math.min(x(x1), x(x2)), Math.min(y(y1), y(y2)), Math.max(x(x1), x(x2)), Math.max(y(y1), y(y2))] };
}

function path(context, shape, across, down, ratio) {
  context.beginPath();
  if (shape.kind === "box") {
    const [x1, y1, x2, y2] = shape.box;
    context.rect(x1 * across, y1 * down, (x2 - x1) * across, (y2 - y1) * down);
  } else if (shape.kind === "point") {
    const radius = Math.max(2.5 * ratio, Math.min(6 * ratio, 4 * across));
    context.arc((shape.at[0] + 0.5) * across, (shape.at[1] + 0.5) * down, radius, 0, 2 * Math.PI);
  } else {
    context.save();
    context.scale(across, down);
    context.ellipse(shape.at[0] + 0.5, shape.at[1] + 0.5, shape.axes[0], shape.axes[1], shape.angle, 0, 2 * Math.PI);
    context.restore();
  }
}

function outline(context, draw, colour, ratio) {
  for (const [style, width] of [["rgb(0 0 0 / 55%)", 4], [colour, 2]]) {
    context.strokeStyle = style;
    context.lineWidth = width * ratio;
    draw();
    context.stroke();
  }
}

function fill(context, colour) {
  context.globalAlpha = 0.45;
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = 1;
}

function tag(context, shape, across, down, colour, ratio) {
  const text = `${(shape.score * 100).toFixed(0)} %`;
  const width = context.measureText(text).width + 8 * ratio;
  const x = Math.min(shape.box[0] * across, Math.max(0, context.canvas.width - width));
  const y = Math.max(0, shape.box[1] * down - 17 * ratio);
  context.fillStyle = colour;
  context.fillRect(x, y, width, 16 * ratio);
  context.fillStyle = "#06141a";
  context.fillText(text, x + 4 * ratio, y + 12 * ratio);
}

function axes(context, shape, across, down, colour, ratio) {
  const [cx, cy] = [shape.at[0] + 0.5, shape.at[1] + 0.5];
  context.strokeStyle = colour;
  for (const [length, angle] of [[shape.axes[0], shape.angle], [shape.axes[1], shape.angle + Math.PI / 2]]) {
    const [dx, dy] = [length * Math.cos(angle), length * Math.sin(angle)];
    context.lineWidth = ratio;
    context.setLineDash([5 * ratio, 4 * ratio]);
    context.beginPath();
    context.moveTo((cx - dx) * across, (cy - dy) * down);
    context.lineTo((cx + dx) * across, (cy + dy) * down);
    context.stroke();
    context.setLineDash([]);
  }
}
