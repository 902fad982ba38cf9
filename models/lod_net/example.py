"""A drawn view through an endoscope: reddish folds in a dark corner, and one or two polyps."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from zoo.common.types import Image, Sample

from .config import Config

MUCOSA, POLYP, GLANCE = (150.0, 70.0, 55.0), (205.0, 120.0, 95.0), 245.0
NOISE = 4.0


def draw_example(config: Config, rng: np.random.Generator) -> Sample:
    """Draw a picture of the canvas' size; a polyp is 15 to 35 % of its shorter side across, none hides another."""
    h, w = config.input_size
    y, x = np.mgrid[:h, :w] + 0.5
    short = min(h, w)
    instances = np.zeros((h, w), np.int32)
    shade = np.ones((h, w))
    for _ in range(int(rng.integers(1, 3))):
        a, b = short * rng.uniform(0.16, 0.26), short * rng.uniform(0.13, 0.18)
        cx, cy, angle = rng.uniform(a, w - a), rng.uniform(a, h - a), rng.uniform(0, np.pi)
        along = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
        across = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        radius = np.hypot(along / a, across / b)
        if (instances[radius < 1.2] > 0).any():
            continue  # two that touch would be one
        instances[radius < 1] = instances.max() + 1
        shade[radius < 1] = (1.1 - 0.35 * radius**2)[radius < 1]
    folds = 1 + 0.25 * gaussian_filter(rng.standard_normal((h, w)), short / 12) * short / 6
    light = np.clip(1.15 - 0.8 * np.hypot(x / w - 0.5, y / h - 0.5), 0.3, 1)
    base, polyp = (np.reshape(colour, (3, 1, 1)) for colour in (MUCOSA, POLYP))
    picture = np.where(instances > 0, polyp * shade, base * np.clip(folds, 0.6, 1.3)) * light
    picture[:, gaussian_filter(rng.standard_normal((h, w)), 1.5) > 0.6] = GLANCE  # wet spots shine
    picture = gaussian_filter(picture, (0, 0.7, 0.7)) + rng.normal(0, NOISE, picture.shape)
    array = np.clip(picture, 0, 255).astype(np.float32)
    if config.input_channels == 1:
        array = array.mean(axis=0, keepdims=True)
    return Sample(Image(array, name="example"), {"instances": instances}, group="example")
