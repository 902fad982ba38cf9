"""Masks as COCO's run lengths: columns one after the other, background first, packed into text of 6 bits a letter."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from zoo.common.errors import DataError

FIRST = 48  # letter that stands for 0


def encode_runs(counts: np.ndarray) -> str:
    """Pack run lengths (k,) into COCO's text: from the fourth on, each as its difference to the one two before."""
    values = np.array(counts, np.int64)
    values[3:] -= np.asarray(counts, np.int64)[1:-2]
    letters = []
    for value in values.tolist():
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            letters.append(bits | (0x20 if more else 0))
    return bytes(letter + FIRST for letter in letters).decode("ascii")


def decode_runs(text: str) -> np.ndarray:
    """Undo `encode_runs`."""
    counts: list[int] = []
    value, shift = 0, 0
    for byte in text.encode("ascii", "replace"):
        bits = byte - FIRST
        if not 0 <= bits < 64:
            raise DataError(f"{text:.40}: letter {chr(byte)!r} in run lengths; expected COCO's compressed RLE")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value, shift = 0, 0
    if shift:
        raise DataError(f"{text:.40}: ends within a number; expected COCO's compressed RLE")
    return np.array(counts, np.int64)


def runs_of(places: np.ndarray, size: int) -> np.ndarray:
    """Return run lengths of a mask with so many pixels; places: (n,) of its foreground, ascending, column by column."""
    if not len(places):
        return np.array([size], np.int64)
    starts = np.flatnonzero(np.diff(places, prepend=-2) != 1)
    first = places[starts]
    lengths = np.diff(starts, append=len(places))
    edges = np.column_stack([first, first + lengths]).ravel()
    counts = np.diff(edges, prepend=0)
    return counts if edges[-1] == size else np.append(counts, size - edges[-1])


def mask_of(counts: np.ndarray, size: tuple[int, int], where: str) -> np.ndarray:
    """Draw run lengths as a mask (h, w) of bool; DataError where they do not fill it exactly."""
    if len(counts) and (counts.min() < 0 or counts.sum() != size[0] * size[1]):
        raise DataError(f"{where}: run lengths of {int(counts.sum())} pixels; expected {size[0]} x {size[1]}")
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return np.ascontiguousarray(flat.reshape(size[1], size[0]).T)


def all_runs(instances: np.ndarray, count: int) -> list[np.ndarray]:
    """Return the run lengths of each object 1..count of a map (h, w)."""
    flat = instances.T.ravel()
    places = np.flatnonzero(flat)
    order = np.argsort(flat[places], kind="stable")
    places, numbers = places[order], flat[places][order]
    bounds = np.searchsorted(numbers, np.arange(1, count + 2))
    return [runs_of(places[a:b], flat.size) for a, b in pairwise(bounds)]
