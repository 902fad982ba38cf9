"""What every detector of boxes in pictures shares: the canvas, training pieces, scores, the threshold, the baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

import numpy as np

from zoo.common.algorithm import Algorithm, Steps
from zoo.common.answers.boxes import Boxes
from zoo.common.answers.prediction import Prediction
from zoo.common.boxes import clip_boxes, corners
from zoo.common.detection.baseline import BlobDetector
from zoo.common.detection.canvas import Piece, canvas_steps, move_boxes, move_discs, on_canvas, placement, shown
from zoo.common.detection.curves import detection_curves
from zoo.common.detection.pieces import PieceAugmentation, random_piece
from zoo.common.detection.scores import PooledScores, counts, evidence_of, scans_of, summarise
from zoo.common.detection.settings import DetectorSettings
from zoo.common.detection.slices import merge_slices
from zoo.common.errors import ConfigError, DataError
from zoo.common.metrics.curves import Curve
from zoo.common.metrics.froc import froc
from zoo.common.transforms.pictures import invert_affine
from zoo.common.tta import View, flips
from zoo.common.types import Arrays, Case, Image, Row, Sample

LEAST_SCORE = 0.05  # boxes of a slice below it do not take part in a volume's objects
# the shown boxes' threshold allows so many false positives per validation picture: one, or a share of its objects
FALSE_PER_IMAGE, FALSE_PER_OBJECT = 1.0, 0.25


D = TypeVar("D", bound=DetectorSettings)


class DetectionAlgorithm(Algorithm[D]):
    """Box the objects of a picture, or of the slices of a volume, merged along its first axis.

    A derived class gives `encode` and `decode` on the network's grid.
    """

    task = "detection"
    labels = ("boxes",)
    answer_type = Boxes
    monitor = "ap50"
    slicewise = True
    augmentation = PieceAugmentation()
    of_classes = ("threshold",)
    answers_maps: ClassVar[bool] = True  # cell by cell, so that undo_view() can lay answers over each other
    prediction_options: ClassVar[tuple[str, ...]] = ("threshold", "max_boxes", "class_agnostic")

    def __init__(self, config: D) -> None:
        super().__init__(config)
        if not config.classes or len(set(config.classes)) < len(config.classes):
            raise ConfigError(f"classes={config.classes} given; expected at least one, all different")
        if not 0 <= config.threshold < 1 or config.max_boxes < 1:
            given = f"threshold={config.threshold}, max_boxes={config.max_boxes}"
            raise ConfigError(f"{given} given; expected a threshold in [0, 1) and at least one box")
        if len(config.window_hu) not in (0, 2) or list(config.window_hu) != sorted(set(config.window_hu)):
            raise ConfigError(f"window_hu={config.window_hu} given; expected (low, high), or () for pictures alone")
        if len(config.patch_size) not in (0, 2):
            raise ConfigError(f"patch_size={config.patch_size} given; expected (h, w), or () for whole canvases")
        if list(config.size_bounds_px) != sorted(set(config.size_bounds_px)):
            raise ConfigError(f"size_bounds_px={config.size_bounds_px} given; expected rising numbers")

    @property
    def views(self) -> tuple[View, ...]:
        """Mirror the picture along both axes, where the answer is made of maps and training mirrored."""
        return tuple(flips(2)) if self.mirrors and self.answers_maps else ()

    def encode(self, boxes: np.ndarray, ignored: np.ndarray, size: tuple[int, int]) -> Arrays:
        """Turn boxes (k, 5) and regions (m, 4) on an input of `size` (h, w) into what the loss compares with."""
        raise NotImplementedError

    def decode(self, outputs: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Turn the outputs of one picture into boxes (k, 4) on the input's grid, labels and scores, best first."""
        raise NotImplementedError

    def as_seen(self, image: Image) -> Image:
        return replace(image, array=shown(image, self.config))

    def preprocess(self, image: Image) -> Arrays:
        return {"image": on_canvas(image, self.config)}

    def steps(self) -> Steps | str:
        return {"image": canvas_steps(self.config)}

    def targets(self, sample: Sample) -> Arrays:
        boxes = self.boxes_of(sample)
        ignored = np.asarray(sample.labels.get("ignored", np.zeros((0, 4))), np.float64).reshape(-1, 4)
        if isinstance(sample.image, Piece):
            return self.encode(boxes, ignored, (sample.image.size[0], sample.image.size[1]))
        matrix = placement(sample.image, self.config)
        moved = np.column_stack([boxes[:, 0], move_boxes(boxes[:, 1:], matrix)])
        return self.encode(moved, move_discs(ignored, matrix), self.config.input_size)

    def postprocess(self, outputs: Arrays, image: Image) -> Boxes:
        if isinstance(image, Piece):
            return self.answer(*self.decode(outputs), image)
        back = invert_affine(placement(image, self.config))
        if image.array.ndim == 3:
            boxes, labels, scores = self.decode(outputs)
            return self.answer(move_boxes(boxes, back), labels, scores, image)
        slices = []
        for i in range(image.array.shape[1]):
            boxes, labels, scores = self.decode({name: value[:, i] for name, value in outputs.items()})
            seen = scores >= LEAST_SCORE
            slices.append((move_boxes(boxes, back)[seen], labels[seen], scores[seen]))
        return self.answer(*merge_slices(slices, image.spacing_mm), image)

    def answer(self, boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray, image: Image) -> Boxes:
        """Cut boxes of `image` at its border, leave out empty ones; those below the threshold are candidates."""
        cut = clip_boxes(boxes, image.size[::-1])
        low, high = corners(cut)
        whole = (high > low).all(axis=1)
        rows, kinds, values = cut[whole], np.asarray(labels, np.int64)[whole], np.asarray(scores, np.float64)[whole]
        shown = values >= self.config.threshold
        everything = Boxes(image, self.config.classes, rows, kinds, values)
        return Boxes(image, self.config.classes, rows[shown], kinds[shown], values[shown], everything)

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return random_piece(sample, self.config, self.options(PieceAugmentation), rng)

    def boxes_of(self, sample: Sample) -> np.ndarray:
        """Return the boxes (k, 5) of a sample; DataError when a class or a corner cannot be."""
        boxes = np.asarray(sample.labels["boxes"], np.float64)
        if boxes.size and (boxes.ndim != 2 or boxes.shape[1] != 5):
            raise DataError(f"{sample.image.name}: boxes of {boxes.shape}; expected (k, 5): class, x1, y1, x2, y2")
        boxes = boxes.reshape(-1, 5)
        last = len(self.config.classes) - 1
        if (unknown := ~np.isin(boxes[:, 0], np.arange(last + 1))).any():
            raise DataError(f"{sample.image.name}: class {boxes[unknown, 0][0]:g}; expected 0..{last}")
        if not np.isfinite(boxes).all() or (boxes[:, 3:] <= boxes[:, 1:3]).any():
            raise DataError(f"{sample.image.name}: a box is empty or not finite; expected x1 < x2 and y1 < y2")
        return boxes

    def score(self, prediction: Prediction, sample: Sample) -> Case:
        if not isinstance(prediction, Boxes):
            raise TypeError(f"{type(prediction).__name__} given; expected Boxes")
        self.boxes_of(sample)
        found = prediction.candidates or prediction
        row: Row = {"name": sample.image.name, "group": sample.group}
        return Case(row | counts(found, sample, self.config.threshold), evidence_of(found, sample))

    def quality(self, case: Case) -> float:
        """Share of what was found of all that was there or was called."""
        every = float(case.row["references"]) + float(case.row["false_positives"])
        return float(case.row["found"]) / every if every else 1.0

    def summarise(self, cases: Sequence[Case]) -> dict[str, float]:
        return summarise([case.evidence for case in cases], self.config.classes, self.config.size_bounds_px)

    def weighed(self, cases: Sequence[Case]) -> Callable[[np.ndarray], dict[str, float]]:
        evidence = [case.evidence for case in cases]
        return PooledScores(evidence, self.config.classes, self.config.size_bounds_px).summary

    def curves(self, cases: Sequence[Case]) -> dict[str, Curve]:
        return detection_curves([case.evidence for case in cases], self.config.classes, self.config.threshold)

    def operating_point(self, cases: Sequence[Case]) -> dict[str, Any]:
        """Put the threshold where validation pictures have one false positive each on the average, by centres.

        Where pictures hold many objects: one for four of them.
        """
        scans = scans_of([case.evidence for case in cases])
        curve, objects = froc(scans), float(np.mean([scan.n_lesions for scan in scans]))
        allowed = curve.thresholds[curve.false_per_scan <= max(FALSE_PER_IMAGE, FALSE_PER_OBJECT * objects)]
        found = float(allowed[-1]) if len(allowed) > 1 else 0.5
        return {"threshold": round(float(np.clip(found, 0.01, 0.99)), 4)}

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        """Answer with blobs of the usual sizes."""
        detector = BlobDetector.fit(training, len(self.config.classes))
        return lambda image: Boxes(image, self.config.classes, *detector.find(image))
