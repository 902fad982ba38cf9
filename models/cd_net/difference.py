"""The direction difference map: where neighbouring pixels point apart, there is a border between objects."""

from __future__ import annotations

import numpy as np

from .config import DIRECTIONS
from .directions import VECTORS

LARGEST = 2  # of a difference: directions that are opposed
AROUND = [(y, x) for y in range(3) for x in range(3) if (y, x) != (1, 1)]


def differences() -> np.ndarray:
    """Tabulate 1 - cos of two directions, rounded to whole numbers; (9, 9) uint8, by class of the pixel, of another.

    The background has no direction, so its cosine is 0; pixels of the background do not differ from anything.
    """
    cosines = VECTORS @ VECTORS.T / (np.linalg.norm(VECTORS, axis=1)[:, None] * np.linalg.norm(VECTORS, axis=1) + 1e-6)
    cosines[0] = 1
    return (1 - np.round(cosines)).astype(np.uint8)


def direction_difference(classes: np.ndarray) -> np.ndarray:
    """Compare each pixel's direction with those of its eight neighbours; (h, w) float32 of 0, 0.5 and 1.

    classes: (h, w), see directions.py. 0.5 at the rim of an object, 1 where directions oppose: between objects that
    touch, and around each centre. Beyond the picture there is background. Values are divided by their largest
    possible one, not by the largest that occurs: a picture without objects is 0 everywhere.
    """
    table = differences().reshape(-1)
    h, w = classes.shape
    padded = np.pad(classes.astype(np.uint8), 1)
    rows = padded[1:-1, 1:-1] * np.uint8(1 + DIRECTIONS)
    largest = np.zeros((h, w), np.uint8)
    for y, x in AROUND:
        np.maximum(largest, table[rows + padded[y : y + h, x : x + w]], out=largest)
    return largest / np.float32(LARGEST)
