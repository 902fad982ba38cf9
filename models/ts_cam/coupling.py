"""How the maps of the classes and the attention of the class token become one map."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Coupling = Callable[[np.ndarray, np.ndarray, int], np.ndarray]  # maps (k, h, w), attention (h, w), class -> (h, w)


def official(maps: np.ndarray, attention: np.ndarray, index: int) -> np.ndarray:
    """Multiply the map of the class by the attention (Gao et al. 2021, eq. 9)."""
    return np.asarray(maps[index] * attention)


def relu_diff(maps: np.ndarray, attention: np.ndarray, index: int) -> np.ndarray:
    """Multiply what speaks for the class and against the others by the attention, relative to an even one.

    A softmax only fixes differences of the maps: a single one carries an arbitrary offset, which would decide the
    order of the pixels. Against the mean of the other classes the offset cancels.
    """
    return np.asarray(_evidence(maps, index) * attention / attention.mean())


def semantic(maps: np.ndarray, attention: np.ndarray, index: int) -> np.ndarray:
    """Show what speaks for the class alone, without the attention."""
    return _evidence(maps, index)


def attention_only(maps: np.ndarray, attention: np.ndarray, index: int) -> np.ndarray:
    """Show the attention alone, which is the same for all classes."""
    return attention


def _evidence(maps: np.ndarray, index: int) -> np.ndarray:
    return np.asarray(np.maximum(maps[index] - np.delete(maps, index, axis=0).mean(0), 0))


COUPLINGS: dict[str, Coupling] = {
    "official": official,
    "relu_diff": relu_diff,
    "semantic": semantic,
    "attention": attention_only,
}
IN_LOG_ODDS = ("relu_diff", "semantic")  # their values compare between images
