"""The loss of Covid-Detection-Transformer in MindSpore."""

from __future__ import annotations

from mindspore import Tensor, ops

from .config import Config
from .matching import match

BETA = 0.1  # below it, smooth L1 is quadratic
EPS = 1e-7
NEGATIVE = 0.75  # of the published loss, for what holds no object
Tensors = dict[str, Tensor]


def losses(outputs: Tensors, targets: Tensors, config: Config) -> Tensors:
    """Return the weighted terms, each summed over the layers; their sum is the loss.

    outputs: logits (n, layers, q, values), boxes (n, layers, q, 4), and maps where a heat map chooses the queries.
    targets: see targets.encode, with a batch axis.
    """
    arrays = {name: targets[name].asnumpy() for name in ("labels", "places", "aside")}
    pairs = match(
        ops.stop_gradient(outputs["logits"]).asnumpy(), ops.stop_gradient(outputs["boxes"]).asnumpy(), arrays, config
    )
    found = {name: Tensor(value) for name, value in pairs.items()}
    terms = set_loss(outputs, found, max(int((arrays["labels"] >= 0).sum()), 1), config)
    if config.is_plain:
        return terms
    mask = targets["mask"].expand_dims(1)
    heat = focal_loss(outputs["hm"], targets["hm"], targets["heat_weight"].expand_dims(1))
    return terms | {"hm": heat} | {name: smooth_l1(outputs[name], targets[name], mask) for name in ("reg", "wh")}


def set_loss(outputs: Tensors, found: Tensors, objects: int, config: Config) -> Tensors:
    """Compare every query with its object, or with none (Carion et al. 2020, eq. 2)."""
    boxes, matched = outputs["boxes"], found["is_matched"]
    overlap, generalised = overlaps(boxes, found["place"])
    distance = ops.abs(boxes - found["place"]).sum(axis=-1)
    if config.is_plain:
        label = class_loss(outputs["logits"], found, config)
    else:
        label = quality_loss(outputs["logits"], found, ops.stop_gradient(overlap), objects)
    by_class, by_distance, by_overlap = config.gains
    return {
        "class": by_class * label,
        "distance": by_distance * (distance * matched).sum() / objects,
        "overlap": by_overlap * ((1 - generalised) * matched).sum() / objects,
    }


def class_loss(logits: Tensor, found: Tensors, config: Config) -> Tensor:
    """Sum the layers' cross-entropy, in which `no object`, the last class, weighs less; (n, layers, q, classes + 1)."""
    values, matched = logits.shape[-1], found["is_matched"]
    hot = ops.one_hot(found["label"], values).astype(logits.dtype)
    cost = -(ops.log_softmax(logits, axis=-1) * hot).sum(axis=-1)
    weight = (matched + config.empty_weight * (1 - matched)) * found["weight"]
    return ((cost * weight).sum(axis=(0, 2)) / ops.clamp(weight.sum(axis=(0, 2)), min=EPS)).sum()


def quality_loss(logits: Tensor, found: Tensors, overlap: Tensor, objects: int) -> Tensor:
    """Teach the class of an object to be as sure as its box is right (Zhang et al. 2021, eq. 2), and others nothing.

    logits: (n, layers, q, classes).
    """
    values, matched = logits.shape[-1], found["is_matched"].expand_dims(-1)
    hot = ops.one_hot(found["label"], values).astype(logits.dtype) * matched
    truth = hot * overlap.expand_dims(-1)
    p = ops.stop_gradient(ops.sigmoid(logits))
    weight = (truth + (1 - hot) * NEGATIVE * p**2) * found["weight"].expand_dims(-1)
    cost = ops.clamp(logits, min=0) - logits * truth + ops.log(1 + ops.exp(-ops.abs(logits)))
    return (cost * weight).sum() / objects


def overlaps(boxes: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Return IoU and GIoU (Rezatofighi et al. 2019) of boxes (..., 4) given by centre and sides."""
    low, high = boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2
    other_low, other_high = truth[..., :2] - truth[..., 2:] / 2, truth[..., :2] + truth[..., 2:] / 2
    sides = ops.clamp(ops.minimum(high, other_high) - ops.maximum(low, other_low), min=0)
    shared = sides[..., 0] * sides[..., 1]
    union = boxes[..., 2] * boxes[..., 3] + truth[..., 2] * truth[..., 3] - shared
    around = ops.maximum(high, other_high) - ops.minimum(low, other_low)
    area = around[..., 0] * around[..., 1]
    return shared / union, shared / union - (area - union) / area


def focal_loss(logits: Tensor, heat_map: Tensor, weight: Tensor) -> Tensor:
    """Penalise the heat map (n, classes, h, w), less so near a peak (Zhou et al. 2019, eq. 1), where weight is 1."""
    p = ops.clamp(ops.sigmoid(logits), 1e-4, 1 - 1e-4)
    is_peak = (heat_map == 1).astype(p.dtype)
    found = (ops.log(p) * (1 - p) ** 2 * is_peak).sum()
    empty = (ops.log(1 - p) * p**2 * (1 - heat_map) ** 4 * (1 - is_peak) * weight).sum()
    return -(found + empty) / ops.clamp(is_peak.sum(), min=1)


def smooth_l1(values: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Average the smooth L1 distance (Girshick 2015, eq. 3) over the cells of the mask and both channels."""
    error = ops.abs(values - truth)
    cost = ops.where(error < BETA, error**2 / (2 * BETA), error - BETA / 2)
    return (cost * mask).sum() / (2 * mask.sum() + 1e-4)
