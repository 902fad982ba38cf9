"""Random changes of a sample, composed: what moves places is merged into one map, and the image sampled once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from zoo.common.errors import ConfigError
from zoo.common.transforms.labels import frame_of, move_sample
from zoo.common.transforms.spatial import Frame, SpatialMap, identity
from zoo.common.types import Sample


@dataclass(frozen=True, kw_only=True)
class Change(ABC):
    """One change; it happens with this probability, and all its randomness comes from `rng`."""

    probability: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ConfigError(f"{type(self).__name__}: probability={self.probability} given; expected 0..1")

    @abstractmethod
    def apply(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Return a changed copy of image and labels."""


@dataclass(frozen=True, kw_only=True)
class Move(Change):
    """A change of place that can be drawn from the size of the grid alone."""

    @abstractmethod
    def draw(self, frame: Frame, rng: np.random.Generator) -> SpatialMap:
        """Draw the map."""

    def apply(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return move_sample(sample, self.draw(frame_of(sample.image), rng))


@dataclass(frozen=True, kw_only=True)
class Look(Change):
    """A change of place that depends on what is in the sample."""

    @abstractmethod
    def look(self, sample: Sample, before: SpatialMap, rng: np.random.Generator) -> SpatialMap:
        """Draw the map that follows `before`, which has been drawn for the sample but not applied to it."""

    def apply(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return move_sample(sample, self.look(sample, identity(frame_of(sample.image)), rng))


@dataclass(frozen=True, kw_only=True)
class Tone(Change):
    """A change of intensities; labels stay."""

    @abstractmethod
    def change(self, array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return changed intensities (c, *size) float32."""

    def apply(self, sample: Sample, rng: np.random.Generator) -> Sample:
        array = self.change(sample.image.array, rng).astype(np.float32, copy=False)
        return replace(sample, image=replace(sample.image, array=array))


@dataclass(frozen=True)
class Chain:
    """Changes in order. Neighbouring moves become one map, so that a chain blurs as little as a single move.

    fill: intensity beyond the image's borders; its minimum if None. mask_fill: class number there.
    """

    changes: Sequence[Change]
    fill: float | None = None
    mask_fill: int = 0

    def apply(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Return a changed copy; equal generators give equal copies."""
        pending = identity(frame_of(sample.image))
        for change in self.changes:
            if rng.random() >= change.probability:
                continue
            if isinstance(change, Move):
                pending = pending.then(change.draw(pending.new, rng))
            elif isinstance(change, Look):
                pending = pending.then(change.look(sample, pending, rng))
            else:
                sample = change.apply(move_sample(sample, pending, self.fill, self.mask_fill), rng)
                pending = identity(frame_of(sample.image))
        return move_sample(sample, pending, self.fill, self.mask_fill)
