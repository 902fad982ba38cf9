"""What a step of vox2vec is: the features of one place in two views, beside those of other places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zoo.common.methods.kinds import SelfSupervised
from zoo.common.methods.spoiling import bent_intensities
from zoo.common.ranges import Count, Open, Positive


@dataclass(frozen=True)
class Vox2Vec(SelfSupervised):
    """The features of a place have to be alike in two views of an image, and unlike those of other places.

    Goncharov et al. 2023: InfoNCE on the finest features of the decoder; the views differ in intensities and a shift.
    """

    needs: ClassVar[tuple[str, ...]] = ("decoder",)

    places: Count = 128  # of each image that are compared
    shift: Open = 0.2  # largest distance between the views, as a share of the sides
    temperature: Positive = 0.1  # the smaller, the more the closest places count

    def views(self, images: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw a shifted second view of a batch (n, c, *size), both in other intensities, and places in both.

        Returns the views joined along the batch, and the rows of equal places in flattened features of each view.
        """
        n, size = len(images), images.shape[2:]
        reach = [max(1, int(side * self.shift)) for side in size]
        steps = [int(rng.integers(-most, most + 1)) for most in reach]
        moved = np.roll(images, steps, axis=tuple(range(2, images.ndim)))
        both = np.stack([bent_intensities(image, rng) for image in np.concatenate([images, moved])])
        ranges = [(max(0, -step), side - max(0, step)) for step, side in zip(steps, size, strict=True)]
        drawn = [np.stack([rng.integers(low, high, self.places) for low, high in ranges]) for _ in range(n)]
        offset, area = np.array(steps)[:, None], int(np.prod(size))
        first = [i * area + np.ravel_multi_index(tuple(place), size) for i, place in enumerate(drawn)]
        second = [i * area + np.ravel_multi_index(tuple(place + offset), size) for i, place in enumerate(drawn)]
        return both, np.concatenate(first).astype(np.int32), np.concatenate(second).astype(np.int32)
