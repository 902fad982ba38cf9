"""EllipseNet: finds structures in fetal ultrasound as rotated ellipses around detected centres (Chen et al. 2021)."""

from __future__ import annotations

import numpy as np

from zoo.common.answers.ellipses import Ellipses
from zoo.common.ellipses import geometry
from zoo.common.ellipses.algorithm import EllipseAlgorithm
from zoo.common.errors import ConfigError
from zoo.common.types import Arrays, Image, Sample

from .config import Config
from .initialise import initialise
from .targets import decode, encode, maps_of

STEP = 32  # the backbone halves its input five times


class EllipseNet(EllipseAlgorithm[Config]):
    """One ellipse per class, with head sizes or heart ratios measured on them."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if any(side % STEP for side in config.input_size):
            raise ConfigError(f"input_size={config.input_size} given; expected multiples of {STEP}")

    @property
    def head(self) -> tuple[str, ...]:
        return tuple(f"heads.{name}.2." for name in self.config.outputs)

    def targets(self, sample: Sample) -> Arrays:
        return encode(self.truth(sample), self.config)

    def perfect_outputs(self, sample: Sample) -> Arrays:
        return maps_of(self.targets(sample), self.config)

    def postprocess(self, outputs: Arrays, image: Image) -> Ellipses:
        rows, scores = decode(outputs, self.config)
        return self.answer(geometry.transform(rows, self.back(image)), scores, image)

    def initialise(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return initialise(name, shape, rng, self.config.input_size)
