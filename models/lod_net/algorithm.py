"""LOD-Net: polyps one by one, their masks refined where oriented derivatives see the border (Cheng et al. 2021)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from zoo.common.answers.instances import Instances
from zoo.common.answers.prediction import Prediction
from zoo.common.augment.options import Augmentation
from zoo.common.boxes import boxes_of_labels, clip_boxes, corners, join_corners
from zoo.common.errors import ConfigError, InputError
from zoo.common.initialise import initial_value
from zoo.common.instances.algorithm import InstanceAlgorithm
from zoo.common.instances.scores import instances_of
from zoo.common.transforms.pictures import letterbox, to_channels, transform_points
from zoo.common.transforms.sampling import nearest_indices
from zoo.common.types import Arrays, Case, Image, Sample

from .augment import PolypAugmentation, augment
from .config import MASK_SIDE, Config
from .example import draw_example
from .pasting import border_points, lay_out, paste
from .pooling import bin_weights
from .scores import best_threshold, score_polyps, weigh_polyps
from .trivial import SIDE, constant_mask

WHITE = 255.0
STEP = 32  # of the sides of the canvas
SURE = 1e-6  # probability of what a perfect network rules out
# standard deviations of first weights, as detectron2 has them; kernels of the pyramid and the box head are even
SPREADS = {"rpn.": 0.01, "box.scores.": 0.01, "box.steps.": 0.001, "masks.predictor.": 0.001}
EVEN = ("fpn.", "box.fc")


class LodNet(InstanceAlgorithm[Config]):
    """Box what looks like a polyp and outline it."""

    monitor = "dice"
    augmentation: Augmentation = PolypAugmentation()
    of_classes = ("threshold",)
    prediction_options: ClassVar[tuple[str, ...]] = ("threshold", "least_px")

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if any(side % STEP for side in config.input_size):
            raise ConfigError(f"input_size={config.input_size} given; expected multiples of {STEP}")

    @property
    def head(self) -> tuple[str, ...]:
        return ("box.scores.", "box.steps.", "masks.predictor.")

    def preprocess(self, image: Image) -> Arrays:
        """Fit the picture into the canvas, (c, *input_size), and normalise it."""
        if image.array.ndim != 3:
            raise InputError(f"{image.name}: {image.array.ndim} axes; LOD-Net expects a picture (c, h, w)")
        array = to_channels(image.array, self.config.input_channels) / np.float32(WHITE)
        fitted, _ = letterbox(array, self.config.input_size)
        mean, std = (np.array(v, np.float32).reshape(-1, 1, 1) for v in (self.config.mean, self.config.std))
        return {"image": ((fitted - mean) / std).astype(np.float32)}

    def targets(self, sample: Sample) -> Arrays:
        """Return the map of objects on the canvas, without those that are too small there."""
        instances = instances_of(sample)
        fitted = letterbox(instances[None].astype(np.float32), self.config.input_size, nearest=True)[0][0]
        areas = np.bincount(fitted.astype(np.int64).ravel())
        return {
            "instances": np.where(areas[fitted.astype(np.int64)] >= self.config.least_px, fitted, 0).astype(np.int32)
        }

    def postprocess(self, outputs: Arrays, image: Image) -> Instances:
        count = round(float(outputs["count"]))
        scores = np.asarray(outputs["scores"][:count], np.float64)
        order = np.argsort(-scores, kind="stable")
        boxes = clip_boxes(self._in_picture(outputs["boxes"][:count][order], image), image.size[::-1])
        low, high = corners(boxes)
        order, boxes = order[(high > low).all(axis=1)], boxes[(high > low).all(axis=1)]
        scores, logits = np.clip(scores[order], 0, 1), np.asarray(outputs["masks"], np.float64)[order]
        masks = (1 / (1 + np.exp(-logits))).astype(np.float32)
        shown = int((scores >= self.config.threshold).sum())
        pasted = (paste(mask, box, image.size) for mask, box in zip(masks[:shown], boxes[:shown], strict=True))
        windows = [(window, values >= 0.5) for window, values in pasted]
        instances, kept = lay_out(windows, image.size, self.config.least_px)
        extra = {"boundary_points": border_points(np.asarray(outputs["border"])[order[kept]], boxes[kept])}
        extra |= {"candidate_boxes": boxes, "candidate_scores": scores, "candidate_masks": masks}
        kinds = np.zeros(len(kept), np.int64)
        return Instances(image, self.config.classes, instances, kinds, scores[kept], boxes[kept], extra)

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return augment(sample, self.config.input_size, self.options(PolypAugmentation), rng)

    def perfect_outputs(self, sample: Sample) -> Arrays:
        instances = np.asarray(self.targets(sample)["instances"])
        most, (h, w) = self.config.max_objects, instances.shape
        found, numbers = boxes_of_labels(instances)
        boxes, masks = np.zeros((most, 4), np.float32), np.zeros((most, MASK_SIDE, MASK_SIDE), np.float32)
        count = min(len(found), most)
        boxes[:count] = found[:count]
        for i in range(count):
            (rows,) = bin_weights(found[i : i + 1, 1], found[i : i + 1, 3], MASK_SIDE, h)
            (columns,) = bin_weights(found[i : i + 1, 0], found[i : i + 1, 2], MASK_SIDE, w)
            share = np.clip(rows @ (instances == numbers[i]).astype(np.float32) @ columns.T, SURE, 1 - SURE)
            masks[i] = np.log(share / (1 - share))
        there = (np.arange(most) < count).astype(np.float32)
        border = np.zeros((most, MASK_SIDE, MASK_SIDE), np.float32)
        return {"boxes": boxes, "scores": there, "count": np.array(count, np.float32), "masks": masks, "border": border}

    def score(self, prediction: Prediction, sample: Sample) -> Case:
        if not isinstance(prediction, Instances):
            raise TypeError(f"{type(prediction).__name__} given; expected Instances")
        return score_polyps(prediction, sample)

    def summarise(self, cases: Sequence[Case]) -> dict[str, float]:
        return weigh_polyps(cases)(np.ones(len(cases)))

    def weighed(self, cases: Sequence[Case]) -> Callable[[np.ndarray], dict[str, float]]:
        return weigh_polyps(cases)

    def operating_point(self, cases: Sequence[Case]) -> dict[str, Any]:
        """Show objects from the score on at which the mean Dice of the validation pictures is largest."""
        return {"threshold": round(float(np.clip(best_threshold(cases), self.config.least_score, 0.99)), 4)}

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        """Answer with one object at the place where polyps usually are."""
        mask = constant_mask(training)

        def predict(image: Image) -> Prediction:
            instances = mask[np.ix_(*(nearest_indices(n, SIDE) for n in image.size))].astype(np.int32)
            boxes, _ = boxes_of_labels(instances)
            whole = np.ones((len(boxes), MASK_SIDE, MASK_SIDE), np.float32)
            extra = {"candidate_boxes": boxes, "candidate_scores": np.ones(len(boxes)), "candidate_masks": whole}
            none = np.zeros(len(boxes), np.int64)
            return Instances(image, self.config.classes, instances, none, np.ones(len(boxes)), boxes, extra)

        return predict

    @classmethod
    def example(cls, config: Config, rng: np.random.Generator) -> Sample:
        return draw_example(config, rng)

    def initialise(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        if len(shape) > 1 and name.startswith(EVEN):
            bound = np.sqrt(3 / np.prod(shape[1:]))
            return rng.uniform(-bound, bound, shape)
        spread = next((value for prefix, value in SPREADS.items() if name.startswith(prefix)), None)
        if len(shape) > 1 and spread is not None:
            return rng.normal(0, spread, shape)
        return initial_value(name, shape, rng)

    def _in_picture(self, boxes: np.ndarray, image: Image) -> np.ndarray:
        """Bring boxes (k, 4) of the canvas to the picture."""
        _, back = letterbox(image.array[:1], self.config.input_size)
        low, high = (transform_points(points - 0.5, back) + 0.5 for points in corners(boxes))
        return join_corners(low, high)
