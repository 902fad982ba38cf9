"""What a model may be given: refuses what it cannot mean, tells in which respects an image is unlike its training."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from zoo.common.answers.prediction import Prediction
from zoo.common.errors import InputError, ScopeWarning
from zoo.common.modalities import modality_name, modality_names
from zoo.common.scope import Record
from zoo.common.types import Image
from zoo.registry import Entry

P = TypeVar("P", bound=Prediction)
USUAL_CHANNELS = (1, 3, 4)  # grey, RGB and RGBA, between which every network of COLOURS converts
COLOURS = (1, 3)


@dataclass(frozen=True)
class Scope:
    """The images that a model is for.

    dimensions: of the network. slicewise: a network of pictures also takes volumes. channels: of the network's input.
    modalities: names in MODALITIES; () where nothing is known. record: what the training images looked like, in the
    intensities that `as_seen` gives them, see Algorithm.as_seen. taught_by: how the network learned from images alone,
    so that its answers mean nothing yet.
    """

    name: str
    dimensions: int
    slicewise: bool
    channels: int
    modalities: tuple[str, ...] = ()
    record: Record | None = None
    as_seen: Callable[[Image], Image] = lambda image: image
    taught_by: str = ""

    def check(self, image: Image) -> None:
        """Raise InputError for an image of other dimensions, or of channels that cannot be converted."""
        axes, array = image.array.ndim - 1, image.array
        if axes == 2 and self.dimensions == 3:
            raise InputError(
                f"{image.name}: a picture {array.shape} given; {self.name} expects a volume (c, d, h, w). "
                "Give the whole scan: a NIfTI, NRRD or MetaImage file, or the folder of a DICOM series"
            )
        if axes == 3 and self.dimensions == 2 and not self.slicewise:
            raise InputError(
                f"{image.name}: a volume {array.shape} given; {self.name} expects a picture (c, h, w). "
                "Give single slices, for example zoo.Image(image.array[:, 40])"
            )
        if not self._can_convert(array):
            colours = ", or a grey or colour image to convert" if self.channels in COLOURS and axes == 2 else ""
            files = ", in one file or as <case>_0000, <case>_0001 ... in a list or folder" if self.channels > 1 else ""
            raise InputError(
                f"{image.name}: {len(array)} channels given, shape {array.shape}; {self.name} expects {self.channels}"
                f"{colours}{files}. Give the axes as (c, h, w) or (c, d, h, w), one image each, or train the model for "
                f"them: zoo.load(..., input_channels={len(array)}), --option input_channels={len(array)} in the shell"
            )

    def _can_convert(self, array: np.ndarray) -> bool:
        """Whether the channels are those of the network, or of a picture in grey or colour that can be made so.

        Several channels of a volume are mostly different sequences, of which no other can take the place.
        """
        given = len(array)
        if given == self.channels or (self.record is not None and given in self.record.channels):
            return True
        if given not in USUAL_CHANNELS or self.channels not in COLOURS:
            return False
        is_volume = array.ndim == 4
        if is_volume and given > 1:
            return self.channels == 1 and is_in_bytes(array)
        return not is_volume or self.dimensions == 2

    def reasons(self, image: Image) -> tuple[str, ...]:
        """Say in short what speaks against the answer for this image; () when nothing does."""
        modality = modality_name(image.modality)
        other = bool(modality and self.modalities and modality not in self.modalities)
        contradiction = (
            (f"{modality} by its DICOM header, trained on {' and '.join(self.modalities)}",) if other else ()
        )
        seen = self.as_seen(image)
        doubt = (seen.doubt,) if seen.doubt and image.array.ndim == 3 else ()  # as_seen shows one slice of a volume
        start = f"the weights learned from images alone ({self.taught_by}) and mean no class; train before use"
        return (
            *([start] if self.taught_by else ()),
            *contradiction,
            *doubt,
            *(self.record.reasons(seen) if self.record is not None else ()),
        )

    def judge(self, prediction: P) -> P:
        """Return the prediction with its reasons, and warn when there are some."""
        reasons = self.reasons(prediction.image)
        if not reasons:
            return prediction
        warnings.warn(f"{prediction.image.name} is out of scope: {'; '.join(reasons)}", ScopeWarning, stacklevel=2)
        return replace(prediction, out_of_scope=reasons)


def is_in_bytes(array: np.ndarray) -> bool:
    """Whether all values are whole ones of 8 bits, as those of colours are."""
    return bool((array >= 0).all() and (array <= 255).all() and (array == np.round(array)).all())


def scope_of(entry: Entry, algorithm: Any, record: Record | None, taught_by: str = "") -> Scope:
    """Put together what the registry and the checkpoint say; a checkpoint without a record leaves the registry's word.

    A record that knows no modality, of a model fine-tuned on files that say none, is not contradicted by the registry.
    """
    modalities = modality_names(entry.input.modality) if record is None else record.modalities
    channels = int(getattr(algorithm.config, "input_channels", entry.input.channels))
    kinds = entry.input.dimensions, algorithm.slicewise or algorithm.by_slices, channels, modalities
    return Scope(entry.name, *kinds, record, algorithm.as_seen, taught_by)
