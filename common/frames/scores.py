"""Scores of the pixels of frames: overlap of each tissue, per frame and pooled over all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.common.answers.frames import ClassifiedSegmentation
from zoo.common.metrics.cases import mean_of_defined
from zoo.common.types import Row, Sample

NAN = float("nan")


class FrameRow(dict[str, float | str]):
    """The scores of one frame; counts (tissues, 3): pixels in both masks, in the answer, in the reference."""

    def __init__(self, row: Row, counts: np.ndarray) -> None:
        super().__init__(row)
        self.counts = counts


def score_frame(row: Row, prediction: ClassifiedSegmentation, sample: Sample) -> FrameRow:
    """Add the Dice of each tissue that is in the reference to the row of the classification.

    Pixels whose reference names no tissue, such as 255, are not judged. A frame without a mask only has its class.
    """
    if "mask" not in sample.labels:
        return FrameRow(row, np.zeros((len(prediction.tissues), 3)))
    true = np.asarray(sample.labels["mask"])
    judged = true < len(prediction.tissues)
    pairs = [(prediction.labels == i, true == i) for i in range(len(prediction.tissues))]
    counts = np.array([[(a & b).sum(), (a & judged).sum(), b.sum()] for a, b in pairs], np.float64)
    dices = {
        f"dice_{name}": float(2 * both / (found + there)) if there else NAN
        for name, (both, found, there) in zip(prediction.tissues, counts, strict=True)
    }
    return FrameRow({**row, **dices}, counts)


def summarise_frames(rows: Sequence[Row], tissues: tuple[str, ...]) -> dict[str, float]:
    """Average Dice over the frames whose reference has the tissue; pool the pixels for the IoU.

    dice: mean over the tissues but the first. miou: mean over all tissues of the pooled IoU; nan for a tissue that is
    neither in the reference nor in the answers, which does not count.
    """
    counts = np.sum([row.counts for row in rows if isinstance(row, FrameRow)] or [np.zeros((len(tissues), 3))], axis=0)
    single = {f"dice_{n}": mean_of_defined([float(r.get(f"dice_{n}", NAN)) for r in rows]) for n in tissues}
    ious = {}
    for name, (both, found, there) in zip(tissues, counts, strict=True):
        union = found + there - both
        ious[f"iou_{name}"] = float(both / union) if union else NAN
    scores = {"dice": mean_of_defined(list(single.values())[1:]), "miou": mean_of_defined(list(ious.values()))}
    return {**scores, **single, **ious}
