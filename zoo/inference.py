"""From images to predictions: the one path that predict, evaluate and validation share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from zoo.common.algorithm import Algorithm
from zoo.common.batches import stack
from zoo.common.predictions import Prediction
from zoo.common.types import Arrays, Image
from zoo.engine import Engine

T = TypeVar("T")
Prepared = tuple[Image, Arrays]  # an image and its inputs, without the batch axis


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of at most `size` items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def predict_batch(algorithm: Algorithm[Any], engine: Engine, prepared: Sequence[Prepared]) -> list[Prediction]:
    """Run the network once on images that are preprocessed, then postprocess each."""
    outputs = engine.forward(stack([inputs for _, inputs in prepared]))
    return [
        algorithm.postprocess({name: value[i] for name, value in outputs.items()}, image)
        for i, (image, _) in enumerate(prepared)
    ]


def prepare(algorithm: Algorithm[Any], image: Image) -> Prepared:
    """Pair an image with the inputs that the network takes for it."""
    return image, algorithm.preprocess(image)
