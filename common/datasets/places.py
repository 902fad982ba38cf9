"""Whether points, boxes and ellipses lie in their picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from zoo.common.boxes import area, clip_boxes
from zoo.common.errors import DataError
from zoo.common.types import Sample

REACH_PX = 1.0  # points may lie so far beyond the outer centres: programs count from 0 or 1, from centres or corners
LEADING = {"points": 1, "boxes": 1, "ellipses": 1, "ignored": 0}  # by label: columns before the place


def placed(load: Callable[[], Sample], name: str) -> Sample:
    """Load a sample, and check with within() where its labels lie."""
    sample = load()
    rows = {key: np.asarray(sample.labels[key]) for key in LEADING if key in sample.labels}
    if not any(map(len, rows.values())):
        return sample
    found = {
        key: within(key, value, sample.image.size, [f"{name}: {key}, row {i + 1}" for i in range(len(value))])
        for key, value in rows.items()
    }
    return replace(sample, labels={**sample.labels, **found})


def check_size(annotated: tuple[float, float] | None, size: Sequence[int], where: str) -> None:
    """Raise DataError where the picture that was annotated, (width, height), is not the one that is there."""
    if annotated is not None and tuple(annotated) != tuple(size[:-3:-1]):
        there, told = (" x ".join(f"{side:g}" for side in sides) for sides in (size[:-3:-1], annotated))
        raise DataError(
            f"{where}: annotated on {told} px, the picture has {there} px (width x height); expected the picture that "
            "was annotated. Use that one, or scale the boxes and correct width and height"
        )


def within(key: str, rows: np.ndarray, size: Sequence[int], wheres: Sequence[str]) -> np.ndarray:
    """Return the rows of a label, boxes cut at the border, as answers are; DataError for what lies outside.

    size: of the picture, (h, w) or (d, h, w); wheres: where each row stands. Ellipses may pass beyond the border.
    """
    places, edge = rows[:, LEADING[key] :], np.array(size[::-1], np.float64)
    if key == "points":
        axes = min(places.shape[1], len(edge))
        is_out = ((places < -REACH_PX)[:, :axes] | (places[:, :axes] > edge[:axes] - 1 + REACH_PX)).any(1)
    elif key == "ellipses":
        centre, longest = places[:, :2], places[:, 2:3]
        is_out = ((centre + longest < 0) | (centre - longest > edge[:2] - 1)).any(1)
    else:
        axes = places.shape[1] // 2
        cut = clip_boxes(places, [*edge, np.inf][:axes])  # boxes with a depth may stand in a single slice
        is_out, rows = area(cut) <= 0, np.hstack([rows[:, : LEADING[key]], cut])
    for number in np.flatnonzero(is_out):
        given = ", ".join(f"{value:g}" for value in places[number])
        raise DataError(
            f"{wheres[number]}: {given} lies outside its picture or is empty; expected a place within "
            f"{' x '.join(f'{side:g}' for side in edge)} px (x, y). Correct the coordinates, or delete it"
        )
    return rows
