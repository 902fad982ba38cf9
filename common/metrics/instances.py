"""Scores of instance segmentation: two label maps in, floats out, all from one sparse joint histogram.

Label maps are integer arrays of any number of axes, 0 = background, any positive numbers = instances; the numbers
themselves carry no meaning. Scores have no unit. Where neither map holds an instance a score is `both_empty` (nan
unless told otherwise); where only one does it is 0, so that a missed case lowers a mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from zoo.common.assignment import assign
from zoo.common.errors import ConfigError, InputError

NAN = float("nan")
LARGEST_TABLE = 1 << 24  # cells of a dense joint histogram [128 MiB]; beyond, pairs are sorted instead


@dataclass(frozen=True, eq=False)
class Overlaps:
    """What two label maps share: areas of all instances [px], and every pair that overlaps.

    reference_areas: (r,), prediction_areas: (p,); reference, prediction: (k,) places in these; shared: (k,) [px].
    """

    reference_areas: np.ndarray
    prediction_areas: np.ndarray
    reference: np.ndarray
    prediction: np.ndarray
    shared: np.ndarray

    @property
    def union(self) -> np.ndarray:
        """(k,) area of the union of each pair [px]."""
        return self.reference_areas[self.reference] + self.prediction_areas[self.prediction] - self.shared

    @property
    def iou(self) -> np.ndarray:
        """(k,) intersection over union of each pair, in (0, 1]."""
        return self.shared / self.union


def count_overlaps(reference: np.ndarray, prediction: np.ndarray) -> Overlaps:
    """Count the pixels of every instance and of every overlapping pair in one pass; counts are int64."""
    if reference.shape != prediction.shape:
        raise InputError(f"label maps of shapes {reference.shape} and {prediction.shape} given; expected equal shapes")
    of_reference, reference_areas = _compact(reference)
    of_prediction, prediction_areas = _compact(prediction)
    columns = len(prediction_areas)
    is_pair = (of_reference >= 0) & (of_prediction >= 0)
    pairs = of_reference[is_pair] * columns + of_prediction[is_pair]
    if len(reference_areas) * columns <= LARGEST_TABLE:
        table = np.bincount(pairs)
        cells = np.flatnonzero(table)
        shared = table[cells]
    else:
        cells, shared = np.unique(pairs, return_counts=True)
    columns = max(columns, 1)
    return Overlaps(reference_areas, prediction_areas, cells // columns, cells % columns, shared)


def summarise_instances(reference: np.ndarray, prediction: np.ndarray, both_empty: float = NAN) -> dict[str, float]:
    """Compute every score of this file but the lesion-wise rates, from one joint histogram."""
    overlaps = count_overlaps(reference, prediction)
    return {
        "aji": aji(overlaps, both_empty),
        "aji_plus": aji_plus(overlaps, both_empty),
        **panoptic_quality(overlaps, both_empty),
        "dice2": dice2(overlaps, both_empty),
        "binary_dice": binary_dice(overlaps, both_empty),
    }


def aji(overlaps: Overlaps, both_empty: float = NAN) -> float:
    """Aggregated Jaccard index (Kumar et al. 2017, algorithm 1): sum I / (sum U + missed + unused).

    Each reference takes the prediction of highest IoU, the lowest label of equals, and several may take the same one;
    `missed` is the area of references that overlap nothing, `unused` that of predictions nobody took. cellpose's
    function of that name pairs one to one and returns other values.
    """
    return _ratio(*aji_parts(overlaps), both_empty)


def aji_plus(overlaps: Overlaps, both_empty: float = NAN) -> float:
    """AJI over the one-to-one pairs of largest total IoU (Graham et al. 2019); all others count as missed or unused."""
    return _ratio(*aji_parts(overlaps, one_to_one=True), both_empty)


def aji_parts(overlaps: Overlaps, one_to_one: bool = False) -> tuple[float, float]:
    """Return numerator and denominator of AJI, or of AJI+, [px]; those of many pictures add up to a pooled one."""
    if one_to_one:
        return _aggregate(overlaps, assign(overlaps.reference, overlaps.prediction, overlaps.iou))
    order = np.lexsort((overlaps.prediction, -overlaps.iou, overlaps.reference))
    return _aggregate(overlaps, order[np.flatnonzero(np.diff(overlaps.reference[order], prepend=-1))])


def panoptic_quality(overlaps: Overlaps, both_empty: float = NAN, iou_threshold: float = 0.5) -> dict[str, float]:
    """Panoptic quality PQ = DQ SQ, DQ = TP / (TP + FP / 2 + FN / 2), SQ = mean IoU of the TP (Kirillov et al. 2019).

    A pair is a TP when its IoU is above the threshold, strictly; from 0.5 on such pairs are unique without any search.
    SQ is 0 without a TP. Returns dq, sq, pq and the counts tp, fp, fn, which to add up when scores are pooled.
    """
    if iou_threshold < 0.5:
        raise ConfigError(f"IoU threshold {iou_threshold} given; expected 0.5 or more, below pairs are not unique")
    matched = overlaps.iou[overlaps.iou > iou_threshold]
    tp = len(matched)
    fp, fn = len(overlaps.prediction_areas) - tp, len(overlaps.reference_areas) - tp
    dq = _ratio(2 * tp, 2 * tp + fp + fn, both_empty)
    sq = float(matched.mean()) if tp else _ratio(0, fp + fn, both_empty)
    pq = dq * sq if tp + fp + fn else both_empty
    return {"dq": dq, "sq": sq, "pq": pq, "tp": tp, "fp": fp, "fn": fn}


def dice2(overlaps: Overlaps, both_empty: float = NAN) -> float:
    """Ensemble Dice of HoVer-Net's evaluation: 2 sum I / sum (|g| + |p|), both over all overlapping pairs."""
    whole = overlaps.union.sum() + overlaps.shared.sum()
    return _ratio(2 * overlaps.shared.sum(), whole, 0.0 if _has_instances(overlaps) else both_empty)


def binary_dice(overlaps: Overlaps, both_empty: float = NAN) -> float:
    """Dice coefficient of the foregrounds, 2 |A and B| / (|A| + |B|)."""
    whole = overlaps.reference_areas.sum() + overlaps.prediction_areas.sum()
    return _ratio(2 * overlaps.shared.sum(), whole, both_empty)


def lesion_rates(
    reference: np.ndarray, prediction: np.ndarray, min_overlap: int = 1, min_share: float = 0.0, connectivity: int = 2
) -> dict[str, float]:
    """Rate the connected components of two masks: which lesions were found, which findings are lesions.

    A component counts as met when at least `min_overlap` voxels, and at least `min_share` of its own voxels, lie in
    the other mask. sensitivity = found / lesions, precision = met / findings, f1 = their harmonic mean.
    connectivity: steps along axes that make neighbours; 2 is 8 neighbours in 2D, 18 in 3D (ivadomed's choice).
    sensitivity is nan without lesions, precision without findings, f1 is 0 when one and nan when both are missing.
    Pool precision through the counts: its mean over cases would leave out those where everything was missed.
    ivadomed's false detection rate divides by found + false findings instead of by all findings.
    """
    counts = []
    for own, other in ((reference != 0, prediction != 0), (prediction != 0, reference != 0)):
        labels, n = ndimage.label(own, ndimage.generate_binary_structure(own.ndim, min(connectivity, own.ndim)))
        area = np.bincount(labels.ravel(), minlength=n + 1)[1:]
        shared = np.bincount(labels[other].ravel(), minlength=n + 1)[1:]
        counts += [int(((shared >= min_overlap) & (shared >= min_share * area)).sum()), n]
    found, lesions, met, findings = counts
    sensitivity, precision = _ratio(found, lesions, NAN), _ratio(met, findings, NAN)
    f1 = _ratio(2 * sensitivity * precision, sensitivity + precision, 0.0) if lesions and findings else 0.0
    return {
        "sensitivity": sensitivity,
        "precision": precision,
        "f1": f1 if lesions or findings else NAN,
        "found": found,
        "missed": lesions - found,
        "false": findings - met,
    }


def _compact(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the instances 0, 1, ... by ascending label; return that per pixel, -1 = background, and the areas."""
    if labels.dtype.kind not in "uib":
        raise InputError(f"label map of type {labels.dtype} given; expected whole numbers, 0 = background")
    flat = labels.ravel()
    if flat.size and flat.min() < 0:
        raise InputError(f"label {flat.min()} given; expected 0 for the background and positive numbers")
    if flat.size and int(flat.max()) >= LARGEST_TABLE:
        present, flat, counts = np.unique(flat, return_inverse=True, return_counts=True)
        counts = counts if present[0] == 0 else np.append(0, counts)
        flat = flat.reshape(-1) + (present[0] != 0)
    else:
        flat = flat.astype(np.int64, copy=False)
        counts = np.bincount(flat, minlength=1)
    is_there = counts > 0
    is_there[0] = False
    place = np.where(is_there, np.cumsum(is_there) - 1, -1)
    return place[flat], counts[is_there]


def _aggregate(overlaps: Overlaps, pairs: np.ndarray) -> tuple[float, float]:
    lonely = overlaps.reference_areas.sum() - overlaps.reference_areas[overlaps.reference[pairs]].sum()
    is_unused = np.ones(len(overlaps.prediction_areas), bool)
    is_unused[overlaps.prediction[pairs]] = False
    whole = overlaps.union[pairs].sum() + lonely + overlaps.prediction_areas[is_unused].sum()
    return float(overlaps.shared[pairs].sum()), float(whole)


def _has_instances(overlaps: Overlaps) -> bool:
    return len(overlaps.reference_areas) + len(overlaps.prediction_areas) > 0


def _ratio(part: float, whole: float, undefined: float) -> float:
    return float(part) / float(whole) if whole else undefined
