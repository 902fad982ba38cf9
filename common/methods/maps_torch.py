"""Maps of probabilities and what is measured on them, in PyTorch. p: (n, k, *size), k >= 2, sums to 1 along k."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from zoo.common.labels import UNKNOWN


def class_logits(logits: torch.Tensor) -> torch.Tensor:
    """Return one map per class, (n, k, *size): a single map z, which passes a sigmoid, is (0, z) of a softmax."""
    return torch.cat([torch.zeros_like(logits), logits], dim=1) if logits.shape[1] == 1 else logits


def probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Return the probability of each class, (n, k, *size)."""
    return torch.softmax(class_logits(logits), dim=1)


def hard_labels(p: torch.Tensor) -> torch.Tensor:
    """Return the likeliest class of each pixel, (n, *size)."""
    return p.argmax(dim=1)


def squared_difference(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Average the squared difference over pixels and classes."""
    return functional.mse_loss(p, q)


def entropy_map(p: torch.Tensor) -> torch.Tensor:
    """Return the entropy of each pixel as a share of the largest, (n, *size); p is kept from 0 and 1."""
    p = p * 0.999 + 5e-4
    return -(p * torch.log(p)).sum(dim=1) / math.log(p.shape[1])


def entropy(p: torch.Tensor) -> torch.Tensor:
    """Average the entropy over the pixels."""
    return entropy_map(p).mean()


def sure_pixels(p: torch.Tensor, limit: float) -> torch.Tensor:
    """Mark the pixels whose entropy is below a share of the largest, 0 or 1, (n, 1, *size)."""
    found = -(p * torch.log(p + 1e-6)).sum(dim=1, keepdim=True) / math.log(p.shape[1])
    return (found < limit).to(p.dtype)


def masked_difference(p: torch.Tensor, q: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average half the squared difference of all classes over the marked pixels; mask: (n, 1, *size)."""
    return (mask * (p - q) ** 2).sum() / (2 * mask.sum() + 1e-16)


def agreement(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the share of the pixels with equal labels."""
    return (first == second).to(torch.float32).mean()


def divergence(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Average q log(q / p) over pixels and classes, the divergence of p from its target q."""
    return (q * torch.log((q + 1e-20) / (p + 1e-20))).mean()


def symmetric_divergence_map(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Return the mean of both divergences of each pixel, (n, *size)."""
    return 0.5 * ((p - q) * (torch.log(p + 1e-20) - torch.log(q + 1e-20))).sum(dim=1)


def sharpened(p: torch.Tensor, temperature: float) -> torch.Tensor:
    """Push each probability away from a half: p^(1/t) / (p^(1/t) + (1 - p)^(1/t))."""
    odds = torch.log(p.clip(min=1e-6)) - torch.log((1 - p).clip(min=1e-6))
    return torch.sigmoid(odds / temperature)  # the same, without powers, which take longest of all


def pyramid_term(scales: list[torch.Tensor]) -> torch.Tensor:
    """Compare the answers of several scales with their mean, less where they differ much (Luo et al. 2021, eq. 4)."""
    mean = sum(scales[1:], scales[0]) / len(scales) * 0.99 + 0.005
    found = []
    for p in scales:
        p = p * 0.99 + 0.005
        apart = (mean * torch.log(mean / p)).sum(dim=1, keepdim=True)
        trust = torch.exp(-apart)
        found.append(((mean - p) ** 2 * trust).mean() / (trust.mean() + 1e-8) + apart.mean())
    return torch.stack(found).mean()


def total_variation(p: torch.Tensor) -> torch.Tensor:
    """Average the contour that opening leaves of each class by itself: relu(dilate(erode(p)) - erode(p)) in 3 px."""
    p = p * 0.999 + 5e-4
    pool = functional.max_pool3d if p.ndim == 5 else functional.max_pool2d
    eroded = -pool(-p, 3, 1, 1)
    return torch.relu(pool(eroded, 3, 1, 1) - eroded).mean()


def mumford_shah(p: torch.Tensor, image: torch.Tensor, smooth: float, squared: bool) -> torch.Tensor:
    """Fit a constant intensity to each class, and keep borders short; per value of p. image: (n, c, *size)."""
    axes = tuple(range(2, p.ndim))
    fitted = []
    for channel in range(image.shape[1]):
        grey = image[:, channel : channel + 1]
        mean = (grey * p).sum(axes, keepdim=True) / (p.sum(axes, keepdim=True) + 1e-6)
        fitted.append(((grey - mean) ** 2 * p).sum())
    lengths = []
    for axis in axes:
        count = p.shape[axis] - 1
        step = p.narrow(axis, 1, count) - p.narrow(axis, 0, count)
        lengths.append((step**2 if squared else step.abs()).sum())
    return (torch.stack(fitted).sum() + smooth * torch.stack(lengths).sum()) / p.numel()


def class_affinity(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Compare the likeness of the class maps of two answers with the identity."""
    k = p.shape[1]
    first, second = (x.movedim(1, 0).reshape(k, -1) for x in (p, q))
    first, second = (x / (torch.sqrt((x**2).sum(dim=1, keepdim=True)) + 1e-8) for x in (first, second))
    return ((first @ second.T - torch.eye(k, dtype=p.dtype, device=p.device)) ** 2).mean()


def as_slices(x: torch.Tensor) -> torch.Tensor:
    """Return volumes (n, c, d, h, w) as pictures (n d, c, h, w); pictures as they are."""
    return x.movedim(2, 1).flatten(0, 1) if x.ndim == 5 else x


def turned(x: torch.Tensor, quarters: int) -> torch.Tensor:
    """Turn the last two axes by right angles, as np.rot90 does."""
    return torch.rot90(x, quarters, (-2, -1))


def divergence_map(q: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """Return sum_c p log(p / q) of each pixel, (n, *size): how far p is from q."""
    return (p * torch.log((p + 1e-8) / (q + 1e-8))).sum(dim=1)


def trust(doubt: torch.Tensor) -> torch.Tensor:
    """Return e^-doubt, a weight that is 1 where there is none."""
    return torch.exp(-doubt)


def one_hot(labels: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return labels (n, *size) as maps of 0 and 1, in number and type as `like`."""
    return torch.stack([(labels == index).to(like.dtype) for index in range(like.shape[1])], dim=1)


def soft_cross_entropy(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Average -sum_c q log p over the pixels; p is kept from 0."""
    return -(q * torch.log(p * 0.999 + 5e-4)).sum(dim=1).mean()


def soft_dice(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Return 1 - Dice of two maps, with sums over the batch, averaged over all classes."""
    axes = (0, *range(2, p.ndim))
    return 1 - ((2 * (p * q).sum(axes) + 1e-5) / ((p + q).sum(axes) + 1e-5)).mean()


def hard_targets(labels: torch.Tensor, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return labels as maps of 0 and 1 as `like`, and where they are known, (n, *size)."""
    return one_hot(labels, like), (labels != UNKNOWN).to(like.dtype)


def smoothed_cross_entropy(
    p: torch.Tensor, targets: torch.Tensor, doubted: torch.Tensor, smoothing: float
) -> torch.Tensor:
    """Return the cross-entropy of each pixel, (n, *size), with targets pulled towards a half where they are doubted."""
    softer = (targets - 0.5) * (0.5 - smoothing) / 0.5 + 0.5
    mark = doubted.unsqueeze(1).to(p.dtype)
    return -((mark * softer + (1 - mark) * targets) * torch.log(p * 0.999 + 5e-4)).sum(dim=1)


def sharpened_classes(p: torch.Tensor, temperature: float) -> torch.Tensor:
    """Push the classes of each pixel apart: p^(1/t), brought to a sum of 1."""
    power = p ** (1 / temperature)
    return power / (power.sum(dim=1, keepdim=True) + 1e-8)


def rows_of(features: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return features (n, c, *size) at flattened places (m,), of length 1, (m, c)."""
    found = features.float().movedim(1, -1).reshape(-1, features.shape[1])[places.long()]
    return found / torch.sqrt((found**2).sum(dim=1, keepdim=True) + 1e-8)


def contrast(first: torch.Tensor, second: torch.Tensor, temperature: float) -> torch.Tensor:
    """Average how little each row is nearest to its partner (van den Oord et al. 2018, InfoNCE), both ways."""
    alike = first @ second.T / temperature
    own = torch.diagonal(alike)
    ways = [torch.logsumexp(alike, dim=0), torch.logsumexp(alike, dim=1)]
    return (0.5 * (ways[0] + ways[1]) - own).mean()
