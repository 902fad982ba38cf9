"""What the configuration of every network of ternary maps says: the way in, training pieces, windows, clean-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.common.ranges import Count, Names, Overlap, Whole
from zoo.common.records import later


@dataclass(frozen=True)
class TernarySettings:
    """The part of a configuration that is not its network; the defaults are those for nuclei."""

    classes: Names = ("nucleus",)  # what is outlined; one name
    input_channels: Count = 3
    input_size: tuple[Count, Count] = (128, 128)  # (h, w) [px] of a training piece
    window_size: tuple[Count, Count] = (256, 256)  # (h, w) [px] of a window at prediction
    overlap: Overlap = 0.15  # of neighbouring windows, as a share of their side
    intensities: Literal["spread", "as they are"] = "spread"  # spread: between percentiles, dark ground turned light
    least_px: Whole = 20  # smaller parts, before they grow, are dropped
    grow_px: Whole = 1  # steps by which an object grows at the end; the targets take one off, published code grows by 2
    separation: Literal["components", "watershed"] = later("components")  # watershed: also part objects at their waists
