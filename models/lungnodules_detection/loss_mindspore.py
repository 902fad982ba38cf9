"""The loss of LungNodules-Detection in MindSpore."""

from __future__ import annotations

from mindspore import Tensor, ops

from .config import Config

BETA = 0.1  # below it, smooth L1 is quadratic
Tensors = dict[str, Tensor]


def losses(outputs: Tensors, targets: Tensors, config: Config) -> Tensors:
    """Return the weighted terms; their sum is the loss.

    outputs: hm (n, classes, h, w), reg and wh (n, 2, h, w). targets: see targets.encode, with a batch axis.
    """
    mask = targets["mask"].expand_dims(1)
    if config.sizes == "log":
        reg, wh = (masked_smooth_l1(outputs[name], targets[name], mask) for name in ("reg", "wh"))
    else:
        reg, wh = (masked_l1(outputs[name], targets[name], mask) for name in ("reg", "wh"))
        wh = 0.1 * wh
    return {"hm": focal_loss(outputs["hm"], targets["hm"], targets["weight"].expand_dims(1)), "reg": reg, "wh": wh}


def focal_loss(logits: Tensor, heat_map: Tensor, weight: Tensor) -> Tensor:
    """Penalise the heat map (n, classes, h, w), less so near a peak (Zhou et al. 2019, eq. 1), where weight is 1."""
    p = ops.clamp(ops.sigmoid(logits), 1e-4, 1 - 1e-4)
    is_peak = (heat_map == 1).astype(p.dtype)
    found = (ops.log(p) * (1 - p) ** 2 * is_peak).sum()
    empty = (ops.log(1 - p) * p**2 * (1 - heat_map) ** 4 * (1 - is_peak) * weight).sum()
    return -(found + empty) / ops.clamp(is_peak.sum(), min=1)


def masked_l1(values: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Average |values - truth| (n, 2, h, w) over the cells of the mask (n, 1, h, w) and both channels."""
    return (ops.abs(values - truth) * mask).sum() / (2 * mask.sum() + 1e-4)


def masked_smooth_l1(values: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Average the smooth L1 distance (Girshick 2015, eq. 3) over the cells of the mask and both channels."""
    error = ops.abs(values - truth)
    cost = ops.where(error < BETA, error**2 / (2 * BETA), error - BETA / 2)
    return (cost * mask).sum() / (2 * mask.sum() + 1e-4)
