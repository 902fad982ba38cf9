"""Masks as objects one by one: an option of every prediction that is a segmentation of a picture."""

from __future__ import annotations

import copy
from typing import Any

from zoo.common.algorithm import Algorithm
from zoo.common.answers.instances import Instances
from zoo.common.answers.segmentation import Segmentation
from zoo.common.errors import ConfigError
from zoo.common.instances.parted import part_segmentation
from zoo.common.types import Arrays, Image

INSTANCES = "instances"  # the option


def may_be_parted(algorithm: Algorithm[Any]) -> bool:
    """Tell whether an algorithm answers with segmentations."""
    return issubclass(algorithm.answer_type, Segmentation)


def parted(algorithm: Algorithm[Any], wanted: object) -> Algorithm[Any]:
    """Return the algorithm with answers of objects, where that is wanted."""
    if not isinstance(wanted, bool):
        raise ConfigError(f"prediction option: {INSTANCES} is {wanted!r}; expected True or False")
    if not wanted:
        return algorithm
    other, answer = copy.copy(algorithm), algorithm.postprocess

    def postprocess(outputs: Arrays, image: Image) -> Instances:
        found = answer(outputs, image)
        if not isinstance(found, Segmentation):
            raise TypeError(f"{type(found).__name__} given; expected Segmentation")
        return part_segmentation(found)

    other.postprocess = postprocess  # type: ignore[method-assign]
    return other
