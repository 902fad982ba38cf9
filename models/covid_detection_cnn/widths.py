"""How the multiples of depth and width of YOLOv5 become blocks and channels."""

from __future__ import annotations

import math

CHANNELS, BLOCKS = (64, 128, 256, 512, 1024), (3, 6, 9, 3)


def channels(multiple: float) -> list[int]:
    """Round the channels of the five stages up to multiples of 8."""
    return [8 * math.ceil(c * multiple / 8) for c in CHANNELS]


def blocks(multiple: float) -> list[int]:
    """Round the blocks of the four stages to the nearest number, at least one."""
    return [max(round(n * multiple), 1) for n in BLOCKS]
