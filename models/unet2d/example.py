"""A synthetic picture with known masks: soft blobs on grey, one brightness per class."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from zoo.common.types import Image, Sample

from .config import Config

NOISE = 8.0  # of 0..255


def draw_example(config: Config, rng: np.random.Generator) -> Sample:
    """Draw two ellipses of each class, as of two lungs, darker than their surroundings by class."""
    h, w = config.input_size[0] * 5 // 4, config.input_size[1] * 5 // 4 + 6
    rows, columns = np.mgrid[:h, :w] / np.reshape([h, w], (2, 1, 1))
    mask = np.zeros((h, w), np.int16)
    for label in range(1, len(config.classes)):
        for side in (0.3, 0.7):
            y, x = rng.uniform(0.35, 0.65), side + rng.uniform(-0.06, 0.06)
            a, b = rng.uniform(0.16, 0.26) / label, rng.uniform(0.09, 0.14) / label
            mask[((rows - y) / a) ** 2 + ((columns - x) / b) ** 2 < 1] = label
    body = ((rows - 0.5) / 0.48) ** 2 + ((columns - 0.5) / 0.46) ** 2 < 1
    grey = np.where(body, 190.0, 10.0) - 130.0 * mask / (len(config.classes) - 1)
    grey = gaussian_filter(grey, min(h, w) / 128) + NOISE * gaussian_filter(rng.standard_normal((h, w)), 0.7)
    picture = np.clip(grey, 0, 255)[None].astype(np.float32)
    return Sample(Image(picture, name="example"), {"mask": mask}, group="example")
