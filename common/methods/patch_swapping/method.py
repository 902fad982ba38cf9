"""What a step of patch swapping is: images with exchanged patches, and what they were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.common.methods.kinds import SelfSupervised
from zoo.common.methods.spoiling import swapped_patches
from zoo.common.ranges import Count, Open


@dataclass(frozen=True)
class PatchSwapping(SelfSupervised):
    """The network restores images in which pairs of patches were exchanged.

    Chen et al. 2019 (context restoration).
    """

    pairs: Count = 10  # of patches that are exchanged
    patch: Open = 0.15  # side of a patch, as a share

    def spoil(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Spoil each image of a batch (n, c, *size)."""
        return np.stack([self._spoil(image, rng) for image in images])

    def _spoil(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return swapped_patches(image, rng, self.pairs, self.patch)
