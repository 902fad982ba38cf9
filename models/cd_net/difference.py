"""The direction difference map: where neighbouring pixels point apart, there is a border between objects."""

from __future__ import annotations

import numpy as np

from .config import DIRECTIONS
from .directions import VECTORS

CLASSES = 1 + DIRECTIONS
LARGEST = 2  # of a difference: directions that are opposed


def direction_difference(classes: np.ndarray) -> np.ndarray:
    """Compare each pixel's direction with those of its eight neighbours; (h, w) float32 of 0, 0.5 and 1.

    classes: (h, w), see directions.py. 0.5 at the rim of an object, 1 where directions oppose: between objects that
    touch, and around each centre. Beyond the picture there is background. Values are divided by their largest
    possible one, not by the largest that occurs: a picture without objects is 0 everywhere.
    """
    flags = np.left_shift(np.uint16(1), np.pad(classes.astype(np.uint16), 1))  # bit c stands for class c
    rows = flags[:-2] | flags[1:-1] | flags[2:]
    seen = rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
    return _by_classes_seen()[classes, seen]


def pair_differences() -> np.ndarray:
    """Tabulate 1 - cos of two directions, rounded to whole numbers; (9, 9), by class of the pixel and of another.

    The background has no direction, so its cosine is 0; a pixel of the background does not differ from anything.
    """
    lengths = np.linalg.norm(VECTORS, axis=1)
    cosines = VECTORS @ VECTORS.T / np.maximum(np.outer(lengths, lengths), 1)
    cosines[0] = 1
    return 1 - np.round(cosines)


def _by_classes_seen() -> np.ndarray:
    """Tabulate the largest difference, (9, 512) float32, by class of the pixel and by the set of classes around it."""
    pairs = pair_differences()
    sets = (np.arange(2**CLASSES)[:, None] >> np.arange(CLASSES)) & 1  # (512, 9)
    return ((pairs[:, None] * sets).max(-1) / LARGEST).astype(np.float32)
