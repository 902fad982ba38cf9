"""Sizes that fit a 2D U-Net: what its levels divide, and what its unpadded form loses at the border."""

from __future__ import annotations


def margin_px(levels: int) -> int:
    """Return by how much the unpadded network's answer is smaller than its input, on each side; 92 for five levels."""
    return 6 * 2 ** (levels - 1) - 4


def fits(side: int, levels: int, padded: bool) -> bool:
    """Whether an answer of `side` pixels is possible: a multiple of 16 for five levels; unpadded 4 more than one."""
    step = 2 ** (levels - 1)
    return side > 0 and side % step == (0 if padded else 4 % step)
