"""Pictures of the best, the median and the worst cases of an evaluation, the reference beside the answer."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.answers.prediction import Prediction
from zoo.common.batches import entering
from zoo.common.numbers import written
from zoo.common.types import Case, Sample
from zoo.engines.engine import Engine
from zoo.prediction.passes import predict_batch, prepare

KINDS = {"worst": 3, "median": 2, "best": 2}  # how many of each
WIDEST_PX = 900
LARGEST_VOXELS = 1 << 25  # of an image whose reference is drawn; a perfect answer holds every class of every voxel
QUALITY = 85  # of JPEG


@dataclass(frozen=True)
class Shown:
    """One case as a picture: kind (best, median, worst), its name, its score in words, the JPEGs that show it."""

    kind: str
    name: str
    told: str
    answer: bytes
    reference: bytes = b""


def choose(qualities: Sequence[float]) -> list[tuple[str, int]]:
    """Choose the worst, median and best cases, none twice; cases without a score are not shown."""
    known = [i for i in np.argsort(np.asarray(qualities, np.float64), kind="stable") if qualities[i] == qualities[i]]
    middle = max(0, len(known) // 2 - KINDS["median"] // 2)
    parts = {"worst": known[: KINDS["worst"]], "median": known[middle : middle + KINDS["median"]]}
    parts["best"] = known[::-1][: KINDS["best"]]
    out: dict[int, str] = {}
    for kind in KINDS:
        for index in parts[kind]:
            out.setdefault(int(index), kind)
    return [(kind, index) for index, kind in out.items()]


def draw_extremes(
    algorithm: Algorithm[Any], engine: Engine, samples: Sequence[Sample], cases: Sequence[Case], tta: bool = False
) -> list[Shown]:
    """Predict the chosen cases again, one by one, and draw them."""
    out = []
    for kind, index in choose([algorithm.quality(case) for case in cases]):
        sample, row = entering(algorithm, samples[index]), cases[index].row
        (prediction,) = predict_batch(algorithm, engine, [prepare(algorithm, sample.image)], tta=tta)
        told = f"{_true_class(algorithm, row)}{_asked(algorithm)} {written(algorithm.quality(cases[index]))}"
        reference = (
            as_jpeg(perfect_prediction(algorithm, sample), WIDEST_PX) if has_reference(algorithm, sample) else b""
        )
        out.append(Shown(kind, str(row["name"]), told, as_jpeg(prediction, WIDEST_PX), reference))
    return out


def has_reference(algorithm: Algorithm[Any], sample: Sample) -> bool:
    """Say whether there is a reference to draw: more than a class, all of it known, of an image that is not huge."""
    is_known = set(algorithm.labels) <= set(sample.labels)
    return is_known and tuple(algorithm.labels) != ("label",) and math.prod(sample.image.size) <= LARGEST_VOXELS


def perfect_prediction(algorithm: Algorithm[Any], sample: Sample) -> Prediction:
    """Return what a network that knows the labels would have answered, to be drawn as the answer is."""
    outputs = algorithm.perfect_outputs(sample)
    if algorithm.window is not None:  # a windowed network's scores are reduced as they are finished
        joined = np.concatenate([outputs[name] for name in algorithm.dense_outputs])
        outputs = algorithm.name_kept(algorithm.keep(joined))
    return algorithm.postprocess(outputs, sample.image)


def _true_class(algorithm: Algorithm[Any], row: dict) -> str:
    if "label" not in row:
        return ""
    return f"true class {algorithm.config.classes[int(row['label'])]}, "


def _asked(algorithm: Algorithm[Any]) -> str:
    return "its probability" if "label" in algorithm.labels else f"{algorithm.monitor} or the like"


def as_jpeg(prediction: Prediction, widest_px: int) -> bytes:
    """Draw a prediction, at most so wide."""
    picture = prediction.plot().convert("RGB")
    if picture.width > widest_px:
        picture = picture.resize((widest_px, round(picture.height * widest_px / picture.width)))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
