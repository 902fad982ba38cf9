"""What segmentation algorithms share: scores per class, their summary, the trivial baseline, the answer itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Protocol, TypeVar

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.answers.prediction import Prediction
from zoo.common.answers.segmentation import Segmentation, keep_largest, measure_classes, pixel_measure
from zoo.common.errors import ConfigError, DataError
from zoo.common.labels import UNKNOWN, misplaced_background
from zoo.common.metrics.cases import MISSED, count_missed, mean_of_defined, score_columns
from zoo.common.metrics.segmentation import Policy, score_case
from zoo.common.tiling import labels as name_largest
from zoo.common.transforms.sampling import nearest_indices
from zoo.common.tta import View, flips
from zoo.common.types import Arrays, Case, Image, Row, Sample

METRICS = ("dice", "hd95_mm", "assd_mm")
IN_PIXELS = tuple(metric.replace("_mm", "_px") for metric in METRICS if metric.endswith("_mm"))  # without a pixel size
SURE = 30.0  # logit of a network without doubt
ATLAS = {2: 128, 3: 48}  # side of the grid on which the baseline averages training masks


class SegmentationConfig(Protocol):
    """What the configuration of a segmentation algorithm has to say."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, the background first."""

    @property
    def largest_component(self) -> bool:
        """Keep only the largest connected part of each class."""

    @property
    def probabilities(self) -> bool:
        """Answer with probabilities, too; they take 4 bytes per class and voxel."""


S = TypeVar("S", bound=SegmentationConfig)


class SegmentationAlgorithm(Algorithm[S]):
    """Labels every pixel or voxel. The network's output "logits" is (k, *size) on the grid of its input."""

    task = "segmentation"
    labels: ClassVar[tuple[str, ...]] = ("mask",)
    answer_type: ClassVar[type[Prediction]] = Segmentation
    monitor = "dice"
    dense_output = "logits"
    prediction_options: ClassVar[tuple[str, ...]] = ("largest_component", "probabilities")

    def __init__(self, config: S) -> None:
        super().__init__(config)
        if len(config.classes) < 2 or len(set(config.classes)) < len(config.classes):
            raise ConfigError(f"classes={config.classes} given; expected the background and at least one more")
        if number := misplaced_background(config.classes):
            raise ConfigError(f"{config.classes[number]!r} is number {number} of classes={config.classes}; expected 0")

    @property
    def views(self) -> tuple[View, ...]:
        """Mirror along every axis of the network's input."""
        return tuple(flips(2 if self.window is None else len(self.window))) if self.mirrors else ()

    def keep(self, scores: np.ndarray) -> np.ndarray:
        """Keep only the labels of a finished slab, unless probabilities are asked for."""
        return scores if self.config.probabilities else name_largest(scores)

    def answer(self, scores: np.ndarray, image: Image) -> Segmentation:
        """Build the prediction from logits (k, *size), or from labels (*size), in the image's own grid."""
        is_labels = scores.ndim == len(image.size)
        found = scores if is_labels else name_largest(scores)
        shown = softmax(scores) if self.config.probabilities and not is_labels else None
        if self.config.largest_component:
            found = keep_largest(found)
        measured = measure_classes(found, self.config.classes, image.spacing_mm)
        return Segmentation(image, self.config.classes, found, shown, measured)

    def mask_of(self, sample: Sample) -> np.ndarray:
        """Return the labels of a sample; DataError when they do not fit its image or the classes."""
        return checked_mask(sample, len(self.config.classes))

    def perfect_outputs(self, sample: Sample) -> Arrays:
        mask = self.targets(sample)["mask"]
        return {"logits": sure_scores(mask, len(self.config.classes))}

    def score(self, prediction: Prediction, sample: Sample) -> Case:
        """Measure Dice, HD95 and ASSD of each class; distances of a missed class count as the image's diagonal.

        What is unknown in the reference counts as background on both sides, so that it is neither right nor wrong.
        """
        if not isinstance(prediction, Segmentation):
            raise TypeError(f"{type(prediction).__name__} given; expected Segmentation")
        truth, found = judged(self.mask_of(sample), prediction.labels)
        known = sample.image.spacing_mm
        spacing = known or (1.0,) * truth.ndim
        policy = Policy(missed_mm=float(np.linalg.norm(np.multiply(truth.shape, spacing))))
        names = {name: index for index, name in enumerate(self.config.classes) if index}
        scored = score_case(sample.image.name, truth, found, names, spacing, METRICS, policy)
        row: Row = {"name": sample.image.name, "group": sample.group}
        for label in scored:
            for metric in METRICS:
                shown = metric if known else metric.replace("_mm", "_px")
                row[f"{shown}_{label['label']}"] = float(label[metric])
        return Case({**row, **_sizes(scored, known, truth.ndim)})

    def summarise(self, cases: Sequence[Case]) -> dict[str, float]:
        """Average each score of each class over the cases in which it is defined, then over the classes.

        `missed` counts over all cases the classes that are there and were not found at all.
        """
        columns = score_columns([case.row for case in cases])
        single = {name: mean_of_defined(values) for name, values in columns.items() if not name.startswith(MISSED)}
        kinds: dict[str, list[float]] = {}  # with their unit, as only some cases may have a pixel size
        for name, value in single.items():
            kinds.setdefault(_kind(name), []).append(value)
        overall = {kind: mean_of_defined(values) for kind, values in kinds.items()}
        return {**overall, **single, "missed": count_missed(columns, "missed")}

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        """Answer every image with the most frequent class of each place, relative to the image's sides."""
        total: np.ndarray | None = None
        for sample in training:
            mask = self.mask_of(sample)
            small = mask[np.ix_(*(nearest_indices(ATLAS[mask.ndim], n) for n in mask.shape))]
            if total is None:
                total = np.zeros((len(self.config.classes), *small.shape), np.int32)
            total += np.stack([small == index for index in range(len(self.config.classes))])
        if total is None:
            raise DataError("no training case given; expected at least one to fit the baseline")
        atlas = name_largest(total)

        def predict(image: Image) -> Prediction:
            place = np.ix_(*(nearest_indices(n, side) for n, side in zip(image.size, atlas.shape, strict=True)))
            return Segmentation(image, self.config.classes, atlas[place])

        return predict


def sure_scores(mask: np.ndarray, classes: int) -> np.ndarray:
    """Return logits (classes, *size) without doubt for a mask of class numbers."""
    return np.where(np.arange(classes).reshape(-1, *(1,) * mask.ndim) == mask, SURE, -SURE).astype(np.float32)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Turn scores (k, *size) into probabilities; keeps float32."""
    powers = np.exp(scores - scores.max(axis=0, keepdims=True))
    return powers / powers.sum(axis=0, keepdims=True)


def checked_mask(sample: Sample, classes: int) -> np.ndarray:
    """Return the integer mask of a sample, unknown pixels among them; DataError for a wrong shape or wrong values."""
    mask = np.asarray(sample.labels["mask"])
    name = sample.files.get("mask", f"mask of {sample.image.name}")
    if mask.shape != sample.image.size:
        raise DataError(f"{name}: {mask.shape} given; expected the image's size {sample.image.size}. Resample one.")
    if mask.dtype.kind == "f":
        mask = mask.astype(np.int64)
    known = mask[mask != UNKNOWN] if classes <= UNKNOWN else mask
    if known.size and (known.min() < 0 or known.max() >= classes):
        raise DataError(
            f"{name}: class numbers {known.min()}..{known.max()} given; expected 0..{classes - 1}. Renumber the mask, "
            "or name all its classes, the background first, one a line in classes.txt beside the data."
        )
    return mask


def judged(truth: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return reference and prediction with background where the reference is unknown; as they are where it is whole."""
    unknown = truth == UNKNOWN
    if not unknown.any():
        return truth, found
    return np.where(unknown, 0, truth), np.where(unknown, 0, found)


def _kind(column: str) -> str:
    """Return the score, with its unit, of a column such as hd95_mm_liver."""
    return next((metric for metric in (*METRICS, *IN_PIXELS) if column.startswith(f"{metric}_")), column)


def _sizes(scored: Sequence[Row], spacing_mm: Sequence[float] | None, axes: int) -> Row:
    """Say per class whether it was missed, and its true and predicted size [ml, mm2 or pixels]."""
    unit, _ = pixel_measure(spacing_mm, axes)
    scale = 1000.0 if axes == 3 and unit == "px" else 1.0  # volumes of rows are in ml, of voxels of 1 mm here
    row: Row = {}
    for label in scored:
        name = label["label"]
        row[f"{MISSED}{name}"] = label["missed"]
        row |= {f"{side}_{name}_{unit}": float(label[f"{side}_volume"]) * scale for side in ("reference", "predicted")}
    return row
