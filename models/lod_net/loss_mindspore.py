"""The loss of LOD-Net in MindSpore: of proposals, boxes, masks and derivatives."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, ops

from .config import BOX_BINS, MASK_BINS, MASK_SIDE, Config
from .derivatives import LAST, neighbours, places
from .net_mindspore import Net, array, like
from .pooling import crop_masks
from .regions import AnchorTruth, RegionTruth, draw_anchors, draw_regions, masked, objects_of, propose

Tensors = dict[str, Tensor]


def objective(
    net: Net, inputs: Tensors, targets: Tensors, config: Config, phase: str, rng: np.random.Generator
) -> Tensors:
    """Return the weighted terms that training minimises; their sum is the loss.

    Proposals and regions are drawn by `rng`, alike in both frameworks.
    """
    instances = array_of(targets)
    size = (instances.shape[1], instances.shape[2])
    objects = objects_of(instances)
    boxes = [own for own, _ in objects]
    maps = net.features(inputs["image"])
    logits, steps = net.rpn(maps)
    terms = proposal_terms(logits, steps, draw_anchors(boxes, size, config, rng), config)
    proposals = propose(array(logits), array(steps), size, config, training=True)
    drawn = draw_regions(proposals, boxes, config, rng)
    scores, shifts = net.box(net.pooled(maps, drawn.regions, size, BOX_BINS))
    terms |= box_terms(scores, shifts, drawn)
    chosen = masked(drawn, len(boxes), config.mask_samples)
    regions, known = drawn.regions.take(chosen), drawn.is_object[chosen]
    truth = []
    for picture, place in zip(regions.pictures, drawn.objects[chosen], strict=True):
        numbers = objects[picture][1]
        truth.append(instances[picture] == (numbers[place] if len(numbers) else -1))
    masks = crop_masks(truth, regions.boxes, MASK_SIDE)
    cells = net.pooled(maps, regions, size, MASK_BINS)
    return terms | mask_terms(net, cells, masks, float(known.sum() > 0), config)


def proposal_terms(logits: Tensor, steps: Tensor, truth: AnchorTruth, config: Config) -> Tensors:
    """Compare logits (n, anchors) and steps (n, anchors, 4) of the drawn anchors."""
    count = config.anchor_samples * logits.shape[0]
    is_object = like(truth.is_object, logits)
    apart = (ops.abs(steps - like(truth.steps, steps)).sum(axis=2) * is_object).sum()
    cost = cross_entropy(logits, is_object) * like(truth.counted, logits)
    return {"rpn_class": cost.sum() / count, "rpn_box": apart / count}


def box_terms(scores: Tensor, steps: Tensor, truth: RegionTruth) -> Tensors:
    """Compare logits (r, 2) and steps (r, 4) of the drawn regions."""
    is_object = like(truth.is_object.astype(np.float32), scores)
    apart = (ops.abs(steps - like(truth.steps, steps)).sum(axis=1) * is_object).sum()
    cost = cross_entropy(scores[:, 1] - scores[:, 0], is_object)  # softmax over two is the sigmoid of the difference
    return {"class": cost.mean(), "box": apart / len(truth.steps)}


def mask_terms(net: Net, cells: Tensor, masks: np.ndarray, weight: float, config: Config) -> Tensors:
    """Compare masks and derivatives of regions, whose cells are (r, c, 14, 14) and true masks (r, 28, 28)."""
    logits, derivatives, _ = net.masks(cells)
    truth = like(masks, logits)
    goal = derivative_targets(truth, net.masks.offsets(cells) if config.offsets == "learned" else None)
    return {
        "mask": cross_entropy(logits, truth).mean() * weight,
        "derivative": smooth_l1(derivatives, goal) * weight,
    }


def derivative_targets(masks: Tensor, offsets: Tensor | None) -> Tensor:
    """Return what the derivatives of masks (r, 28, 28) should be, (r, 8, 28, 28).

    offsets: (r, 8, 2, 28, 28) of each neighbour [px], (y, x); None: none. Gradients reach them through what is found
    at the neighbour, not through its distance, which would reward far neighbours.
    """
    shape = (masks.shape[0], *places().shape)
    shifts = np.zeros(shape, np.float32) if offsets is None else array(offsets)
    first, corners, nearness = neighbours(array(masks), shifts)
    at = like(places(), masks) + (like(shifts, masks) if offsets is None else offsets)
    inner = ops.clamp(at, 0, LAST) - like(first, masks)
    down, right = inner[:, :, 0], inner[:, :, 1]
    found = [like(value, masks) for value in corners]
    upper = found[0] * (1 - right) + found[1] * right
    lower = found[2] * (1 - right) + found[3] * right
    return (masks.expand_dims(1) - upper * (1 - down) - lower * down + 1) * like(nearness, masks)


def cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the cross-entropy of the sigmoid of each logit."""
    return ops.clamp(logits, min=0) - logits * truth + ops.log(1 + ops.exp(-ops.abs(logits)))


def smooth_l1(values: Tensor, truth: Tensor) -> Tensor:
    """Average half the squared distance below 1, the distance less a half above (Girshick 2015, eq. 3)."""
    error = ops.abs(values - truth)
    return ops.where(error < 1, 0.5 * error * error, error - 0.5).mean()


def array_of(targets: Tensors) -> np.ndarray:
    """Return the map of objects (n, h, w)."""
    return np.array(targets["instances"].asnumpy())
