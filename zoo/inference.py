"""From images to predictions: the one path that predict, evaluate and validation share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from zoo.common.algorithm import Algorithm
from zoo.common.batches import stack
from zoo.common.predictions import Prediction
from zoo.common.types import Image
from zoo.engine import Engine

T = TypeVar("T")


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of at most `size` items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def predict_batch(algorithm: Algorithm[Any], engine: Engine, images: Sequence[Image]) -> list[Prediction]:
    """Preprocess, run the network once, postprocess each image."""
    outputs = engine.forward(stack([algorithm.preprocess(image) for image in images]))
    return [
        algorithm.postprocess({name: value[i] for name, value in outputs.items()}, image)
        for i, image in enumerate(images)
    ]
