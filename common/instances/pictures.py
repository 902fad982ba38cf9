"""Pictures of cells as a network sees them: three channels 0..255, dark objects on light ground where asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from zoo.common.errors import InputError
from zoo.common.transforms.pictures import LUMA, to_channels
from zoo.common.types import Image

WHITE = 255.0
PERCENTILES = (0.1, 99.8)  # of the brightness, between which intensities are spread; a nucleus may be 1 % of a picture
SEEN = 500_000  # pixels that are looked at for percentiles
COLOURED = 0.05  # mean difference of red, green and blue, as a share of the span of the brightness
BLACK = 0.25  # median of a coloured picture on dark ground, as a share of its high percentile
GAMMA = 0.6  # of dark-field pictures before they are inverted: faint nuclei beside bright ones


@dataclass(frozen=True, eq=False)
class Piece(Image):
    """A part of a picture whose intensities are those that the network sees."""


def shown(image: Image, channels: int, spread: bool, white: float = WHITE) -> np.ndarray:
    """Return a picture (channels, h, w) float32, 0..white; grey ones are repeated.

    spread: the brightness is spread between percentiles, and what lies on dark ground (fluorescence) is inverted, so
    that objects are dark on light ground, as in stained tissue; without, intensities stay.
    """
    if image.array.ndim != 3:
        raise InputError(f"{image.name}: {image.array.ndim} axes; expected a picture (c, h, w)")
    array = to_channels(image.array, channels)
    if isinstance(image, Piece) or not spread:
        return np.multiply(array, white / WHITE, dtype=np.float32)
    low, high, is_dark = brightness(image)
    out = np.empty(array.shape, np.float32)
    for plane, seen in zip(array, out, strict=True):  # a slide region is gigabytes: no copy but the answer
        np.subtract(plane, np.float32(low), out=seen)
        seen *= np.float32(1 / max(high - low, 1e-6))
        np.clip(seen, 0, 1, out=seen)
        if is_dark:
            seen **= np.float32(GAMMA)
            np.subtract(1, seen, out=seen)
        seen *= np.float32(white)
    return out


def brightness(image: Image) -> tuple[float, float, bool]:
    """Return the percentiles of the brightness, and whether the ground is dark.

    Of a grey picture it is where the median is nearer to the low percentile; a coloured one is stained tissue, crowded
    perhaps, unless its median is close to black.
    """
    step = math.ceil(math.sqrt(max(1, image.array[0].size / SEEN)))
    seen = image.array[:3, ::step, ::step]
    low, middle, high = (float(v) for v in np.percentile(grey_of(seen), (PERCENTILES[0], 50, PERCENTILES[1])))
    if len(seen) == 3 and float(np.ptp(seen, axis=0).mean()) > COLOURED * (high - low):
        return low, high, middle < BLACK * high
    return low, high, middle - low < high - middle


def grey_of(array: np.ndarray) -> np.ndarray:
    """Return the brightness (h, w) of a picture (c, h, w) float32."""
    if len(array) >= 3:
        return np.tensordot(np.array(LUMA, np.float32), array[:3], axes=1)
    return array[0].astype(np.float32, copy=False)
