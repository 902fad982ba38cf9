"""The loss of EllipseNet in MindSpore."""

from __future__ import annotations

import math

from mindspore import Tensor, ops

from .config import STRIDE, Config
from .rotated_iou_mindspore import distance_penalty, rotated_iou

Tensors = dict[str, Tensor]


def losses(outputs: Tensors, targets: Tensors, config: Config) -> Tensors:
    """Return the weighted terms; their sum is the loss.

    outputs: maps (n, m, h, w), see Config.outputs. targets: see targets.encode, with a batch axis.
    """
    mask = targets["mask"]
    shared = config.heads == "official"
    names = [name for name in config.outputs if name not in ("hm", "sincos")]
    at = {name: read_cells(outputs[name], targets["index"], shared) for name in names}
    al, bl = (at["ratio_al"], at["ratio_bl"]) if shared else (at["al"], at["bl"])
    terms = {
        "hm": focal_loss(outputs["hm"], targets["hm"]),
        "reg": masked_l1(at["reg"], targets["reg"], mask),
        "l": 0.1 * masked_l1(at["l"], targets["l"].expand_dims(2), mask),
        "al": masked_l1(al, targets["al"].expand_dims(2), mask),
        "bl": masked_l1(bl, targets["bl"].expand_dims(2), mask),
    }
    if shared:
        angle = math.pi * at["theta"][:, :, 0]
        terms["theta"] = 5 * angle_loss(angle, math.pi * targets["theta"], mask)
    else:
        angle = halved_angle(at["angle"][:, :, 0], at["angle"][:, :, 1])
        terms["angle"] = 2 * masked_l1(at["angle"], targets["angle"], mask)
    boxes = decode_boxes(at["reg"], at["l"][:, :, 0], al[:, :, 0], bl[:, :, 0], angle, targets, outputs["hm"].shape[3])
    terms["iou"] = iou_loss(boxes, targets["box"], mask, config.enclosing)
    return terms


def focal_loss(logits: Tensor, heat_map: Tensor) -> Tensor:
    """Penalise the heat map (n, classes, h, w), less so near a peak (Zhou et al. 2019, eq. 1)."""
    p = ops.clamp(ops.sigmoid(logits), 1e-4, 1 - 1e-4)
    is_peak = (heat_map == 1).astype(p.dtype)
    found = (ops.log(p) * (1 - p) ** 2 * is_peak).sum()
    empty = (ops.log(1 - p) * p**2 * (1 - heat_map) ** 4 * (1 - is_peak)).sum()
    return -(found + empty) / ops.clamp(is_peak.sum(), min=1)


def masked_l1(values: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Average |values - truth| (n, classes, v) over the classes present and their values; mask (n, classes)."""
    error = (ops.abs(values - truth) * mask.expand_dims(2)).sum()
    return error / (mask.sum() * values.shape[2] + 1e-4)


def angle_loss(angle: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Average the angle between undirected axes, 0..pi/2; all (n, classes)."""
    turn = 2 * (angle - truth)
    wrapped = ops.atan2(ops.sin(turn), ops.cos(turn)) / 2
    return (ops.abs(wrapped) * mask).sum() / (mask.sum() + 1e-4)


def halved_angle(cos: Tensor, sin: Tensor) -> Tensor:
    """Return t from (cos 2t, sin 2t) of any length [rad]; 0, without a gradient, where both are nearly zero."""
    is_short = cos**2 + sin**2 < 1e-4  # the gradient of atan2 grows without bound there
    return ops.atan2(ops.where(is_short, ops.zeros_like(sin), sin), ops.where(is_short, ops.ones_like(cos), cos)) / 2


def iou_loss(boxes: Tensor, truth: Tensor, mask: Tensor, enclosing: str) -> Tensor:
    """Average the DIoU loss of the enclosing rotated rectangles (n, classes, 5) over the classes present."""
    boxes, truth, mask = boxes.reshape(-1, 5), truth.reshape(-1, 5), mask.reshape(-1)
    loss = 1 - rotated_iou(boxes, truth) + distance_penalty(boxes, truth, enclosing)
    return (loss * mask).sum() / ops.clamp(mask.sum(), min=1)


def decode_boxes(
    reg: Tensor,
    diagonal: Tensor,
    al: Tensor,
    bl: Tensor,
    angle: Tensor,
    targets: Tensors,
    map_width: int,
) -> Tensor:
    """Turn the values at the true cells into rectangles (n, classes, 5) in pixels of the input.

    The published code reads the predicted peaks here and adds the offset without the stride; at the true cells the
    term has a gradient from the first step on.
    """
    index = targets["index"]
    cell = ops.stack([index % map_width, index // map_width], axis=2).astype(reg.dtype)
    centre = STRIDE * (cell + reg)
    side = STRIDE * ops.clamp(diagonal, min=0.1)  # a box needs an area; untrained networks also answer below zero
    return ops.cat([centre, ops.stack([side * al, side * bl, angle], axis=2)], axis=2)


def read_cells(maps: Tensor, index: Tensor, shared: bool) -> Tensor:
    """Read each class's values at its cell: (n, m, h, w) and (n, classes) to (n, classes, values)."""
    n, m = maps.shape[:2]
    k = index.shape[1]
    groups = 1 if shared else k
    flat = maps.reshape(n, groups, m // groups, -1)
    if shared:
        flat = ops.tile(flat, (1, k, 1, 1))
    at = ops.tile(index.reshape(n, k, 1, 1), (1, 1, flat.shape[2], 1))
    return ops.gather_elements(flat, 3, at)[:, :, :, 0]
