"""The losses of options.py in MindSpore. p, g: (n, k, *size), probabilities and masks; both are 0 where unknown."""

from __future__ import annotations

from collections.abc import Callable

from mindspore import Tensor, ops

from zoo.common.labels import UNKNOWN

Tensors = dict[str, Tensor]
SMALL = 1e-5


def option_losses(outputs: Tensors, targets: Tensors, name: str) -> Tensors:
    """Return the named terms of a choice such as "dice+cross-entropy"."""
    logits, mask = outputs["logits"], targets["mask"]
    p = ops.softmax(ops.cat([ops.zeros_like(logits), logits], axis=1) if logits.shape[1] == 1 else logits, axis=1)
    g = ops.stack([(mask == index).astype(p.dtype) for index in range(p.shape[1])], axis=1)
    known = (mask != UNKNOWN).astype(p.dtype)
    return {part.replace("-", "_"): LOSSES[part](p * known.expand_dims(1), g, known) for part in name.split("+")}


def per_class(x: Tensor) -> Tensor:
    """Sum over the batch and its pixels, (k,)."""
    return x.sum((0, *range(2, x.ndim)))


def per_pixel(x: Tensor, known: Tensor) -> Tensor:
    """Sum over the classes, and average over the known pixels."""
    return x.sum() / known.sum().clip(1.0)


def dice_of(p: Tensor, g: Tensor) -> Tensor:
    """Return the Dice of each class, (k,)."""
    return (2 * per_class(p * g) + SMALL) / (per_class(p) + per_class(g) + SMALL)


def cross_entropy(p: Tensor, g: Tensor, known: Tensor) -> Tensor:
    """Average -log p of the class."""
    return -per_pixel(g * ops.log(p.clip(1e-12)), known)


def dice(p: Tensor, g: Tensor, known: Tensor) -> Tensor:
    """Return 1 - Dice of all classes."""
    return 1 - dice_of(p, g).mean()


def foreground_dice(p: Tensor, g: Tensor, known: Tensor) -> Tensor:
    """Return 1 - Dice of all classes but the background."""
    return 1 - dice_of(p, g)[1:].mean()


def focal_dice(p: Tensor, g: Tensor, known: Tensor) -> Tensor:
    """Return 1 - Dice^(1 / 1.5)."""
    return 1 - (dice_of(p, g) ** (1 / 1.5)).mean()


def noise_robust_dice(p: Tensor, g: Tensor, known: Tensor) -> Tensor:
    """Return sum |p - g|^1.5 / sum (p + g)."""
    return (per_class(((p - g).abs() + 1e-12) ** 1.5) / (per_class(p + g) + SMALL)).mean()


def generalised_cross_entropy(p: Tensor, g: Tensor, known: Tensor) -> Tensor:
    """Average (1 - p^0.7) / 0.7 of the class."""
    return per_pixel(g * (1 - (p + 1e-12) ** 0.7) / 0.7, known)


def absolute(p: Tensor, g: Tensor, known: Tensor) -> Tensor:
    """Average |p - g|."""
    return per_pixel((p - g).abs(), known) / p.shape[1]


def squared(p: Tensor, g: Tensor, known: Tensor) -> Tensor:
    """Average (p - g)^2."""
    return per_pixel((p - g) ** 2, known) / p.shape[1]


def exp_log(p: Tensor, g: Tensor, known: Tensor) -> Tensor:
    """Weigh 0.8 of -log Dice and 0.2 of -log p, both to the power 0.3; rare classes count more."""
    share = per_class(g) / known.sum().clip(1.0)
    weights = ((share + 0.1) ** -0.5).reshape(1, -1, *[1] * (p.ndim - 2))
    regions = ((-ops.log(0.005 + 0.99 * dice_of(p, g))) ** 0.3).mean()
    return 0.8 * regions + 0.2 * per_pixel(g * weights * (-ops.log(0.005 + 0.99 * p)) ** 0.3, known)


def tversky_of(p: Tensor, g: Tensor, known: Tensor) -> Tensor:
    """Return the Tversky index of each class, (k,): false alarms weigh 0.7, misses 0.3."""
    hit, alarm = per_class(p * g), per_class(p * (known.expand_dims(1) - g))
    return (hit + 1) / (hit + 0.7 * alarm + 0.3 * per_class((known.expand_dims(1) - p) * g) + 1)


def tversky(p: Tensor, g: Tensor, known: Tensor) -> Tensor:
    """Return 1 - Tversky."""
    return 1 - tversky_of(p, g, known).mean()


def focal_tversky(p: Tensor, g: Tensor, known: Tensor) -> Tensor:
    """Return (1 - Tversky)^(1 / 1.33)."""
    return ((1 - tversky_of(p, g, known)) ** (1 / 1.33)).mean()


def adaptive_tversky(p: Tensor, g: Tensor, known: Tensor) -> Tensor:
    """Return 1 - Tversky of patches of a quarter of the sides."""
    return patch_tversky(p, g, known, tuple(max(1, side // 4) for side in p.shape[2:]))


def patch_tversky(p: Tensor, g: Tensor, known: Tensor, patch: tuple[int, ...]) -> Tensor:
    """Return 1 - Tversky of patches, whose false alarms and misses weigh by their share of the errors there."""
    pool = ops.avg_pool3d if p.ndim == 5 else ops.avg_pool2d
    known = known.expand_dims(1)
    hit, alarm, miss = (pool(x, patch, patch) for x in (p * g, p * (known - g), (known - p) * g))
    of_alarms = 0.3 + 0.4 * (alarm + SMALL) / (alarm + miss + SMALL)
    of_misses = 0.3 + 0.4 * (miss + SMALL) / (alarm + miss + SMALL)
    return 1 - ((hit + SMALL) / (hit + of_alarms * alarm + of_misses * miss + SMALL)).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "cross-entropy": cross_entropy,
    "dice": dice,
    "foreground-dice": foreground_dice,
    "focal-dice": focal_dice,
    "noise-robust-dice": noise_robust_dice,
    "gce": generalised_cross_entropy,
    "mae": absolute,
    "mse": squared,
    "exp-log": exp_log,
    "tversky": tversky,
    "focal-tversky": focal_tversky,
    "adaptive-tversky": adaptive_tversky,
}
