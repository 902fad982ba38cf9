"""The loss of Covid-Detection-CNN in MindSpore."""

from __future__ import annotations

import math

import mindspore as ms
from mindspore import Tensor, ops

from .config import Config

EPS = 1e-7
Tensors = dict[str, Tensor]


def losses(outputs: Tensors, targets: Tensors, config: Config) -> Tensors:
    """Return the weighted terms; their sum is the loss, for the whole batch as published.

    outputs: level{i} (n, anchors * values, h, w). targets: see targets.encode, with a batch axis.
    """
    total: Tensors = {}
    for i, (stride, anchors) in enumerate(zip(config.strides, config.anchors_px, strict=True)):
        n, _, h, w = outputs[f"level{i}"].shape
        values = outputs[f"level{i}"].reshape(n, len(anchors), config.values, h, w)
        sizes = Tensor(anchors, ms.float32).reshape(1, len(anchors), 2, 1, 1) / stride
        count = targets[f"count{i}"]
        overlap = complete_iou(decode(values[:, :, :4], sizes), targets[f"box{i}"].permute(0, 1, 4, 2, 3))
        watched = targets[f"watched{i}"].expand_dims(1)
        truth = (count > 0).astype(values.dtype) * ops.clamp(ops.stop_gradient(overlap), min=0)
        terms = {
            "box": config.gains[0] * weighted_mean(1 - overlap, count),
            "objectness": config.gains[1] * config.balance[i] * entropy(values[:, :, 4], truth, watched),
        }
        if len(config.classes) > 1:
            terms["class"] = config.gains[2] * class_loss(values[:, :, 5:], targets[f"label{i}"], count)
        total = {name: total.get(name, 0) + n * term for name, term in terms.items()}
    return total


def decode(values: Tensor, sizes: Tensor) -> Tensor:
    """Turn (n, anchors, 4, h, w) into centre from the cell's corner and sides [cells]."""
    p = ops.sigmoid(values)
    return ops.cat([2 * p[:, :, :2] - 0.5, (2 * p[:, :, 2:4]) ** 2 * sizes], axis=2)


def complete_iou(boxes: Tensor, truth: Tensor) -> Tensor:
    """Return CIoU (Zheng et al. 2020, eq. 10) of boxes (n, anchors, 4, h, w): x, y, w, h; (n, anchors, h, w)."""
    low, high = boxes[:, :, :2] - boxes[:, :, 2:] / 2, boxes[:, :, :2] + boxes[:, :, 2:] / 2
    other_low, other_high = truth[:, :, :2] - truth[:, :, 2:] / 2, truth[:, :, :2] + truth[:, :, 2:] / 2
    sides = ops.clamp(ops.minimum(high, other_high) - ops.maximum(low, other_low), min=0)
    shared = sides[:, :, 0] * sides[:, :, 1]
    union = boxes[:, :, 2] * boxes[:, :, 3] + truth[:, :, 2] * truth[:, :, 3] - shared + EPS
    iou = shared / union
    around = ops.maximum(high, other_high) - ops.minimum(low, other_low)
    diagonal = (around**2).sum(axis=2) + EPS
    distance = ((boxes[:, :, :2] - truth[:, :, :2]) ** 2).sum(axis=2)
    slant = ops.atan(truth[:, :, 2] / (truth[:, :, 3] + EPS)) - ops.atan(boxes[:, :, 2] / (boxes[:, :, 3] + EPS))
    shape = 4 / math.pi**2 * slant**2
    trade = ops.stop_gradient(shape / (shape - iou + 1 + EPS))
    return iou - distance / diagonal - trade * shape


def class_loss(logits: Tensor, labels: Tensor, count: Tensor) -> Tensor:
    """Average the cross-entropy of each class of its own, (n, anchors, classes, h, w), where boxes are."""
    hot = ops.one_hot(labels.astype(ms.int32), logits.shape[2]).astype(logits.dtype).permute(0, 1, 4, 2, 3)
    return weighted_mean(logistic(logits, hot).mean(axis=2), count)


def entropy(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Average the binary cross-entropy over all places; those of weight 0 add nothing."""
    return (logistic(logits, truth) * weight).mean()


def logistic(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the binary cross-entropy of each place; exact for large logits."""
    return ops.clamp(logits, min=0) - logits * truth + ops.log(1 + ops.exp(-ops.abs(logits)))


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Average by weight; 0 where there is none."""
    return (values * weight).sum() / ops.clamp(weight.sum(), min=1)
