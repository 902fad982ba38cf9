"""What a step of Models Genesis is: spoilt images, and what they were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.common.methods.kinds import SelfSupervised
from zoo.common.methods.spoiling import bent_intensities, painted, shuffled_blocks
from zoo.common.ranges import Share


@dataclass(frozen=True)
class ModelsGenesis(SelfSupervised):
    """The network repairs images whose intensities were bent, whose pixels were shuffled, or parts of which painted.

    Zhou et al. 2021: each of the changes by chance; the squared difference from the image as it was.
    """

    bend: Share = 0.9  # of the images whose intensities are bent
    shuffle: Share = 0.5  # of the images with shuffled blocks
    paint: Share = 0.9  # of the images parts of which are painted over
    inside: Share = 0.2  # of the painted images in which blocks are painted, and not everything but one

    def spoil(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Spoil each image of a batch (n, c, *size)."""
        return np.stack([self._spoil(image, rng) for image in images])

    def _spoil(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        changed = bent_intensities(image, rng) if rng.random() < self.bend else image
        changed = shuffled_blocks(changed, rng, 100) if rng.random() < self.shuffle else changed
        if rng.random() < self.paint:
            return painted(changed, rng, outside=rng.random() >= self.inside)
        return changed
