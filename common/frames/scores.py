"""Scores of the pixels of frames: overlap of each tissue, per frame and pooled over all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.common.answers.frames import ClassifiedSegmentation
from zoo.common.metrics.cases import mean_of_defined
from zoo.common.types import Case, Row, Sample

NAN = float("nan")


def score_frame(row: Row, prediction: ClassifiedSegmentation, sample: Sample) -> Case:
    """Add the Dice of each tissue that is in the reference to the row of the classification.

    Pixels whose reference names no tissue, such as 255, are not judged. A frame without a mask only has its class.
    Evidence: `pixels` (tissues, 3) in both masks, in the answer, in the reference.
    """
    if "mask" not in sample.labels:
        return Case(row, {"pixels": np.zeros((len(prediction.tissues), 3))})
    true = np.asarray(sample.labels["mask"])
    judged = true < len(prediction.tissues)
    pairs = [(prediction.labels == i, true == i) for i in range(len(prediction.tissues))]
    counts = np.array([[(a & b).sum(), (a & judged).sum(), b.sum()] for a, b in pairs], np.float64)
    dices = {
        f"dice_{name}": float(2 * both / (found + there)) if there else NAN
        for name, (both, found, there) in zip(prediction.tissues, counts, strict=True)
    }
    return Case({**row, **dices}, {"pixels": counts})


def summarise_frames(cases: Sequence[Case], tissues: tuple[str, ...]) -> dict[str, float]:
    """Average Dice over the frames whose reference has the tissue; pool the pixels for the IoU.

    dice: mean over the tissues but the first. miou: mean over all tissues of the pooled IoU; nan for a tissue that is
    neither in the reference nor in the answers, which does not count.
    """
    counts = np.sum([case.evidence["pixels"] for case in cases] or [np.zeros((len(tissues), 3))], axis=0)
    single = {f"dice_{n}": mean_of_defined([float(case.row.get(f"dice_{n}", NAN)) for case in cases]) for n in tissues}
    ious = {}
    for name, (both, found, there) in zip(tissues, counts, strict=True):
        union = found + there - both
        ious[f"iou_{name}"] = float(both / union) if union else NAN
    scores = {"dice": mean_of_defined(list(single.values())[1:]), "miou": mean_of_defined(list(ious.values()))}
    return {**scores, **single, **ious}
