"""Counts of voxels that two masks or label maps share: exact whole numbers, one pass for all labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.common.errors import InputError

CHUNK = 1 << 18  # voxels per histogram: small enough for the cache, and a chunk's counts cannot overflow


@dataclass(frozen=True)
class Counts:
    """True and false positives and negatives as Python ints, which never overflow."""

    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def n(self) -> int:
        """All voxels."""
        return self.tp + self.fp + self.tn + self.fn

    @property
    def is_missed(self) -> bool:
        """The reference has voxels, the prediction none."""
        return self.tp + self.fn > 0 and self.tp + self.fp == 0


def count(reference: np.ndarray, prediction: np.ndarray) -> Counts:
    """Count the four kinds of voxels of two masks of equal shape; anything but 0 is foreground."""
    _check(reference, prediction)
    first, second = np.asarray(reference, bool), np.asarray(prediction, bool)
    tp = int(np.count_nonzero(first & second))
    fp, fn = int(np.count_nonzero(second)) - tp, int(np.count_nonzero(first)) - tp
    return Counts(tp, fp, first.size - tp - fp - fn, fn)


def count_labels(
    reference: np.ndarray, prediction: np.ndarray, labels: Sequence[int | tuple[int, ...]]
) -> list[Counts]:
    """Count each label against all others in one pass over two label maps; a tuple of labels counts as one.

    Labels that occur in neither map have tp = fp = fn = 0. Values may be any whole numbers, as 500 or -1.
    """
    groups = [entry if isinstance(entry, tuple) else (entry,) for entry in labels]
    asked = np.unique([value for group in groups for value in group])
    table = joint_histogram(reference, prediction, asked)
    out = []
    for group in groups:
        rows = np.searchsorted(asked, group) + 1
        tp = int(table[np.ix_(rows, rows)].sum())
        fn, fp = int(table[rows].sum()) - tp, int(table[:, rows].sum()) - tp
        out.append(Counts(tp, fp, int(table.sum()) - tp - fn - fp, fn))
    return out


def joint_histogram(
    reference: np.ndarray, prediction: np.ndarray, labels: Sequence[int] | np.ndarray | None = None
) -> np.ndarray:
    """Count (k + 1, k + 1) int64: row = label in the reference, column = in the prediction.

    labels: k sorted, distinct values; row and column 0 hold everything else. None takes the values that occur, and
    there is no row for others then: (k, k).
    """
    _check(reference, prediction)
    given = labels is not None
    if labels is None:
        labels = np.union1d(_values(reference), _values(prediction))
    asked = np.asarray(labels, np.int64)
    first, second = _places(np.ravel(reference), asked), _places(np.ravel(prediction), asked)
    table = _histogram(first, second, len(asked) + 1)
    return table if given else table[1:, 1:]


def _check(reference: np.ndarray, prediction: np.ndarray) -> None:
    if np.shape(reference) != np.shape(prediction):
        raise InputError(
            f"reference {np.shape(reference)} and prediction {np.shape(prediction)} differ in shape; "
            "resample the prediction to the reference's grid"
        )
    for name, array in (("reference", reference), ("prediction", prediction)):
        if np.asarray(array).dtype.kind not in "biuf" or not np.isfinite(np.max(array, initial=0)):
            raise InputError(f"{name}: {np.asarray(array).dtype} with finite numbers expected")


def _values(array: np.ndarray) -> np.ndarray:
    array = np.ravel(array)
    if array.dtype.itemsize == 1 and array.dtype.kind in "bu":  # many times faster than sorting
        return np.flatnonzero(np.bincount(array.view(np.uint8), minlength=256))
    return np.unique(array).astype(np.int64)


def _places(array: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Replace each value by 1 + its place among `labels`; 0 if absent; uint8 where that is enough."""
    small = np.uint8 if len(labels) < 255 else np.int64
    if array.dtype == bool:
        array = array.view(np.uint8)
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if array.dtype.kind in "iu" and high - low < 1 << 16:
        table = np.zeros(high - low + 1, small)
        inside = (labels >= low) & (labels <= high)
        table[labels[inside] - low] = np.flatnonzero(inside) + 1
        if low == 0 and (table == np.arange(high + 1)).all():
            return array.astype(small, copy=False)
        return np.take(table, array if low == 0 else array.astype(np.int64) - low)
    places = np.minimum(np.searchsorted(labels, array), max(len(labels) - 1, 0))
    found = labels[places] == array if len(labels) else np.zeros(array.shape, bool)
    return np.where(found, places + 1, 0).astype(small)


def _histogram(first: np.ndarray, second: np.ndarray, k: int) -> np.ndarray:
    """Sum histograms of chunks; with few labels two voxels go into one bin, which halves the work."""
    paired = k * k <= 256
    code_type: np.dtype[Any] = np.dtype(np.uint8 if paired else np.int64)
    total = np.zeros(1 << 16 if paired else k * k, np.int64)
    for start in range(0, first.size - first.size % 2 if paired else first.size, CHUNK):
        part = slice(start, min(start + CHUNK, first.size - first.size % 2 if paired else first.size))
        code = first[part].astype(code_type) * code_type.type(k) + second[part].astype(code_type)
        total += np.bincount(code.view(np.uint16) if paired else code, minlength=len(total))
    if not paired:
        return total.reshape(k, k)
    square = total.reshape(256, 256)
    single = (square.sum(0) + square.sum(1))[: k * k]
    if first.size % 2:
        single[int(first[-1]) * k + int(second[-1])] += 1
    return single.reshape(k, k)
