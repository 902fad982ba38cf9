"""The losses of options.py in PyTorch. p, g: (n, k, *size), probabilities and masks; both are 0 where unknown.

known: (n, *size), 0 or 1. w: (k,), how much each class weighs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional

from zoo.common.labels import UNKNOWN

Tensors = dict[str, torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
SMALL = 1e-5


def option_losses(outputs: Tensors, targets: Tensors, name: str, class_weights: Sequence[float] = ()) -> Tensors:
    """Return the named terms of a choice such as "dice+cross-entropy"; class_weights: one per class, or none."""
    logits, mask = outputs["logits"], targets["mask"]
    p = torch.softmax(torch.cat([torch.zeros_like(logits), logits], dim=1) if logits.shape[1] == 1 else logits, dim=1)
    g = torch.stack([(mask == index).to(p.dtype) for index in range(p.shape[1])], dim=1)
    known = (mask != UNKNOWN).to(p.dtype)
    w = torch.tensor(list(class_weights) or [1.0] * p.shape[1], dtype=p.dtype, device=p.device)
    return {part.replace("-", "_"): LOSSES[part](p * known.unsqueeze(1), g, known, w) for part in name.split("+")}


def per_class(x: torch.Tensor) -> torch.Tensor:
    """Sum over the batch and its pixels, (k,)."""
    return x.sum((0, *range(2, x.ndim)))


def per_pixel(x: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Sum over the weighed classes, and average over the known pixels, not over their weights."""
    return (per_class(x) * w).sum() / known.sum().clip(1.0)


def mean_of(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Average one value per class, (k,), by the weights of the classes."""
    return (x * w).sum() / w.sum().clip(SMALL)


def dice_of(p: torch.Tensor, g: torch.Tensor, smooth: float = SMALL) -> torch.Tensor:
    """Return the Dice of each class, (k,)."""
    return (2 * per_class(p * g) + smooth) / (per_class(p) + per_class(g) + smooth)


def cross_entropy(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Average -log p of the class."""
    return -per_pixel(g * torch.log(p.clip(1e-12)), known, w)


def dice(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return 1 - Dice of all classes."""
    return 1 - mean_of(dice_of(p, g), w)


def foreground_dice(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return 1 - Dice of all classes but the background."""
    return 1 - mean_of(dice_of(p, g)[1:], w[1:])


def joined_dice(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return 1 - Dice of the foreground as one class."""
    return 1 - dice_of(p[:, 1:].sum(1).unsqueeze(1), g[:, 1:].sum(1).unsqueeze(1))[0]


def pooled_dice(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return 1 - Dice with sums over the classes, too; smooth 1."""
    both = (per_class(p + g) * w).sum()
    return 1 - (2 * (per_class(p * g) * w).sum() + 1) / (both + 1)


def generalised_dice(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return 1 - Dice with sums over classes and images, each by 1 / size^2; 0 for a class that is not in an image."""
    axes = tuple(range(2, p.ndim))
    size = g.sum(axes)
    shares = w * (size > 0).to(p.dtype) / (size**2).clip(1.0)
    return 1 - 2 * (shares * (p * g).sum(axes)).sum() / (shares * (p + g).sum(axes)).sum().clip(1e-12)


def focal_dice(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return 1 - Dice^(1 / 1.5)."""
    return 1 - mean_of(dice_of(p, g) ** (1 / 1.5), w)


def noise_robust_dice(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return sum |p - g|^1.5 / sum (p + g)."""
    return mean_of(per_class(((p - g).abs() + 1e-12) ** 1.5) / (per_class(p + g) + SMALL), w)


def generalised_cross_entropy(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Average (1 - p^0.7) / 0.7 of the class."""
    return per_pixel(g * (1 - (p + 1e-12) ** 0.7) / 0.7, known, w)


def absolute(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Average |p - g|."""
    return per_pixel((p - g).abs(), known, w) / p.shape[1]


def squared(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Average (p - g)^2."""
    return per_pixel((p - g) ** 2, known, w) / p.shape[1]


def log_odds_parts(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return -log p where a class is, and -log (1 - p) where it is not, both 0 elsewhere."""
    p = p.clip(1e-7, 1 - 1e-7)
    return -g * torch.log(p), -(known.unsqueeze(1) - g) * torch.log(1 - p)


def binary_cross_entropy(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Average the cross-entropy of each map of the foreground with there or not."""
    there, elsewhere = log_odds_parts(p[:, 1:], g[:, 1:], known)
    return per_pixel(there + elsewhere, known, w[1:])


def focal(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Average the same, by the square of the error, a quarter for what is there and the rest for what is not."""
    p, g = p[:, 1:], g[:, 1:]
    there, elsewhere = log_odds_parts(p, g, known)
    return per_pixel(0.25 * (1 - p) ** 2 * there + 0.75 * p**2 * elsewhere, known, w[1:])


def log_focal_dice(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return log focal - log Dice of the foreground, whose classes are pooled."""
    regions = 1 - pooled_dice(p[:, 1:], g[:, 1:], known, w[1:])
    return torch.log(focal(p, g, known, w).clip(1e-7)) - torch.log(regions)


def adaptive_wing(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Average the adaptive wing of each map of the foreground; what is there and its border of 1 px weigh 11."""
    p, g = p[:, 1:], g[:, 1:]
    pool = functional.max_pool3d if p.ndim == 5 else functional.max_pool2d
    return per_pixel(wing(p, g) * (1 + 10 * pool(g, 3, 1, 1)), known, w[1:])


def wing(p: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    """Return the adaptive wing of each value (Wang et al. 2019, eq. 3): alpha 2.1, omega 14, epsilon 1, theta 0.5."""
    power, apart = 2.1 - g, (p - g).abs()
    slope = 14 / (1 + 0.5**power) * power * 0.5 ** (power - 1)
    shift = 0.5 * slope - 14 * torch.log(1 + 0.5**power)
    near = 14 * torch.log(1 + apart.clip(1e-6, 0.5) ** power)  # clipped: a power of 0 has no slope
    is_near = (apart < 0.5).to(p.dtype)
    return is_near * near + (1 - is_near) * (slope * apart - shift)


def exp_log(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Weigh 0.8 of -log Dice and 0.2 of -log p, both to the power 0.3; rare classes count more."""
    rare = (per_class(g) / known.sum().clip(1.0) + 0.1) ** -0.5
    regions = mean_of((-torch.log(0.005 + 0.99 * dice_of(p, g))) ** 0.3, w)
    return 0.8 * regions + 0.2 * per_pixel(g * (-torch.log(0.005 + 0.99 * p)) ** 0.3, known, w * rare)


def tversky_of(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Return the Tversky index of each class, (k,): false alarms weigh 0.7, misses 0.3."""
    hit, alarm = per_class(p * g), per_class(p * (known.unsqueeze(1) - g))
    return (hit + 1) / (hit + 0.7 * alarm + 0.3 * per_class((known.unsqueeze(1) - p) * g) + 1)


def tversky(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return 1 - Tversky."""
    return 1 - mean_of(tversky_of(p, g, known), w)


def focal_tversky(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return (1 - Tversky)^(1 / 1.33)."""
    return mean_of((1 - tversky_of(p, g, known)) ** (1 / 1.33), w)


def adaptive_tversky(p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return 1 - Tversky of patches of a quarter of the sides."""
    return patch_tversky(p, g, known, tuple(max(1, side // 4) for side in p.shape[2:]), w)


def patch_tversky(
    p: torch.Tensor, g: torch.Tensor, known: torch.Tensor, patch: tuple[int, ...], w: torch.Tensor
) -> torch.Tensor:
    """Return 1 - Tversky of patches, whose false alarms and misses weigh by their share of the errors there."""
    pool = functional.avg_pool3d if p.ndim == 5 else functional.avg_pool2d
    known = known.unsqueeze(1)
    hit, alarm, miss = (pool(x, patch, patch) for x in (p * g, p * (known - g), (known - p) * g))
    of_alarms = 0.3 + 0.4 * (alarm + SMALL) / (alarm + miss + SMALL)
    of_misses = 0.3 + 0.4 * (miss + SMALL) / (alarm + miss + SMALL)
    found = (hit + SMALL) / (hit + of_alarms * alarm + of_misses * miss + SMALL)
    return 1 - mean_of(found.mean((0, *range(2, p.ndim))), w)


LOSSES: dict[str, Loss] = {
    "cross-entropy": cross_entropy,
    "binary-cross-entropy": binary_cross_entropy,
    "dice": dice,
    "foreground-dice": foreground_dice,
    "joined-dice": joined_dice,
    "pooled-dice": pooled_dice,
    "generalised-dice": generalised_dice,
    "focal": focal,
    "focal-dice": focal_dice,
    "log-focal-dice": log_focal_dice,
    "noise-robust-dice": noise_robust_dice,
    "gce": generalised_cross_entropy,
    "mae": absolute,
    "mse": squared,
    "exp-log": exp_log,
    "tversky": tversky,
    "focal-tversky": focal_tversky,
    "adaptive-tversky": adaptive_tversky,
    "adaptive-wing": adaptive_wing,
}
