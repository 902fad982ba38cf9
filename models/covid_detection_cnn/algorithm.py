"""Covid-Detection-CNN: lung nodules by anchors, objectness and CIoU (YOLOv5, re-implemented from its description)."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from zoo.common.detection.algorithm import DetectionAlgorithm
from zoo.common.detection.example import draw_example
from zoo.common.errors import ConfigError
from zoo.common.initialise import initial_value
from zoo.common.tta import View
from zoo.common.types import Arrays, Sample

from .config import Config
from .targets import decode, encode, outputs_of

EXPECTED = 8  # objects in a picture of 640 px, for the first objectness (Lin et al. 2017)


class CovidDetectionCNN(DetectionAlgorithm[Config]):
    """Box what looks like a nodule."""

    prediction_options: ClassVar[tuple[str, ...]] = (*DetectionAlgorithm.prediction_options, "overlap")

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.body not in ("csp", "residual_unet"):
            raise ConfigError(f"body={config.body!r} given; expected csp or residual_unet")
        levels = 3 if config.body == "csp" else 1
        if not len(config.strides) == len(config.anchors_px) == len(config.balance) == levels:
            counts = len(config.strides), len(config.anchors_px), len(config.balance)
            raise ConfigError(f"{counts} strides, sets of anchors and weights given; expected {levels} of each")
        if not all(config.anchors_px):
            raise ConfigError(f"anchors_px={config.anchors_px} given; expected at least one anchor for each level")
        finest = [(2**level,) for level in range(len(config.channels))]
        if config.strides not in (allowed := [(8, 16, 32)] if config.body == "csp" else finest):
            raise ConfigError(f"strides={config.strides} given; expected one of {allowed} of this body")
        coarsest = 32 if config.body == "csp" else 2 ** (len(config.channels) - 1)
        for name, sides in (("input_size", config.input_size), ("patch_size", config.patch_size)):
            if any(side % coarsest for side in sides):
                raise ConfigError(f"{name}={sides} given; expected multiples of {coarsest}")

    @property
    def head(self) -> tuple[str, ...]:
        return ("detect.",)

    def encode(self, boxes: np.ndarray, ignored: np.ndarray, size: tuple[int, int]) -> Arrays:
        return encode(boxes, ignored, size, self.config)

    def decode(self, outputs: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return decode(outputs, self.config)

    def undo_view(self, outputs: Arrays, view: View) -> Arrays:
        """Turn the maps back; a place in a cell, 2 sigmoid(t) - 0.5, is counted from its other side by -t."""
        undone = {}
        for i, (name, value) in enumerate(outputs.items()):
            n, _, h, w = value.shape
            maps = view.undo(value).reshape(n, len(self.config.anchors_px[i]), self.config.values, h, w).copy()
            for axis in view.flipped:
                maps[:, :, 1 - axis] *= -1
            undone[name] = maps.reshape(value.shape)
        return undone

    def perfect_outputs(self, sample: Sample) -> Arrays:
        return outputs_of(self.targets(sample), self.config)

    def initialise(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Start with few objects, as published; the class of a single class is certain and never trained."""
        if not name.startswith("detect."):
            return initial_value(name, shape, rng)
        level = int(name.split(".")[1])
        bound = 1 / math.sqrt(shape[1]) if len(shape) > 1 else 0.0
        if bound:
            return rng.uniform(-bound, bound, shape)
        values = np.zeros((len(self.config.anchors_px[level]), self.config.values), np.float32)
        values[:, 4] = math.log(EXPECTED / (640 / self.config.strides[level]) ** 2)
        values[:, 5:] = math.log(0.6 / (len(self.config.classes) - 0.99999))
        return values.reshape(shape)

    @classmethod
    def example(cls, config: Config, rng: np.random.Generator) -> Sample:
        return draw_example(
            config, min(side for level in config.anchors_px for anchor in level for side in anchor), rng
        )
