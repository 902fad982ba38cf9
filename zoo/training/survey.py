"""What the training images look like, for the header of the checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zoo.common.scope import Record, spread_evenly, survey
from zoo.common.types import Image, Sample
from zoo.prediction.scope import Scope


def survey_training(training: Sequence[Sample], scope: Scope, modalities: Sequence[str] = ()) -> Record | None:
    """Describe the images of a training split, or some hundreds of them; None when there is nothing to see in any.

    modalities: what the images are, where their files do not say it.
    Raises InputError for images that the model cannot mean.
    """

    def images() -> Iterator[Image]:
        for index in spread_evenly(len(training)):
            image = training[index].image
            scope.check(image)
            yield image

    return survey(images(), scope.dimensions, modalities)
