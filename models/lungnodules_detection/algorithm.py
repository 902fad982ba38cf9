"""LungNodules-Detection: lung nodules as peaks of a heat map, with offset and size (CenterNet, Zhou et al. 2019)."""

from __future__ import annotations

import numpy as np
from scipy.special import logit

from zoo.common.detection.algorithm import DetectionAlgorithm
from zoo.common.detection.example import draw_example
from zoo.common.errors import ConfigError
from zoo.common.initialise import initial_value
from zoo.common.tta import View
from zoo.common.types import Arrays, Sample

from .config import Config
from .targets import decode, encode

SURE = 1e-6  # probability of what a perfect network rules out
HEAT_MAP_BIAS = {"log": -4.595, "cells": -2.19}  # sigmoid 0.01 and, as published, 0.1: few cells hold a centre


class LungNodulesDetection(DetectionAlgorithm[Config]):
    """Box what looks like a nodule."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        choices = {"body": ("residual_unet", "dla34"), "sizes": ("log", "cells"), "peak": ("share", "radius")}
        for name, allowed in choices.items():
            if getattr(config, name) not in allowed:
                raise ConfigError(f"{name}={getattr(config, name)!r} given; expected {' or '.join(allowed)}")
        coarsest = 32 if config.body == "dla34" else 2 ** (len(config.channels) - 1)
        strides = (4,) if config.body == "dla34" else tuple(2**level for level in range(len(config.channels)))
        if config.stride not in strides:
            raise ConfigError(f"stride={config.stride} given; expected {' or '.join(map(str, strides))} of this body")
        for name, sides in (("input_size", config.input_size), ("patch_size", config.patch_size)):
            if any(side % coarsest for side in sides):
                raise ConfigError(f"{name}={sides} given; expected multiples of {coarsest}")

    @property
    def head(self) -> tuple[str, ...]:
        return ("heads.hm.2.",)

    def encode(self, boxes: np.ndarray, ignored: np.ndarray, size: tuple[int, int]) -> Arrays:
        return encode(boxes, ignored, size, self.config)

    def decode(self, outputs: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return decode(outputs, self.config)

    def undo_view(self, outputs: Arrays, view: View) -> Arrays:
        """Turn the maps back; a place in a cell is counted from its other side."""
        maps = {name: view.undo(value) for name, value in outputs.items()}
        mirrored = [1 - axis in view.flipped for axis in (0, 1)]  # of x, y
        maps["reg"] = np.where(np.reshape(mirrored, (2, 1, 1)), 1 - maps["reg"], maps["reg"])
        return maps

    def perfect_outputs(self, sample: Sample) -> Arrays:
        target = self.targets(sample)
        return {"hm": logit(np.clip(target["hm"], SURE, 1 - SURE)), "reg": target["reg"], "wh": target["wh"]}

    def initialise(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        if name == "heads.hm.2.bias":
            return np.full(shape, HEAT_MAP_BIAS[self.config.sizes], np.float32)
        if name.startswith("heads."):  # a He-normal 1 x 1 convolution would start with answers in the tens
            return rng.normal(0, 0.01, shape) if name.endswith(".2.weight") else initial_value(name, shape, rng)
        if "conv_offset_mask" in name:
            return np.zeros(shape, np.float32)
        if ".up." in name and self.config.body == "dla34":
            row = 1 - np.abs((np.arange(shape[-1]) + 0.5) / (shape[-1] / 2) - 1)
            return np.broadcast_to(np.outer(row, row), shape)
        return initial_value(name, shape, rng)

    @classmethod
    def example(cls, config: Config, rng: np.random.Generator) -> Sample:
        return draw_example(config, config.reference_px, rng)
