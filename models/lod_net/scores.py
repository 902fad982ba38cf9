"""Scores of polyps: of the area in each picture, of boxes and masks as COCO has them, and the published recall."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from zoo.common.answers.instances import Instances
from zoo.common.boxes import boxes_of_labels, iou
from zoo.common.instances.scores import instances_of, score_instances, weigh_instances
from zoo.common.metrics.average_precision import Evidence, PooledPrecision, join, match_overlaps
from zoo.common.types import Arrays, Case, Sample

from .pasting import paste

KINDS = ("mask", "box")  # of average precision
AP50 = 0  # row of COCO's thresholds
LEVELS = 200  # thresholds that are tried


def score_polyps(prediction: Instances, sample: Sample) -> Case:
    """Compare one picture: its scores as in every instance segmentation, IoU of the area, and what is pooled."""
    case = score_instances(prediction, sample)
    truth = instances_of(sample)
    marked, found = truth > 0, prediction.instances > 0
    shared, either = float((marked & found).sum()), float((marked | found).sum())
    row = {"name": case.row["name"], "group": case.row["group"], "dice": case.row["dice"]}
    row |= {"iou": shared / either if either else 1.0, **case.row}
    pixels = np.array([shared, float(marked.sum())])
    return Case(row, {**case.evidence, "pixels": pixels, **candidates_of(prediction, truth)})


def candidates_of(prediction: Instances, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Match all that was found, also below the threshold, with the objects of a map; by falling score.

    scores (n,); box_hits, mask_hits: (thresholds, n) bool; references: (1,); shared, area: (n,) pixels of the union
    of the first so many masks, with the objects and in all.
    """
    boxes, scores, masks = (prediction.extra[f"candidate_{name}"] for name in ("boxes", "scores", "masks"))
    true_boxes, numbers = boxes_of_labels(truth)
    areas = np.array([(truth == number).sum() for number in numbers], np.float64)
    overlap = np.zeros((len(boxes), len(numbers)))
    union = np.zeros(truth.shape, bool)
    shared, area = np.zeros(len(boxes)), np.zeros(len(boxes))
    for i, (box, mask) in enumerate(zip(boxes, masks, strict=True)):
        window, values = paste(mask, box, truth.shape)
        inside = values >= 0.5
        inner = np.array([(inside & (truth[window] == number)).sum() for number in numbers], np.float64)
        overlap[i] = inner / np.maximum(areas + inside.sum() - inner, 1)
        union[window] |= inside
        shared[i], area[i] = (union & (truth > 0)).sum(), union.sum()
    by_box, by_mask = match_overlaps(iou(boxes, true_boxes), scores), match_overlaps(overlap, scores)
    hits = {"box_hits": by_box.is_hit, "mask_hits": by_mask.is_hit, "scores": by_mask.scores}
    return {**hits, "references": by_mask.references, "shared": shared, "area": area}


def weigh_polyps(cases: Sequence[Case]) -> Callable[[np.ndarray], dict[str, float]]:
    """Return the summary as a function of how often each case counts, (cases,).

    lod_recall: marked pixels that were found, over all pictures, which the publication calls Dice: it leaves out what
    was found beside. ap and ap50 are COCO's, of boxes and of masks, over everything that was found.
    """
    base = weigh_instances(cases)
    pixels = np.array([case.evidence["pixels"] for case in cases], np.float64).reshape(-1, 2)
    overlaps = np.array([float(case.row["iou"]) for case in cases])
    precisions = {name: PooledPrecision(_joined([case.evidence for case in cases], f"{name}_hits")) for name in KINDS}

    def summarise(counts: np.ndarray) -> dict[str, float]:
        found = base(counts)
        shared, marked = (counts @ pixels).tolist()
        total = float(counts.sum())
        first = {"dice": found["dice"], "iou": float(counts @ overlaps) / total if total else float("nan")}
        first |= {"dice_pooled": found["dice_pooled"], "lod_recall": shared / marked if marked else float("nan")}
        for name, precision in precisions.items():
            table = precision.table(counts)[:, 0]
            first |= {f"{name}_ap50": float(table[AP50]), f"{name}_ap": float(table.mean())}
        return {**first, **found}

    return summarise


def best_threshold(cases: Sequence[Case]) -> float:
    """Choose the score from which objects are shown, so that the mean Dice of the pictures is largest.

    Of scores that do as well, the middle one.
    """
    levels = np.unique(np.concatenate([[0.0], *[case.evidence["scores"] for case in cases]]))
    levels = levels[:: max(1, len(levels) // LEVELS)]
    total = np.zeros(len(levels))
    for case in cases:
        e = case.evidence
        marked = float(e["pixels"][1])
        count = len(e["scores"]) - np.searchsorted(np.sort(e["scores"]), levels, side="left")
        shared, area = (np.append(0.0, e[name])[count] for name in ("shared", "area"))
        total += np.where(marked + area > 0, 2 * shared / np.maximum(marked + area, 1), 1.0)
    best = np.flatnonzero(total >= total.max() - 1e-9)
    return float(levels[best[len(best) // 2]])


def _joined(evidence: Sequence[Arrays], hits: str) -> Evidence:
    parts = []
    for e in evidence:
        none = np.zeros(len(e["scores"]), np.int64)
        parts.append(Evidence(none, e["scores"], e[hits], none > 0, e["references"], none))
    return join(parts)
