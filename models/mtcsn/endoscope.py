"""Simulated frames of a capsule endoscope: folds in a disc, what hides them, lesions, motion blur. No patient's."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve

from zoo.common.transforms.pictures import to_channels
from zoo.common.types import Image, Sample

OUTSIDE, MUCOSA, OBSCURED, LESION = range(4)
PINK, DARK = np.array([206.0, 128.0, 108.0]), np.array([124.0, 52.0, 44.0])
DEBRIS, GLARE, BUBBLE = (112.0, 92.0, 40.0), (250.0, 246.0, 236.0), (198.0, 196.0, 150.0)
ULCER, RED = (236.0, 214.0, 176.0), (118.0, 20.0, 24.0)
HIDDEN = (0.12, 0.45)  # share of the disc that is hidden, from which a frame is partly obscured, unusable
BLUR = (0.025, 0.07)  # length of the motion as a share of the side, from which it is
LIMITS = ((0.0, 0.08), (0.18, 0.38), (0.55, 0.85))  # shares that are aimed at, so that few frames lie on a border


def draw_frame(size: tuple[int, int], classes: int, tissues: int, channels: int, rng: np.random.Generator) -> Sample:
    """Draw a frame; its label and mask follow from what was drawn, see `clearness`.

    With fewer classes or tissues than three and four, the highest are merged; with two tissues the mask marks all
    that is not mucosa.
    """
    h, w = size
    rows, columns = (np.mgrid[:h, :w] + 0.5) / np.reshape([h, w], (2, 1, 1)) - 0.5
    disc = np.hypot(rows, columns) < rng.uniform(0.46, 0.49)
    mask = np.where(disc, MUCOSA, OUTSIDE)
    picture = _mucosa(rows, columns, rng)
    for _ in range(int(rng.integers(0, 3))):
        spot = disc & _blob(rows, columns, rng.uniform(0.05, 0.11), rng)
        picture = _paint(picture, spot, ULCER if rng.random() < 0.5 else RED, rng)
        mask[spot] = LESION
    aim = rng.uniform(*LIMITS[int(rng.choice(3, p=(0.5, 0.25, 0.25)))])
    for _ in range(40):
        if (mask[disc] == OBSCURED).mean() >= aim:
            break
        spot = disc & _blob(rows, columns, rng.uniform(0.04, 0.08 + 0.12 * aim), rng)
        picture = _paint(picture, spot, (DEBRIS, BUBBLE, GLARE)[int(rng.choice(3, p=(0.5, 0.35, 0.15)))], rng)
        mask[spot] = OBSCURED
    length = float(rng.choice([0.0, rng.uniform(0.035, 0.06), rng.uniform(0.085, 0.12)], p=(0.7, 0.15, 0.15)))
    fading = np.clip(1.15 - 1.5 * np.hypot(rows, columns), 0, 1)  # the lamp sits beside the lens
    picture = _moved(picture * fading * disc, length, rng) + 3 * rng.standard_normal((3, h, w))
    label = clearness(float((mask[disc] == OBSCURED).mean()), length, classes)
    array = to_channels(np.clip(picture, 0, 255).astype(np.float32), channels)
    labels: dict[str, np.ndarray] = {"label": np.array(label, np.int64), "mask": merged(mask, tissues).astype(np.int16)}
    return Sample(Image(array, name="example"), labels, group="example")


def clearness(hidden: float, blur: float, classes: int = 3) -> int:
    """Grade a frame by the hidden share of its field of view and the blur as a share of its side: 0 clear, 1, 2."""
    grades = [sum(value >= limit for limit in limits) for value, limits in ((hidden, HIDDEN), (blur, BLUR))]
    return min(max(grades), classes - 1)


def merged(mask: np.ndarray, tissues: int) -> np.ndarray:
    """Put the four drawn tissues into fewer."""
    return np.minimum(np.maximum(mask - 1, 0) if tissues == 2 else mask, tissues - 1)


def _mucosa(rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw folds that run around a lumen, with fine texture, (3, h, w)."""
    y, x = rng.uniform(-0.2, 0.2, 2)
    distance = np.hypot(rows - y, columns - x)
    warp = gaussian_filter(rng.standard_normal(rows.shape), len(rows) / 10) * len(rows) / 12
    folds = 0.5 + 0.5 * np.sin(rng.uniform(22, 36) * distance + 2.5 * warp)
    lumen = np.exp(-((distance / rng.uniform(0.08, 0.14)) ** 2))
    depth = np.clip(0.35 * folds**2 + 0.9 * lumen, 0, 1)
    texture = 10 * gaussian_filter(rng.standard_normal(rows.shape), 1.0)
    shade = PINK * rng.uniform(0.9, 1.1, 3)
    return shade.reshape(3, 1, 1) + depth * (DARK - shade).reshape(3, 1, 1) + texture


def _blob(rows: np.ndarray, columns: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    """Draw where an irregular round thing lies, bool (h, w)."""
    angle, away = rng.uniform(0, 2 * np.pi), 0.46 * np.sqrt(rng.random())
    y, x = rows - away * np.sin(angle), columns - away * np.cos(angle)
    around = np.arctan2(y, x)
    waves = sum(rng.uniform(0, 0.18) * np.cos(n * around + rng.uniform(0, 2 * np.pi)) for n in (2, 3, 5))
    return np.asarray(np.hypot(y, x * rng.uniform(0.7, 1.3)) < radius * (1 + waves))


def _paint(
    picture: np.ndarray, spot: np.ndarray, colour: tuple[float, float, float], rng: np.random.Generator
) -> np.ndarray:
    """Cover a spot with a colour that is mottled a little."""
    mottled = 14 * gaussian_filter(rng.standard_normal(spot.shape), 1.5)
    cover = gaussian_filter(spot.astype(np.float64), 0.8)
    return picture + cover * (np.reshape(colour, (3, 1, 1)) + mottled - picture)


def _moved(picture: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
    """Blur along a random direction; length as a share of the side."""
    steps = round(length * picture.shape[1])
    if steps < 2:
        return picture
    angle = rng.uniform(0, np.pi)
    kernel = np.zeros((2 * steps + 1, 2 * steps + 1))
    for t in np.linspace(-steps / 2, steps / 2, 4 * steps):
        kernel[steps + round(t * np.sin(angle)), steps + round(t * np.cos(angle))] += 1
    return np.stack([fftconvolve(plane, kernel / kernel.sum(), mode="same") for plane in picture])
