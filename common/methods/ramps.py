"""Weights that rise in the course of a run, so that a network teaches itself nothing before it knows something."""

from __future__ import annotations

import math


def position(share: float, rise: tuple[float, float]) -> float:
    """Return how far a rise between two shares of a run has come, 0..1."""
    begin, end = rise
    return min(1.0, max(0.0, (share - begin) / (end - begin))) if end > begin else float(share >= end)


def sigmoid_ramp(share: float, rise: tuple[float, float]) -> float:
    """Rise from exp(-5) to 1 as exp(-5 (1 - u)^2) (Laine & Aila 2017, section 2.1)."""
    return math.exp(-5 * (1 - position(share, rise)) ** 2)
