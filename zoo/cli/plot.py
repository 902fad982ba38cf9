"""A curve in a terminal, from dots: each character of Braille holds two columns of four."""

from __future__ import annotations

import math
from collections.abc import Sequence

DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # bits of a character, by column and row from the top
BLANK = 0x2800
LABEL = 9  # letters of a value on the axis


def plot(values: Sequence[float], width: int, height: int) -> list[str]:
    """Return lines of text that show the values from left to right; where one is not defined, there is a gap.

    width, height: of the curve, in characters; the values at its top and bottom stand on the left.
    """
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return ["not defined"]
    low, high = min(known), max(known)
    cells = [[BLANK] * width for _ in range(height)]
    for x, y in _places(values, low, high, 2 * width, 4 * height):
        cells[y // 4][x // 2] |= DOTS[x % 2][y % 4]
    labels = {0: f"{high:.4g}", height - 1: f"{low:.4g}"} if high > low else {height // 2: f"{low:.4g}"}
    return [f"{labels.get(i, ''):>{LABEL}} {''.join(map(chr, line))}" for i, line in enumerate(cells)]


def _places(values: Sequence[float], low: float, high: float, columns: int, rows: int) -> set[tuple[int, int]]:
    """Return the dots (column, row from the top) of the line through the values."""
    span = (high - low) or 1.0
    places: set[tuple[int, int]] = set()
    before: tuple[float, float] | None = None
    for i, value in enumerate(values):
        if not math.isfinite(value):
            before = None
            continue
        x = i * (columns - 1) / max(1, len(values) - 1)
        y = (rows - 1) * (0.5 if high == low else (high - value) / span)
        places |= _line(before or (x, y), (x, y))
        before = (x, y)
    return places


def _line(start: tuple[float, float], end: tuple[float, float]) -> set[tuple[int, int]]:
    (ax, ay), (bx, by) = start, end
    steps = max(1, math.ceil(max(abs(bx - ax), abs(by - ay))))
    return {(round(ax + (bx - ax) * i / steps), round(ay + (by - ay) * i / steps)) for i in range(steps + 1)}
