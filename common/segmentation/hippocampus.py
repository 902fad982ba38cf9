"""Draws what looks to a network like a hippocampus in T1-weighted MR: a bent body between white matter and fluid."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from zoo.common.types import Image, Sample

CLASSES = ("background", "anterior", "posterior")
SIZE = (36, 52, 36)  # (d, h, w) [mm], that of the usual crops around one
SEEN = (slice(2, -2),) * 3  # of it, so that networks that halve four times take it as it is
# brightness, as shares of that of white matter far off; chosen by hand and by trying, on drawings alone
GREY, WHITE, FLUID, TISSUE, SPREAD, NOISE = 0.45, 1.07, 0.2, 0.57, 0.21, 0.03
LENGTH, BEND, TILT, ASIDE, CUT = 1.09, -0.14, -0.4, -0.1, 0.2  # of the axis, as shares of half the sides
FRONT, BACK, FLAT, RIM = (
    0.42,
    0.34,
    0.78,
    0.33,
)  # half widths at both ends, height to width, thickness of what lies around
GRAIN_MM, FOLDED, BLUR_MM = 0.92, 1.44, 0.71  # of the tissue around; how sharply it is grey or white; of the scanner
SCALE = 400.0
LEAST = 32  # side of a network's piece; smaller ones would see no shape


def is_hippocampus(classes: tuple[str, ...], piece: tuple[int, ...]) -> bool:
    """Tell whether a network has the parts of a hippocampus for its classes, and pieces in which to see them."""
    return tuple(classes) == CLASSES and min(piece) >= LEAST


def draw_hippocampus(channels: int, rng: np.random.Generator) -> Sample:
    """Draw a crop at 1 mm, labelled: the axis runs along h, its front end is thicker and leans."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in SIZE), indexing="ij")
    bend, tilt, front = (value * rng.uniform(0.95, 1.05) for value in (BEND, TILT, FRONT))
    along = y / LENGTH
    middle = bend * along**2 - 0.05 + tilt * along
    half = BACK + (front - BACK) * (along + 1) / 2
    half *= np.sqrt(np.clip(1 - along**6, 1e-6, None))
    away = np.sqrt(((z - middle) / (FLAT * half)) ** 2 + ((x - ASIDE * along**2) / half) ** 2)  # 1 at the border
    mask = np.where(away < 1, np.where(along > CUT, 1, 2), 0)

    folds = ndimage.gaussian_filter(rng.normal(size=SIZE), GRAIN_MM)
    tissue = TISSUE + SPREAD * np.tanh(FOLDED * folds / folds.std())
    rim = np.exp(-(((away - 1) / RIM) ** 2))
    tissue += (np.where(z < middle, WHITE, FLUID) - tissue) * rim
    tissue += (GREY - tissue) * np.clip((1.15 - away) / 0.3, 0, 1)
    drawn = ndimage.gaussian_filter(tissue, BLUR_MM) + rng.normal(0, NOISE, (channels, *SIZE))
    seen = (SCALE * drawn[(slice(None), *SEEN)]).astype(np.float32)
    image = Image(seen, (1.0, 1.0, 1.0), np.eye(4), name="example.nii.gz")
    return Sample(image, {"mask": mask[SEEN]}, group=f"example-{rng.integers(2**31)}")
