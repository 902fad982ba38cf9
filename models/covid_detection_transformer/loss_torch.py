"""The loss of Covid-Detection-Transformer in PyTorch."""

from __future__ import annotations

import torch
from torch.nn import functional

from .config import Config
from .matching import match

BETA = 0.1  # below it, smooth L1 is quadratic
EPS = 1e-7
NEGATIVE = 0.75  # of the published loss, for what holds no object
Tensors = dict[str, torch.Tensor]


def losses(outputs: Tensors, targets: Tensors, config: Config) -> Tensors:
    """Return the weighted terms, each summed over the layers; their sum is the loss.

    outputs: logits (n, layers, q, values), boxes (n, layers, q, 4), and maps where a heat map chooses the queries.
    targets: see targets.encode, with a batch axis.
    """
    arrays = {name: targets[name].detach().cpu().numpy() for name in ("labels", "places", "aside")}
    pairs = match(outputs["logits"].detach().cpu().numpy(), outputs["boxes"].detach().cpu().numpy(), arrays, config)
    found = {name: torch.from_numpy(value).to(outputs["boxes"].device) for name, value in pairs.items()}
    terms = set_loss(outputs, found, max(int((arrays["labels"] >= 0).sum()), 1), config)
    if config.is_plain:
        return terms
    mask = targets["mask"][:, None]
    heat = focal_loss(outputs["hm"], targets["hm"], targets["heat_weight"][:, None])
    return terms | {"hm": heat} | {name: smooth_l1(outputs[name], targets[name], mask) for name in ("reg", "wh")}


def set_loss(outputs: Tensors, found: Tensors, objects: int, config: Config) -> Tensors:
    """Compare every query with its object, or with none (Carion et al. 2020, eq. 2)."""
    boxes, matched = outputs["boxes"], found["is_matched"]
    overlap, generalised = overlaps(boxes, found["place"])
    distance = torch.abs(boxes - found["place"]).sum(dim=-1)
    if config.is_plain:
        label = class_loss(outputs["logits"], found, config)
    else:
        label = quality_loss(outputs["logits"], found, overlap.detach(), objects)
    by_class, by_distance, by_overlap = config.gains
    return {
        "class": by_class * label,
        "distance": by_distance * (distance * matched).sum() / objects,
        "overlap": by_overlap * ((1 - generalised) * matched).sum() / objects,
    }


def class_loss(logits: torch.Tensor, found: Tensors, config: Config) -> torch.Tensor:
    """Sum the layers' cross-entropy, in which `no object`, the last class, weighs less; (n, layers, q, classes + 1)."""
    values, matched = logits.shape[-1], found["is_matched"]
    hot = functional.one_hot(found["label"].to(torch.int64), values).to(logits.dtype)
    cost = -(torch.log_softmax(logits, dim=-1) * hot).sum(dim=-1)
    weight = (matched + config.empty_weight * (1 - matched)) * found["weight"]
    return ((cost * weight).sum(dim=(0, 2)) / torch.clamp(weight.sum(dim=(0, 2)), min=EPS)).sum()


def quality_loss(logits: torch.Tensor, found: Tensors, overlap: torch.Tensor, objects: int) -> torch.Tensor:
    """Teach the class of an object to be as sure as its box is right (Zhang et al. 2021, eq. 2), and others nothing.

    logits: (n, layers, q, classes).
    """
    values, matched = logits.shape[-1], found["is_matched"][..., None]
    hot = functional.one_hot(found["label"].to(torch.int64), values).to(logits.dtype) * matched
    truth = hot * overlap[..., None]
    p = torch.sigmoid(logits).detach()
    weight = (truth + (1 - hot) * NEGATIVE * p**2) * found["weight"][..., None]
    cost = torch.clamp(logits, min=0) - logits * truth + torch.log(1 + torch.exp(-torch.abs(logits)))
    return (cost * weight).sum() / objects


def overlaps(boxes: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return IoU and GIoU (Rezatofighi et al. 2019) of boxes (..., 4) given by centre and sides."""
    low, high = boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2
    other_low, other_high = truth[..., :2] - truth[..., 2:] / 2, truth[..., :2] + truth[..., 2:] / 2
    sides = torch.clamp(torch.minimum(high, other_high) - torch.maximum(low, other_low), min=0)
    shared = sides[..., 0] * sides[..., 1]
    union = boxes[..., 2] * boxes[..., 3] + truth[..., 2] * truth[..., 3] - shared
    around = torch.maximum(high, other_high) - torch.minimum(low, other_low)
    area = around[..., 0] * around[..., 1]
    return shared / union, shared / union - (area - union) / area


def focal_loss(logits: torch.Tensor, heat_map: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Penalise the heat map (n, classes, h, w), less so near a peak (Zhou et al. 2019, eq. 1), where weight is 1."""
    p = torch.clamp(torch.sigmoid(logits), 1e-4, 1 - 1e-4)
    is_peak = (heat_map == 1).to(p.dtype)
    found = (torch.log(p) * (1 - p) ** 2 * is_peak).sum()
    empty = (torch.log(1 - p) * p**2 * (1 - heat_map) ** 4 * (1 - is_peak) * weight).sum()
    return -(found + empty) / torch.clamp(is_peak.sum(), min=1)


def smooth_l1(values: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average the smooth L1 distance (Girshick 2015, eq. 3) over the cells of the mask and both channels."""
    error = torch.abs(values - truth)
    cost = torch.where(error < BETA, error**2 / (2 * BETA), error - BETA / 2)
    return (cost * mask).sum() / (2 * mask.sum() + 1e-4)
