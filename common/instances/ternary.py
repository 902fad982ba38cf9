"""What networks share that tell inside, boundary and background of every pixel, window by window."""

from __future__ import annotations

from typing import ClassVar, TypeVar

import numpy as np

from zoo.common.answers.instances import Instances, of_one_kind
from zoo.common.augment.options import Augmentation
from zoo.common.errors import ConfigError
from zoo.common.instances.algorithm import InstanceAlgorithm
from zoo.common.instances.augment import CellAugmentation, random_piece
from zoo.common.instances.example import draw_nuclei
from zoo.common.instances.pictures import shown
from zoo.common.instances.scores import instances_of
from zoo.common.instances.separation import separate
from zoo.common.instances.settings import TernarySettings
from zoo.common.instances.targets import BACKGROUND, BOUNDARY, INSIDE, REGIONS, border_weights, ternary_map
from zoo.common.segmentation.algorithm import softmax, sure_scores
from zoo.common.tta import View, flips
from zoo.common.types import Arrays, Image, Sample

SCALE = 255  # of probabilities kept in a byte


T = TypeVar("T", bound=TernarySettings)


class TernaryAlgorithm(InstanceAlgorithm[T]):
    """Finds nuclei by a ternary map, output "logits" (3, h, w) on the grid of the input.

    A network with further dense outputs names them in `dense_outputs`, and overrides keep(), name_kept() and
    undo_view() as far as these are no scores that stay where they are.
    """

    dense_output = "logits"
    augmentation: Augmentation = CellAugmentation()
    prediction_options: ClassVar[tuple[str, ...]] = ("separation", "least_px", "grow_px", "overlap")

    def __init__(self, config: T, stride: int) -> None:
        """Check the configuration; the sides of pieces and windows are multiples of `stride`."""
        super().__init__(config)
        for name in ("input_size", "window_size"):
            sides = getattr(config, name)
            if len(sides) != 2 or any(side < 1 or side % stride for side in sides):
                raise ConfigError(f"{name}={sides} given; expected (h, w), multiples of {stride}")

    @property
    def window(self) -> tuple[int, ...]:
        return self.config.window_size

    @property
    def tiling(self) -> tuple[float, str]:
        return self.config.overlap, "gaussian"

    @property
    def views(self) -> tuple[View, ...]:
        """Mirror along both axes, as in training: tissue has no up."""
        return tuple(flips(2)) if self.mirrors else ()

    @property
    def spreads(self) -> bool:
        """Tell whether intensities are spread."""
        return self.config.intensities == "spread"

    def preprocess(self, image: Image) -> Arrays:
        """Return the picture as the network sees it, in 0..1; any size."""
        return {"image": shown(image, self.config.input_channels, self.spreads, white=1.0)}

    def targets(self, sample: Sample) -> Arrays:
        instances = instances_of(sample)
        return {"ternary": ternary_map(instances).astype(np.int32), "weight": border_weights(instances)}

    def keep(self, scores: np.ndarray) -> np.ndarray:
        """Turn finished logits into probabilities of one byte each; a large field has millions."""
        return np.round(softmax(scores) * SCALE).astype(np.uint8)

    def postprocess(self, outputs: Arrays, image: Image) -> Instances:
        """Number what is inside; the score of an object is its mean probability not to be background."""
        kept = outputs["logits"]
        inside = (kept[INSIDE] > kept[BACKGROUND]) & (kept[INSIDE] >= kept[BOUNDARY])
        return self.numbered(inside, kept, image)

    def numbered(self, inside: np.ndarray, kept: np.ndarray, image: Image, **maps: np.ndarray) -> Instances:
        """Tell apart what is inside (h, w); kept: (3, h, w) probabilities; maps: what the answer holds beside."""
        config = self.config
        found = separate(inside, config.least_px, config.grow_px, config.separation == "watershed")
        return of_one_kind(image, config.classes, found, SCALE - kept[BACKGROUND], scale=SCALE, extra=maps)

    def perfect_outputs(self, sample: Sample) -> Arrays:
        return {"logits": sure_scores(ternary_map(instances_of(sample)), REGIONS)}

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        size = (self.config.input_size[0], self.config.input_size[1])
        return random_piece(sample, size, self.config.input_channels, self.spreads, self.options(CellAugmentation), rng)

    @classmethod
    def example(cls, config: T, rng: np.random.Generator) -> Sample:
        return draw_nuclei((config.input_size[0], config.input_size[1]), config.input_channels, rng)
