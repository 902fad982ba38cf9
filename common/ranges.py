"""Ranges that records state in the types of their fields; `records` checks them."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Interval, Len

Count = Annotated[int, Ge(1)]
Whole = Annotated[int, Ge(0)]
Depth = Annotated[int, Interval(ge=1, le=1000)]  # blocks one behind the other
Levels = Annotated[int, Interval(ge=1, le=12)]  # resolutions, each half of the one above
UNetLevels = Annotated[int, Interval(ge=2, le=12)]  # where the answer is the decoder's, which one level has not
Positive = Annotated[float, Interval(gt=0)]
NotNegative = Annotated[float, Ge(0)]
Share = Annotated[float, Interval(ge=0, le=1)]
ShareBelowOne = Annotated[float, Interval(ge=0, lt=1)]
Overlap = Annotated[float, Interval(ge=0, le=0.9)]  # of neighbouring windows; with more, prediction never ends
Open = Annotated[float, Interval(gt=0, lt=1)]
Angle = Annotated[float, Interval(ge=0, le=180)]  # degrees, either way
Factors = tuple[Positive, Positive]  # drawn from low to high
Names = Annotated[tuple[Annotated[str, Len(1)], ...], Len(1)]
WindowFrom = Literal["checkpoint", "file"]  # where the window of a raw CT comes from
Lungs = Literal["cut", "whole"]  # what a slice of raw CT shows: the lungs alone, or everything
