"""Everything about CD-Net but its network and its loss."""

from __future__ import annotations

import numpy as np

from zoo.common.answers.instances import Instances
from zoo.common.instances.scores import instances_of
from zoo.common.instances.separation import grow
from zoo.common.instances.targets import INSIDE, REGIONS
from zoo.common.instances.ternary import SCALE, TernaryAlgorithm
from zoo.common.segmentation.algorithm import sure_scores
from zoo.common.tta import View, flips
from zoo.common.types import Arrays, Image, Sample

from .config import DIRECTIONS, Config
from .difference import direction_difference
from .directions import directions_to, draw_centres, find_centres, seen_classes
from .refine import find_inside, name_directions

POINT_STEP = 1 / 16  # of the map of centres as it is kept, in a byte: 0 to 15.9; a lonely centre is 10.1
UNDECIDED = 0.01  # deviation of the first values of the last layers


class CDNet(TernaryAlgorithm[Config]):
    """Find nuclei by regions, and split those that touch where directions to their centres differ."""

    prediction_options = (*TernaryAlgorithm.prediction_options, "difference", "point_share", "maps")

    def __init__(self, config: Config) -> None:
        super().__init__(config, config.stride)

    @property
    def head(self) -> tuple[str, ...]:
        return ("mask.", "point.", "point_attention.", "direction.", "direction_attention.")

    @property
    def dense_outputs(self) -> tuple[str, ...]:
        return "logits", "point", "direction"

    @property
    def views(self) -> tuple[View, ...]:
        """Mirror along both axes and across the diagonal: the eight ways to lay a slide."""
        turned = tuple(View((1, 0), view.flipped) for view in flips(2))
        return (*flips(2), *turned) if self.mirrors else ()

    def undo_view(self, outputs: Arrays, view: View) -> Arrays:
        """Bring the maps back; a direction has another number where the picture is turned or mirrored."""
        undone = super().undo_view(outputs, view)
        return {**undone, "direction": undone["direction"][:, seen_classes(view)]}

    def targets(self, sample: Sample) -> Arrays:
        return {**super().targets(sample), **self._guides(instances_of(sample))}

    def perfect_outputs(self, sample: Sample) -> Arrays:
        guides = self._guides(instances_of(sample))
        return {
            **super().perfect_outputs(sample),
            **guides,
            "direction": sure_scores(guides["direction"], 1 + DIRECTIONS),
        }

    def keep(self, scores: np.ndarray) -> np.ndarray:
        """Reduce finished maps to five bytes a pixel: probabilities of the regions, the map of centres, directions."""
        logits, point, direction = np.split(scores, (REGIONS, REGIONS + 1))
        centres = np.round(np.clip(point / POINT_STEP, 0, SCALE)).astype(np.uint8)
        return np.concatenate([super().keep(logits), centres, name_directions(logits, direction)[None]])

    def name_kept(self, kept: np.ndarray) -> Arrays:
        return {"logits": kept[:REGIONS], "point": kept[REGIONS], "direction": kept[REGIONS + 1]}

    def postprocess(self, outputs: Arrays, image: Image) -> Instances:
        """Number what is inside; the score of an object is its mean probability not to be background."""
        config, (regions, point, classes) = self.config, (outputs[name] for name in self.dense_outputs)
        if config.difference:
            inside = find_inside(regions, point, classes, config.point_share)
        else:
            inside = regions.argmax(axis=0) == INSIDE
        if not config.maps:
            return self.numbered(inside, regions, image)
        centres, difference = point * np.float32(POINT_STEP), direction_difference(classes)
        return self.numbered(inside, regions, image, point=centres, direction=classes, ddm=difference)

    def initialise(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Let the last layers start undecided; by their few outputs alone their values would be of size ten."""
        if len(shape) == 4 and name.startswith(self.head):
            return rng.normal(0, UNDECIDED, shape)
        return super().initialise(name, shape, rng)

    def _guides(self, instances: np.ndarray) -> Arrays:
        """Draw what leads the outlines: the map of centres, and the direction of the own centre from each pixel."""
        centres = find_centres(instances)
        size = (instances.shape[0], instances.shape[1])
        return {"point": draw_centres(centres, size), "direction": directions_to(centres, grow(instances))}
