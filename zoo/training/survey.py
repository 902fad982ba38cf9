"""What the training images look like, for the header of the checkpoint."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.errors import InputError, ScopeWarning
from zoo.common.scope import SCALE, Record, spread_evenly, survey
from zoo.common.types import Image, Sample
from zoo.prediction.scope import Scope

GAIN, SHIFT = 16.0, 40.0  # as from 8 to 12 bit, on another ground
SAME = 1e-3  # share of the largest input by which rounding may change one


def survey_training(
    training: Sequence[Sample], algorithm: Algorithm[Any], scope: Scope, modalities: Sequence[str] = ()
) -> Record | None:
    """Describe the images of a training split, or some hundreds of them; None when there is nothing to see in any.

    modalities: what the images are, where their files do not say it.
    Raises InputError for images that the model cannot mean.
    """

    doubted = dict[str, str]()

    def images() -> Iterator[Image]:
        for index in spread_evenly(len(training)):
            image = training[index].image
            scope.check(image)
            algorithm.check_labelled(image, trains=True)
            seen = algorithm.as_seen(image)
            doubted.update({image.name: seen.doubt} if seen.doubt else {})
            yield seen

    without = () if sees_scale(algorithm, training[0].image) else SCALE
    record, looked_at = survey(images(), scope.dimensions, modalities, without), len(spread_evenly(len(training)))
    if doubted:
        name, doubt = next(iter(doubted.items()))
        warnings.warn(
            f"{len(doubted)} of {looked_at} training images may not show what the network is to look at, such as "
            f"{name}: {doubt}. Leave out what is no use",
            ScopeWarning,
            stacklevel=4,
        )
    return record


def sees_scale(algorithm: Algorithm[Any], image: Image) -> bool:
    """Whether the network's input changes with gain and offset of the intensities; tried on one image."""
    try:
        image = algorithm.enter(image)
        before = algorithm.preprocess(image)
        after = algorithm.preprocess(replace(image, array=image.array * np.float32(GAIN) + np.float32(SHIFT)))
    except InputError:  # another scale is refused
        return True
    return not all(np.allclose(after[name], value, 0, SAME * np.abs(value).max()) for name, value in before.items())
