"""Pictures of cells as a network sees them: three channels 0..255, dark objects on light ground where asked for."""

from __future__ import annotations

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


def shown(image: Image, channels: int, spread: bool) -> np.ndarray:
    """Return a picture (channels, h, w) float32, 0..255; grey ones are repeated.

    spread: the brightness is spread between percentiles, and what lies on dark ground (fluorescence) is inverted, so
    that objects are dark on light ground, as in stained tissue; without, intensities stay.
    """
    if image.array.ndim != 3:
        raise InputError(f"{image.name}: {image.array.ndim} axes; expected a picture (c, h, w)")
    array = to_channels(image.array, channels).astype(np.float32, copy=False)
    if isinstance(image, Piece) or not spread:
        return array
    low, high, is_dark = brightness(image)
    array = np.clip((array - np.float32(low)) * np.float32(1 / max(high - low, 1e-6)), 0, 1)
    if is_dark:
        array = 1 - array ** np.float32(GAMMA)
    return array * np.float32(WHITE)


def brightness(image: Image) -> tuple[float, float, bool]:
    """Return the percentiles of the brightness, and whether the ground is dark.

    Of a grey picture it is where the median is nearer to the low percentile; a coloured one is stained tissue, crowded
    perhaps, unless its median is close to black.
    """
    grey = grey_of(image.array)
    step = max(1, grey.size // SEEN)
    low, middle, high = (float(v) for v in np.percentile(grey.ravel()[::step], (PERCENTILES[0], 50, PERCENTILES[1])))
    if _is_coloured(image.array, step, high - low):
        return low, high, middle < BLACK * high
    return low, high, middle - low < high - middle


def _is_coloured(array: np.ndarray, step: int, span: float) -> bool:
    if len(array) < 3:
        return False
    seen = array[:3].reshape(3, -1)[:, ::step]
    return float(np.ptp(seen, axis=0).mean()) > COLOURED * span


def grey_of(array: np.ndarray) -> np.ndarray:
    """Return the brightness (h, w) of a picture (c, h, w) float32."""
    if len(array) >= 3:
        return np.tensordot(np.array(LUMA, np.float32), array[:3], axes=1)
    return array[0].astype(np.float32, copy=False)
