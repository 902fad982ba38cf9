"""What classifiers of one slice share: the way in, augmentation, the trivial baseline, a synthetic sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from zoo.common.algorithm import Steps
from zoo.common.answers.classification import Classification
from zoo.common.answers.prediction import Prediction
from zoo.common.augment.options import Augmentation
from zoo.common.classification.algorithm import ClassificationAlgorithm, ClassificationConfig
from zoo.common.classification.series import join_slices
from zoo.common.errors import ConfigError, InputError
from zoo.common.lungs.boxes import BLACK, SMALLEST_SHARE
from zoo.common.lungs.hounsfield import WindowConfig, as_grey, check_window, is_raw
from zoo.common.lungs.slices import (
    SliceAugmentation,
    SliceConfig,
    augment_slice,
    brightness_classifier,
    check_slice_config,
    cropped,
    example_slice,
    normalised,
    slice_steps,
)
from zoo.common.types import Arrays, Image, Sample

SLICE_OPTIONS = ("threshold", "window", "window_from", "lungs", "top_slices")


class SliceClassifierConfig(ClassificationConfig, SliceConfig, WindowConfig, Protocol):
    """What a configuration says about the classes and about the way in."""

    @property
    def top_slices(self) -> int:
        """How many of the most suspicious slices the summary of a series is the mean of."""


S = TypeVar("S", bound=SliceClassifierConfig)


class SliceClassifier(ClassificationAlgorithm[S]):
    """Classify one slice (c, h, w) of intensities 0..255, or of HU; of a series (c, d, h, w), all, and sum them up."""

    augmentation: Augmentation = SliceAugmentation()
    by_slices = True
    prediction_options: ClassVar[tuple[str, ...]] = SLICE_OPTIONS

    def __init__(self, config: S) -> None:
        super().__init__(config)
        check_slice_config(config)
        check_window(config)
        if config.top_slices < 1:
            raise ConfigError(f"top_slices={config.top_slices} given; expected at least one")

    def enter(self, image: Image) -> Image:
        """Bring raw CT into its window, with black around the lungs."""
        return as_grey(image, self.config) if image.array.ndim == 3 and is_raw(image) else image

    def as_seen(self, image: Image) -> Image:
        if image.array.ndim == 4 and is_raw(image):
            image = _slice(image, image.array.shape[1] // 2)
        return self.enter(image)

    def check_labelled(self, image: Image, trains: bool) -> None:
        """Refuse volumes where a label, or a mask, has to be one slice's."""
        if image.array.ndim == 4 and (trains or "mask" in self.labels):
            done = "training takes" if trains else "masks are scored on"
            raise InputError(
                f"{image.name}: a volume {image.array.shape} given; {done} single slices (c, h, w), each with a label "
                "of its own. Give a picture, a DICOM file or a one-slice NIfTI file per slice"
            )

    def slices(self, image: Image) -> Iterator[tuple[int, Image]]:
        """Yield those that show lungs; InputError where none does."""
        found, raw = 0, is_raw(image)
        for i in range(image.array.shape[1]):
            seen = as_grey(_slice(image, i), self.config) if raw else _slice(image, i)
            if float((seen.array.max(axis=0) > BLACK).mean()) >= SMALLEST_SHARE:
                found += 1
                yield i, seen
        if not found:
            raise InputError(
                f"{image.name}: none of {image.array.shape[1]} slices shows lungs; expected a CT of the chest. "
                "Give lungs='whole' for slices as they are"
            )

    def join(self, image: Image, answers: Iterable[tuple[int, Any]]) -> Prediction:
        return join_slices(image, self.config.classes, answers, self.config.top_slices)

    def preprocess(self, image: Image) -> Arrays:
        return {"image": normalised(cropped(image, self.config), self.config)}

    def steps(self) -> Steps | str:
        return {"image": slice_steps(self.config)}

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return augment_slice(sample, self.options(SliceAugmentation), rng)

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        """Classify by the mean brightness of what is not black."""
        classify = brightness_classifier(training, len(self.config.classes))
        return lambda image: Classification(image, self.config.classes, classify(image))

    @classmethod
    def example(cls, config: S, rng: np.random.Generator) -> Sample:
        """Draw two grey lungs on black, with as many bright spots in each as the label says."""
        return example_slice(config, rng)


def _slice(image: Image, index: int) -> Image:
    """Return one slice of a volume as a picture."""
    spacing = None if image.spacing_mm is None else image.spacing_mm[1:]
    name = f"{image.name} slice {index}"
    return replace(image, array=image.array[:, index], spacing_mm=spacing, affine=None, name=name, files=())
