"""What a step of the mean teacher is: the network on all images, its average on the unlabelled ones under noise."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.methods.teachers import Taught


@dataclass(frozen=True)
class MeanTeacher(Taught):
    """Images without a mask have to look alike to the network and, under noise, to the average of its past weights.

    Tarvainen & Valpola 2017: the squared difference of both softmax maps, beside the supervised loss.
    """
