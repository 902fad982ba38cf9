"""Published weights of photographs for another input: other normalisation, grey pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.common.errors import WeightsError
from zoo.common.types import Arrays

Normalisation = tuple[Sequence[float], Sequence[float]]  # mean and deviation of the intensities scaled to 0..1

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENET: Normalisation = (IMAGENET_MEAN, IMAGENET_STD)


def fit_input(
    kernel: np.ndarray, channels: int, ours: Normalisation, theirs: Normalisation = IMAGENET
) -> tuple[np.ndarray, np.ndarray]:
    """Absorb another normalisation into a first kernel (k, 3, ...); add up RGB for grey pictures.

    Returns the kernel and the constant (k,) that comes on top of its answers. With u = (g - m) / s here and
    v = (g - m') / s' there, w v = (w s / s') u + w (m - m') / s'. Exact but where zero padding reaches.
    Raises WeightsError for other than 1 or 3 channels, or a kernel that is not for RGB.
    """
    if channels not in (1, 3):
        raise WeightsError(f"ImageNet weights fit 1 or 3 input channels, not {channels}")
    if kernel.ndim != 4 or kernel.shape[1] != 3:
        raise WeightsError(f"a first kernel of {kernel.shape}; expected (k, 3, h, w), for RGB pictures")
    their_mean, their_std = (np.reshape(values, (1, 3, 1, 1)) for values in theirs)
    mean, std = (np.broadcast_to(values, 3).reshape(1, 3, 1, 1) for values in ours)
    constant = (kernel * ((mean - their_mean) / their_std)).sum((1, 2, 3))
    scaled = kernel * (std / their_std)
    if channels == 1:
        scaled = scaled.sum(1, keepdims=True)
    return scaled.astype(np.float32), constant.astype(np.float32)


def fit_stem(
    body: Arrays, stem: str, statistics: str, channels: int, ours: Normalisation, expected: str
) -> dict[str, np.ndarray]:
    """Return weights whose first convolution, which a norm follows, takes an input of `channels`, see `fit_input`.

    stem, statistics: names of the convolution's kernel and of the norm's running mean, which takes the constant.
    expected: whose weights these should be, for the WeightsError where one of the two is missing.
    """
    for name in (stem, statistics):
        if name not in body:
            raise WeightsError(f"{name} is missing; expected the weights of {expected}")
    kernel, constant = fit_input(body[stem], channels, ours)
    return {**body, stem: kernel, statistics: (body[statistics] - constant).astype(np.float32)}
