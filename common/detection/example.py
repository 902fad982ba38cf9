"""A drawn slice: two lungs with vessels and bright discs, which are the objects."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from zoo.common.detection.settings import DetectorSettings
from zoo.common.types import Image, Sample

VESSELS = 12


def draw_example(config: DetectorSettings, diameter_px: float, rng: np.random.Generator) -> Sample:
    """Draw one picture of the canvas' size; every class has discs of its own size and brightness."""
    h, w = config.input_size
    y, x = np.mgrid[:h, :w].astype(np.float32)
    lungs = np.zeros((h, w), bool)
    for centre in (0.3, 0.7):
        lungs |= ((x / w - centre) / 0.19) ** 2 + ((y / h - 0.5) / 0.4) ** 2 < 1
    picture = np.where(lungs, 40.0, 0.0)
    for _ in range(VESSELS):
        angle, px, py = rng.uniform(0, np.pi), rng.uniform(0, w), rng.uniform(0, h)
        along = (x - px) * np.cos(angle) + (y - py) * np.sin(angle)
        across = -(x - px) * np.sin(angle) + (y - py) * np.cos(angle)
        picture[(np.abs(across) < 0.8) & (np.abs(along) < 0.15 * w) & lungs] = 120
    boxes: list[list[float]] = []
    for label in range(len(config.classes)):
        for _ in range(int(rng.integers(1, 3))):
            centre = np.array([rng.choice((0.3, 0.7)) * w, 0.5 * h]) + rng.uniform(-0.09, 0.09, 2) * (w, 2 * h)
            radius = diameter_px * rng.uniform(0.4, 0.8) * (1 + 0.5 * label)
            if any(np.hypot(*(centre - _middle(box))) < radius + (box[3] - box[1]) / 2 for box in boxes):
                continue  # discs that overlap are no two objects
            picture[(x + 0.5 - centre[0]) ** 2 + (y + 0.5 - centre[1]) ** 2 < radius**2] = 220 - 40 * label
            boxes.append([label, *(centre - radius), *(centre + radius)])
    picture = np.where(lungs, ndimage.gaussian_filter(picture, 0.6) + rng.normal(0, 6, (h, w)), 0)
    array = np.repeat(np.clip(picture, 0, 255).astype(np.float32)[None], config.input_channels, axis=0)
    spacing = (config.pixel_mm,) * 2 if config.pixel_mm else None
    return Sample(Image(array, spacing, name="example"), {"boxes": np.array(boxes, np.float64)})


def _middle(box: list[float]) -> np.ndarray:
    return np.array([box[1] + box[3], box[2] + box[4]]) / 2
