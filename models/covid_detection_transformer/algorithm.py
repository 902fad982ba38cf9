"""Covid-Detection-Transformer: lung nodules as a set, matched one to one with what was marked (Carion et al. 2020)."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from scipy.special import logit

from zoo.common.detection.algorithm import DetectionAlgorithm
from zoo.common.detection.example import draw_example
from zoo.common.errors import ConfigError
from zoo.common.initialise import initial_value
from zoo.common.types import Arrays, Sample

from .config import PLAIN, Config
from .matching import NOBODY
from .targets import decode, encode

SURE = 1e-6  # probability of what a perfect network rules out
FEW = math.log(0.01 / 0.99)  # of cells and queries hold an object


class CovidDetectionTransformer(DetectionAlgorithm[Config]):
    """Box what looks like a nodule; an object is named once, so that nothing is suppressed."""

    answers_maps = False  # queries of two views are not the same
    prediction_options: ClassVar[tuple[str, ...]] = ("threshold", "max_boxes")

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.body not in (PLAIN, "residual_unet"):
            raise ConfigError(f"body={config.body!r} given; expected residual_unet or {PLAIN}")
        if config.dim % config.heads:
            raise ConfigError(f"dim={config.dim}, heads={config.heads} given; expected a multiple of the heads")
        if config.is_plain and config.patch_size:
            raise ConfigError(f"patch_size={config.patch_size} given; plain DETR learns from whole pictures: ()")
        if not config.is_plain:
            check_grid(config)

    @property
    def head(self) -> tuple[str, ...]:
        return ("detr.labels.",) if self.config.is_plain else ("detr.labels.", "detr.maps.hm.2.")

    def encode(self, boxes: np.ndarray, ignored: np.ndarray, size: tuple[int, int]) -> Arrays:
        return encode(boxes, ignored, size, self.config)

    def decode(self, outputs: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return decode(outputs, self.config)

    def perfect_outputs(self, sample: Sample) -> Arrays:
        """Name the objects by the first queries, and nothing by the others."""
        target = self.targets(sample)
        labels, classes = target["labels"], len(self.config.classes)
        sure = np.full((len(labels), classes + self.config.is_plain), SURE)
        sure[np.arange(len(labels)), np.where(labels == NOBODY, classes if self.config.is_plain else 0, labels)] = 1
        if not self.config.is_plain:
            sure[labels == NOBODY] = SURE
        return {"logits": logit(np.clip(sure, SURE, 1 - SURE))[None], "boxes": target["places"][None]}

    def initialise(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        if self.config.is_plain:
            return plain_value(name, shape, rng)
        if name == "detr.maps.hm.2.bias" or (name.startswith("detr.labels.") and name.endswith("bias")):
            return np.full(shape, FEW, np.float32)
        if name.startswith("detr.maps."):  # a He-normal 1 x 1 convolution would start with answers in the tens
            return rng.normal(0, 0.01, shape) if name.endswith(".2.weight") else initial_value(name, shape, rng)
        if name.startswith("detr.boxes.") and ".2." in name:  # the first boxes are those of the maps
            return np.zeros(shape, np.float32)
        if name.endswith("place.weight"):
            return np.zeros(shape, np.float32)
        if name.endswith("place.bias"):  # heads look all around, as in Zhu et al. 2021
            angles = 2 * np.pi * np.arange(shape[0] // 3) / (shape[0] // 3)
            return np.column_stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)]).reshape(-1)
        return initial_value(name, shape, rng)

    @classmethod
    def example(cls, config: Config, rng: np.random.Generator) -> Sample:
        return draw_example(config, config.reference_px, rng)


def check_grid(config: Config) -> None:
    """Raise ConfigError where the levels, the sides and the queries do not fit each other."""
    levels = [2**level for level in range(len(config.channels))]
    if config.stride not in levels:
        raise ConfigError(f"stride={config.stride} given; expected one of {levels}")
    for name, sides in (("input_size", config.input_size), ("patch_size", config.patch_size)):
        if any(side % levels[-1] for side in sides):
            raise ConfigError(f"{name}={sides} given; expected multiples of {levels[-1]}")
    whole, piece = config.input_size, config.patch_size or config.input_size
    for name, count, sides in (("queries", config.queries, piece), ("queries_whole", config.queries_whole, whole)):
        cells = (sides[0] // config.stride) * (sides[1] // config.stride)
        if count > cells:
            raise ConfigError(f"{name}={count} given for {sides}; expected at most its {cells} cells")


def plain_value(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw as published: what is a matrix of the transformer by Glorot & Bengio 2010, eq. 16, the rest as usual."""
    if name == "detr.queries":
        return rng.standard_normal(shape)
    if len(shape) != 2 or name.startswith(("detr.labels.", "detr.boxes.")):
        return initial_value(name, shape, rng)
    is_packed = name.rsplit(".", 2)[1] in ("query", "key", "value")  # one matrix of three times the rows, there
    bound = math.sqrt(6 / (shape[1] + (3 if is_packed else 1) * shape[0]))
    return rng.uniform(-bound, bound, shape)
