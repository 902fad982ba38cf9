"""The loss of Covid-Detection-CNN in PyTorch."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from .config import Config

EPS = 1e-7
Tensors = dict[str, torch.Tensor]


def losses(outputs: Tensors, targets: Tensors, config: Config) -> Tensors:
    """Return the weighted terms; their sum is the loss, for the whole batch as published.

    outputs: level{i} (n, anchors * values, h, w). targets: see targets.encode, with a batch axis.
    """
    total: Tensors = {}
    for i, (stride, anchors) in enumerate(zip(config.strides, config.anchors_px, strict=True)):
        n, _, h, w = outputs[f"level{i}"].shape
        values = outputs[f"level{i}"].reshape(n, len(anchors), config.values, h, w)
        sizes = values.new_tensor(anchors).reshape(1, len(anchors), 2, 1, 1) / stride
        count = targets[f"count{i}"]
        overlap = complete_iou(decode(values[:, :, :4], sizes), targets[f"box{i}"].permute(0, 1, 4, 2, 3))
        watched = targets[f"watched{i}"][:, None]
        truth = (count > 0).to(values.dtype) * torch.clamp(overlap.detach(), min=0)
        terms = {
            "box": config.gains[0] * weighted_mean(1 - overlap, count),
            "objectness": config.gains[1] * config.balance[i] * entropy(values[:, :, 4], truth, watched),
        }
        if len(config.classes) > 1:
            terms["class"] = config.gains[2] * class_loss(values[:, :, 5:], targets[f"label{i}"], count)
        total = {name: total.get(name, 0) + n * term for name, term in terms.items()}
    return total


def decode(values: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
    """Turn (n, anchors, 4, h, w) into centre from the cell's corner and sides [cells]."""
    p = torch.sigmoid(values)
    return torch.cat([2 * p[:, :, :2] - 0.5, (2 * p[:, :, 2:4]) ** 2 * sizes], dim=2)


def complete_iou(boxes: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return CIoU (Zheng et al. 2020, eq. 10) of boxes (n, anchors, 4, h, w): x, y, w, h; (n, anchors, h, w)."""
    low, high = boxes[:, :, :2] - boxes[:, :, 2:] / 2, boxes[:, :, :2] + boxes[:, :, 2:] / 2
    other_low, other_high = truth[:, :, :2] - truth[:, :, 2:] / 2, truth[:, :, :2] + truth[:, :, 2:] / 2
    sides = torch.clamp(torch.minimum(high, other_high) - torch.maximum(low, other_low), min=0)
    shared = sides[:, :, 0] * sides[:, :, 1]
    union = boxes[:, :, 2] * boxes[:, :, 3] + truth[:, :, 2] * truth[:, :, 3] - shared + EPS
    iou = shared / union
    around = torch.maximum(high, other_high) - torch.minimum(low, other_low)
    diagonal = (around**2).sum(dim=2) + EPS
    distance = ((boxes[:, :, :2] - truth[:, :, :2]) ** 2).sum(dim=2)
    slant = torch.atan(truth[:, :, 2] / (truth[:, :, 3] + EPS)) - torch.atan(boxes[:, :, 2] / (boxes[:, :, 3] + EPS))
    shape = 4 / math.pi**2 * slant**2
    trade = (shape / (shape - iou + 1 + EPS)).detach()
    return iou - distance / diagonal - trade * shape


def class_loss(logits: torch.Tensor, labels: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """Average the cross-entropy of each class of its own, (n, anchors, classes, h, w), where boxes are."""
    hot = functional.one_hot(labels.to(torch.int64), logits.shape[2]).to(logits.dtype).permute(0, 1, 4, 2, 3)
    return weighted_mean(logistic(logits, hot).mean(dim=2), count)


def entropy(logits: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Average the binary cross-entropy over all places; those of weight 0 add nothing."""
    return (logistic(logits, truth) * weight).mean()


def logistic(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the binary cross-entropy of each place; exact for large logits."""
    return torch.clamp(logits, min=0) - logits * truth + torch.log(1 + torch.exp(-torch.abs(logits)))


def weighted_mean(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Average by weight; 0 where there is none."""
    return (values * weight).sum() / torch.clamp(weight.sum(), min=1)
