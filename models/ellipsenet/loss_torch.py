"""The loss of EllipseNet in PyTorch."""

from __future__ import annotations

import math

import torch

from .config import STRIDE, Config
from .rotated_iou_torch import distance_penalty, rotated_iou

Tensors = dict[str, torch.Tensor]


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
        "l": 0.1 * masked_l1(at["l"], targets["l"][:, :, None], mask),
        "al": masked_l1(al, targets["al"][:, :, None], mask),
        "bl": masked_l1(bl, targets["bl"][:, :, None], mask),
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


def focal_loss(logits: torch.Tensor, heat_map: torch.Tensor) -> torch.Tensor:
    """Penalise the heat map (n, classes, h, w), less so near a peak (Zhou et al. 2019, eq. 1)."""
    p = torch.clamp(torch.sigmoid(logits), 1e-4, 1 - 1e-4)
    is_peak = (heat_map == 1).to(p.dtype)
    found = (torch.log(p) * (1 - p) ** 2 * is_peak).sum()
    empty = (torch.log(1 - p) * p**2 * (1 - heat_map) ** 4 * (1 - is_peak)).sum()
    return -(found + empty) / torch.clamp(is_peak.sum(), min=1)


def masked_l1(values: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average |values - truth| (n, classes, v) over the classes present and their values; mask (n, classes)."""
    error = (torch.abs(values - truth) * mask[:, :, None]).sum()
    return error / (mask.sum() * values.shape[2] + 1e-4)


def angle_loss(angle: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average the angle between undirected axes, 0..pi/2; all (n, classes)."""
    turn = 2 * (angle - truth)
    wrapped = torch.atan2(torch.sin(turn), torch.cos(turn)) / 2
    return (torch.abs(wrapped) * mask).sum() / (mask.sum() + 1e-4)


def halved_angle(cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Return t from (cos 2t, sin 2t) of any length [rad]; 0, without a gradient, where both are nearly zero."""
    is_short = cos**2 + sin**2 < 1e-4  # the gradient of atan2 grows without bound there
    return (
        torch.atan2(torch.where(is_short, torch.zeros_like(sin), sin), torch.where(is_short, torch.ones_like(cos), cos))
        / 2
    )


def iou_loss(boxes: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor, enclosing: str) -> torch.Tensor:
    """Average the DIoU loss of the enclosing rotated rectangles (n, classes, 5) over the classes present."""
    boxes, truth, mask = boxes.reshape(-1, 5), truth.reshape(-1, 5), mask.reshape(-1)
    loss = 1 - rotated_iou(boxes, truth) + distance_penalty(boxes, truth, enclosing)
    return (loss * mask).sum() / torch.clamp(mask.sum(), min=1)


def decode_boxes(
    reg: torch.Tensor,
    diagonal: torch.Tensor,
    al: torch.Tensor,
    bl: torch.Tensor,
    angle: torch.Tensor,
    targets: Tensors,
    map_width: int,
) -> torch.Tensor:
    """Turn the values at the true cells into rectangles (n, classes, 5) in pixels of the input.

    The published code reads the predicted peaks here and adds the offset without the stride; at the true cells the
    term has a gradient from the first step on.
    """
    index = targets["index"]
    cell = torch.stack([index % map_width, index // map_width], dim=2).to(reg.dtype)
    centre = STRIDE * (cell + reg)
    side = STRIDE * torch.clamp(diagonal, min=0.1)  # a box needs an area; untrained networks also answer below zero
    return torch.cat([centre, torch.stack([side * al, side * bl, angle], dim=2)], dim=2)


def read_cells(maps: torch.Tensor, index: torch.Tensor, shared: bool) -> torch.Tensor:
    """Read each class's values at its cell: (n, m, h, w) and (n, classes) to (n, classes, values)."""
    n, m = maps.shape[:2]
    k = index.shape[1]
    groups = 1 if shared else k
    flat = maps.reshape(n, groups, m // groups, -1)
    if shared:
        flat = flat.expand(n, k, m, flat.shape[3])
    at = index.to(torch.int64)[:, :, None, None].expand(n, k, flat.shape[2], 1)
    return torch.gather(flat, 3, at)[:, :, :, 0]
