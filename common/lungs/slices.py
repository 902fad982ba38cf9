"""What algorithms that look at one lung slice share: the way in, the way back, augmentation, examples, a baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from PIL import Image as Pillow

from zoo.common.augment.options import Augmentation
from zoo.common.errors import ConfigError, InputError
from zoo.common.lungs.boxes import BLACK, LARGEST_SHARE, MARGIN, SMALLEST_SHARE, Box, lung_box
from zoo.common.ranges import Angle, Factors, NotNegative, Share
from zoo.common.transforms.pictures import (
    centred_affine,
    compose_affine,
    jitter_intensity,
    resize,
    to_channels,
    warp_affine,
)
from zoo.common.types import Image, Sample

PIVOT = 100  # grey value between the lung and what is dense in it

CROPS: dict[str, Callable[[np.ndarray], Box]] = {
    "lung": lung_box,
    "none": lambda array: Box(0, 0, array.shape[1], array.shape[2]),
}


@dataclass(frozen=True)
class SliceAugmentation(Augmentation):
    """Changes of place, and of light: how bright a lung is says much about it, so no more than a little."""

    mirror: bool = True  # left and right, in half of the copies
    rotation_deg: Angle = 15.0  # largest turn, either way
    scale: Factors = (0.92, 1.08)  # size
    shift: Share = 0.08  # largest shift, as a share of the sides
    stretch: Factors = (0.92, 1.08)  # width, and height by as much the other way; the lung crop does not undo this
    brightness: Share = 0.05  # largest change of the mean, as a share
    contrast: Share = 0.08  # largest change of the distance from the mean, as a share


@dataclass(frozen=True)
class MirrorAugmentation(Augmentation):
    """Changes that interpolate nothing, so that copies are as sharp as the slices."""

    mirror: bool = True  # left and right, in half of the copies
    contrast: Share = 0.2  # largest stretch of the greys about grey 100, as a share
    brightness: NotNegative = 10.0  # largest shift of the greys


class SliceConfig(Protocol):
    """What a configuration says about the way in."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the labels."""

    @property
    def input_channels(self) -> int:
        """1 for grey, 3 for RGB."""

    @property
    def input_size(self) -> tuple[int, int]:
        """(h, w) [px]."""

    @property
    def mean(self) -> tuple[float, ...]:
        """Of the intensities scaled to 0..1; one, or one per channel."""

    @property
    def std(self) -> tuple[float, ...]:
        """Of the intensities scaled to 0..1; one, or one per channel."""

    @property
    def crop(self) -> str:
        """A key of CROPS."""


def check_slice_config(config: SliceConfig) -> None:
    """Raise ConfigError for what cannot be."""
    if config.crop not in CROPS:
        raise ConfigError(f"crop={config.crop!r} given; expected one of {', '.join(CROPS)}")


def cropped(image: Image, config: SliceConfig) -> np.ndarray:
    """Cut out (c, h, w) what the network looks at; InputError for what is no 8-bit slice."""
    if image.array.ndim != 3:
        raise InputError(f"{image.name}: {image.array.ndim} axes; expected one slice, (c, h, w)")
    low, high = float(image.array.min()), float(image.array.max())
    if low < 0 or high > 255:
        raise InputError(
            f"{image.name}: intensities {low:g}..{high:g}; expected 0..255. Bring a CT slice into a window first, for "
            "example with window=(-600, 1500)"
        )
    box = CROPS[config.crop](image.array)
    return image.array[:, box.top : box.bottom, box.left : box.right]


def normalised(array: np.ndarray, config: SliceConfig) -> np.ndarray:
    """Bring a crop to the channels, the size and the scale of the network's input."""
    pixels = resize(to_channels(array, config.input_channels), config.input_size) / 255
    mean, std = (np.reshape(values, (-1, 1, 1)).astype(np.float32) for values in (config.mean, config.std))
    return np.asarray((pixels - mean) / std)


def crop_steps(config: SliceConfig) -> list[dict[str, object]]:
    """Say as data what `cropped` does; see `Algorithm.steps`."""
    bounds = {"black": BLACK, "margin": MARGIN, "least": SMALLEST_SHARE, "most": LARGEST_SHARE}
    steps: list[dict[str, object]] = [{"do": "check", "low": 0, "high": 255}]
    return [*steps, {"do": "crop_lungs", **bounds}] if config.crop == "lung" else steps


def slice_steps(config: SliceConfig) -> list[dict[str, object]]:
    """Say as data what `cropped` and `normalised` do; see `Algorithm.steps`."""
    return [
        *crop_steps(config),
        {"do": "channels", "count": config.input_channels},
        {"do": "resize", "size": config.input_size},
        {"do": "normalise", "divide": 255, "mean": config.mean, "std": config.std},
    ]


def token_weights(array: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Return the mean brightness (0..1) of each cell of a grid over a crop (c, h, w), black as 0; all 1 where all is.

    Where there is no lung there is no weight, and dense tissue, which findings in a lung are, weighs more than air.
    """
    grey = array.max(axis=0)
    bright = Pillow.fromarray(np.where(grey > BLACK, grey / 255, 0).astype(np.float32))
    weights = np.asarray(bright.resize((grid[1], grid[0]), Pillow.Resampling.BOX))
    return weights if weights.any() else np.ones(grid, np.float32)


def tokens_of_mask(mask: np.ndarray, image: Image, config: SliceConfig, grid: tuple[int, ...]) -> np.ndarray:
    """Return which share of each cell of the network's grid a mask (h, w) covers, (gh, gw) in 0..1."""
    box = CROPS[config.crop](image.array)
    inside = Pillow.fromarray((np.asarray(mask) != 0)[box.top : box.bottom, box.left : box.right].astype(np.float32))
    return np.asarray(inside.resize((grid[1], grid[0]), Pillow.Resampling.BOX))


def spread(cells: np.ndarray, image: Image, config: SliceConfig, scale: float = 0.0) -> np.ndarray:
    """Lay a map (gh, gw) of the network's grid over the image: (h, w) in 0..1, zero outside the crop.

    scale: what becomes 1, together with all that is larger; 0 takes the map's own maximum.
    """
    box = CROPS[config.crop](image.array)
    shape = (box.bottom - box.top, box.right - box.left)
    inside = resize(np.maximum(cells, 0)[None].astype(np.float32), shape)[0].clip(0)
    spread_map = np.zeros(image.size, np.float32)
    largest = scale or max(float(inside.max()), 1e-12)
    spread_map[box.top : box.bottom, box.left : box.right] = np.minimum(inside / largest, 1)
    return spread_map


def augment_slice(sample: Sample, options: SliceAugmentation, rng: np.random.Generator) -> Sample:
    """Mirror, turn, scale, shift and stretch, change the light."""
    size = sample.image.size
    matrix = centred_affine(
        size,
        angle_rad=np.deg2rad(rng.uniform(-options.rotation_deg, options.rotation_deg)),
        scale=rng.uniform(*options.scale),
        shift_px=tuple(rng.uniform(-options.shift, options.shift, 2) * size[::-1]),
        flip=bool(rng.random() < 0.5) and options.mirror,
    )
    matrix = compose_affine(matrix, _stretched(size, rng.uniform(*options.stretch)))
    bright = jitter_intensity(sample.image.array, rng, options.brightness, options.contrast)
    array = warp_affine(_within_lung(sample.image.array, bright), matrix, size)
    return replace(sample, image=replace(sample.image, array=array))


def mirror_slice(sample: Sample, options: MirrorAugmentation, rng: np.random.Generator) -> Sample:
    """Mirror, stretch the greys and shift them; what is dense stays brighter than what is not."""
    gain = 1 + rng.uniform(-options.contrast, options.contrast)
    shift = rng.uniform(-options.brightness, options.brightness)
    array = _within_lung(sample.image.array, (sample.image.array - PIVOT) * gain + PIVOT + shift)
    array = array[:, :, ::-1] if rng.random() < 0.5 and options.mirror else array
    return replace(sample, image=replace(sample.image, array=np.ascontiguousarray(array)))


def example_slice(config: SliceConfig, rng: np.random.Generator) -> Sample:
    """Draw two grey lungs on black, with as many bright spots in each as the label says; the mask outlines them."""
    h, w = (2 * side for side in config.input_size)
    rows, columns = np.mgrid[:h, :w] / np.reshape([h, w], (2, 1, 1))
    label = int(rng.integers(len(config.classes)))
    picture, spots = np.zeros((h, w)), np.zeros((h, w))
    for x in (0.3, 0.7):
        lung = ((columns - x) / 0.14) ** 2 + ((rows - 0.5) / 0.25) ** 2 < 1
        texture = 60 + 12 * rng.standard_normal((h, w))
        for _ in range(label):
            angle = rng.uniform(0, 2 * np.pi)
            distance = (columns - x - 0.07 * np.cos(angle)) ** 2 + (rows - 0.5 - 0.13 * np.sin(angle)) ** 2
            spots = np.maximum(spots, np.exp(-distance / (2 * 0.04**2)) * lung)
            texture += 130 * np.exp(-distance / (2 * 0.04**2))
        picture = np.where(lung, texture.clip(BLACK + 1, 255), picture)
    name = f"example-{config.classes[label]}"
    labels: dict[str, np.ndarray] = {"label": np.array(label, np.int64), "mask": (spots > 0.5).astype(np.int16)}
    return Sample(Image(picture[None].astype(np.float32), name=name), labels, group=name)


def brightness_classifier(training: Iterable[Sample], k: int) -> Callable[[Image], np.ndarray]:
    """Fit one normal distribution per class to the mean of what is not black; classify by Bayes' rule, (k,)."""
    pairs = [(int(sample.labels["label"]), _brightness(sample.image)) for sample in training]
    labels, values = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    counts = np.bincount(labels, minlength=k)
    means = np.array([values[labels == c].mean() if counts[c] else 0.0 for c in range(k)])
    deviations = np.array([values[labels == c].std() + 1.0 if counts[c] else 1.0 for c in range(k)])
    priors = (counts + 1) / (counts.sum() + k)

    def classify(image: Image) -> np.ndarray:
        distance = (_brightness(image) - means) / deviations
        density = priors / deviations * np.exp(-0.5 * (distance**2 - (distance**2).min()))
        return np.asarray(density / density.sum())

    return classify


def _within_lung(array: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Keep black what was black, and nothing else, because the lung crop looks for it."""
    return np.where(array > BLACK, np.clip(changed, BLACK + 1, 255), array).astype(np.float32)


def _brightness(image: Image) -> float:
    grey = to_channels(image.array, 1)
    return float(grey[grey > BLACK].mean()) if (grey > BLACK).any() else 0.0


def _stretched(size: tuple[int, ...], factor: float) -> np.ndarray:
    """Return the map that makes a picture wider by `factor` and flatter by the same, about its centre."""
    diagonal = np.array([factor, 1 / factor])
    centre = (np.array(size[::-1], float) - 1) / 2
    return np.column_stack([np.diag(diagonal), centre * (1 - diagonal)])
