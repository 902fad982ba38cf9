"""Random and fixed changes of place, for pictures and volumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.common.augment import Look, Move
from zoo.common.boxes import boxes_of_labels, corners
from zoo.common.errors import ConfigError, InputError
from zoo.common.transforms import spatial as maps
from zoo.common.transforms.labels import move_boxes
from zoo.common.transforms.spatial import Frame, Size, SpatialMap
from zoo.common.types import Sample

ROUNDING = 1e-6  # px by which a border may miss a whole number


@dataclass(frozen=True, kw_only=True)
class Flip(Move):
    """Mirror each of the axes with a chance of its own."""

    axes: tuple[int, ...] = (-1,)  # of (h, w) or (d, h, w)
    chance: float = 0.5

    def draw(self, frame: Frame, rng: np.random.Generator) -> SpatialMap:
        return maps.flip(frame, [axis for axis in self.axes if rng.random() < self.chance])


@dataclass(frozen=True, kw_only=True)
class QuarterTurn(Move):
    """Turn by 0, 90, 180 or 270 degrees in a plane; a picture that is not square changes its size."""

    plane: tuple[int, int] = (-2, -1)

    def draw(self, frame: Frame, rng: np.random.Generator) -> SpatialMap:
        return maps.quarter_turn(frame, int(rng.integers(4)), self.plane)


@dataclass(frozen=True, kw_only=True)
class RandomAffine(Move):
    """Turn, scale, shear and shift about the centre; true to shape in voxels of unequal sides, if they are known."""

    turn_rad: float | tuple[float, float, float] = 0.26  # largest turn, either way; volumes: about z, y, x
    scale: tuple[float, float] = (0.85, 1.15)  # drawn evenly on a log scale
    stretch: float = 0.0  # largest extra scale of each axis, as a share
    shear: float = 0.0  # largest share of one axis that is added to another
    shift: float = 0.05  # largest shift as a share of the sides

    def draw(self, frame: Frame, rng: np.random.Generator) -> SpatialMap:
        axes = len(frame.size)
        sides = np.exp(rng.uniform(*np.log(self.scale))) * (1 + rng.uniform(-self.stretch, self.stretch, axes))
        shear = np.eye(axes) + rng.uniform(-self.shear, self.shear, (axes, axes)) * (1 - np.eye(axes))
        linear = self._turn(axes, rng) @ shear @ np.diag(sides)
        return maps.about_centre(frame, linear, rng.uniform(-self.shift, self.shift, axes) * frame.size)

    def _turn(self, axes: int, rng: np.random.Generator) -> np.ndarray:
        if axes == 2:
            if isinstance(self.turn_rad, tuple):
                raise ConfigError(f"turn_rad={self.turn_rad} given for a picture; expected one angle")
            return _rotation(2, 0, 1, rng.uniform(-self.turn_rad, self.turn_rad))
        limits = self.turn_rad if isinstance(self.turn_rad, tuple) else (self.turn_rad,) * 3
        turn = np.eye(3)
        for (i, j), limit in zip(((1, 2), (0, 2), (0, 1)), limits, strict=True):
            turn = _rotation(3, i, j, rng.uniform(-limit, limit)) @ turn
        return turn


@dataclass(frozen=True, kw_only=True)
class RandomElastic(Move):
    """Deform smoothly, never folding; see transforms.spatial.elastic()."""

    knots_px: float = 32.0  # distance of the points that are shifted
    strength: tuple[float, float] = (0.2, 1.0)  # of the largest shift that cannot fold

    def draw(self, frame: Frame, rng: np.random.Generator) -> SpatialMap:
        return maps.elastic(frame, self.knots_px, rng.uniform(*self.strength), rng)


@dataclass(frozen=True, kw_only=True)
class RandomCrop(Look):
    """Cut a window out at random, padding what is smaller; with a chance its middle is foreground of the mask."""

    size: Size
    foreground: float = 0.0  # chance that the window is centred on a random foreground place
    jitter: float = 0.25  # of the window's sides, about that place

    def look(self, sample: Sample, before: SpatialMap, rng: np.random.Generator) -> SpatialMap:
        frame = before.new
        room = np.array(frame.size) - self.size
        start = np.floor(rng.uniform(np.minimum(room, 0), np.maximum(room, 0) + 1))
        if rng.random() < self.foreground and (place := _foreground_place(sample, rng)) is not None:
            offset = rng.uniform(-self.jitter, self.jitter, len(self.size)) * self.size
            start = np.round(before.to_new(place)[0] + offset - (np.array(self.size) - 1) / 2)
        # a larger image fills the window, a smaller one lies wholly in it
        return maps.crop(frame, np.clip(start, np.minimum(room, 0), np.maximum(room, 0)).astype(int), self.size)


@dataclass(frozen=True, kw_only=True)
class ForegroundCrop(Look):
    """Cut to the box around what is brighter than a threshold, or around the mask; an empty image stays whole."""

    threshold: float | None = None  # intensity; None takes the mask
    margin_px: int = 0

    def look(self, sample: Sample, before: SpatialMap, rng: np.random.Generator) -> SpatialMap:
        shown = _mask(sample) > 0 if self.threshold is None else (sample.image.array > self.threshold).any(0)
        boxes, _ = boxes_of_labels(shown.astype(np.int8))
        if not len(boxes):
            return maps.identity(before.new)
        moved = move_boxes(np.hstack([np.zeros((1, 1)), boxes]), before)[:, 1:]
        low, high = (corner[0, ::-1] for corner in corners(moved))
        low = np.clip(np.floor(low + ROUNDING) - self.margin_px, 0, np.array(before.new.size) - 1).astype(int)
        high = np.clip(np.ceil(high - ROUNDING) + self.margin_px, low + 1, before.new.size).astype(int)
        return maps.crop(before.new, low, tuple(int(n) for n in high - low))


@dataclass(frozen=True, kw_only=True)
class CentreCrop(Move):
    """Cut out or pad around the centre."""

    size: Size

    def draw(self, frame: Frame, rng: np.random.Generator) -> SpatialMap:
        return maps.centre_crop(frame, self.size)


@dataclass(frozen=True, kw_only=True)
class PadToMultiple(Move):
    """Pad on both sides until every side is a multiple, as networks with poolings need."""

    multiple: int = 16

    def draw(self, frame: Frame, rng: np.random.Generator) -> SpatialMap:
        return maps.centre_crop(frame, tuple(-(-n // self.multiple) * self.multiple for n in frame.size))


@dataclass(frozen=True, kw_only=True)
class Resize(Move):
    """Stretch to a size, or fit into it with the proportions kept."""

    size: Size
    keep_proportions: bool = False

    def draw(self, frame: Frame, rng: np.random.Generator) -> SpatialMap:
        return (maps.letterbox if self.keep_proportions else maps.resize)(frame, self.size)


@dataclass(frozen=True, kw_only=True)
class Resample(Move):
    """Change the size of the voxels."""

    spacing_mm: tuple[float, ...]

    def draw(self, frame: Frame, rng: np.random.Generator) -> SpatialMap:
        return maps.resample(frame, self.spacing_mm)


def _rotation(axes: int, i: int, j: int, angle_rad: float) -> np.ndarray:
    turn = np.eye(axes)
    turn[[i, i, j, j], [i, j, i, j]] = np.cos(angle_rad), -np.sin(angle_rad), np.sin(angle_rad), np.cos(angle_rad)
    return turn


def _mask(sample: Sample) -> np.ndarray:
    if "mask" not in sample.labels:
        raise InputError(f"{sample.image.name}: no label `mask`; expected one, with 0 for the background")
    return sample.labels["mask"]


def _foreground_place(sample: Sample, rng: np.random.Generator) -> np.ndarray | None:
    """Draw a class that is there, then one of its places, (1, axes); None where nothing is marked."""
    mask = _mask(sample)
    present = np.unique(mask)
    present = present[present > 0]
    if not present.size:
        return None
    places = np.flatnonzero(mask == rng.choice(present))
    return np.array([np.unravel_index(int(rng.choice(places)), mask.shape)], np.float64)
