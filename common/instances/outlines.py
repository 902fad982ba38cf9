"""Outlines of objects along the borders of their pixels, as polygons with holes; exact, and valid for GeoJSON."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

Ring = list[
    tuple[int, int]
]  # corners (x, y) in pixels, pixel i spans i to i + 1; the first one stands again at the end
Polygon = list[Ring]  # the outer ring, then its holes

# edges of a pixel around its inside: side of the neighbour (dy, dx), start and end from its upper left corner (x, y)
EDGES = (
    ((-1, 0), (0, 0), (1, 0)),
    ((0, 1), (1, 0), (1, 1)),
    ((1, 0), (1, 1), (0, 1)),
    ((0, -1), (0, 1), (0, 0)),
)


def polygons_of(instances: np.ndarray, count: int) -> list[list[Polygon]]:
    """Return the polygons of each object 1..count of a map (h, w): one per part, parts touch by their edges."""
    found: list[list[Polygon]] = []
    boxes = ndimage.find_objects(instances, max_label=count)
    for number, box in enumerate(boxes, start=1):
        if box is None:
            found.append([])
            continue
        corner = (box[1].start, box[0].start)
        found.append(_of_mask(instances[box] == number, corner))
    return found


def _of_mask(mask: np.ndarray, corner: tuple[int, int]) -> list[Polygon]:
    parts, count = ndimage.label(mask)
    polygons: list[Polygon] = [[] for _ in range(count)]
    for ring, part in _rings(mask, parts, corner):
        if _is_outer(ring):
            polygons[part - 1].insert(0, ring)
        else:
            polygons[part - 1].append(ring)
    return polygons


def _rings(mask: np.ndarray, parts: np.ndarray, corner: tuple[int, int]) -> list[tuple[Ring, int]]:
    """Trace the edges between inside and outside; with each ring, the part that it bounds."""
    after: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    padded = np.pad(mask, 1)
    for (dy, dx), start, end in EDGES:
        neighbour = padded[1 + dy : 1 + dy + mask.shape[0], 1 + dx : 1 + dx + mask.shape[1]]
        rows, columns = np.nonzero(mask & ~neighbour)
        for y, x, part in zip(rows.tolist(), columns.tolist(), parts[rows, columns].tolist(), strict=True):
            after.setdefault((x + start[0], y + start[1]), []).append((x + end[0], y + end[1], part))
    rings = []
    while after:
        first = next(iter(after))
        rings.append(_follow(after, first, corner))
    return rings


def _follow(
    after: dict[tuple[int, int], list[tuple[int, int, int]]], first: tuple[int, int], corner: tuple[int, int]
) -> tuple[Ring, int]:
    """Walk along edges back to the first corner, and use them up; corners on a straight line are left out."""
    here, came = first, (0, 0)
    places, turns = [first], []
    part = after[first][0][2]
    while True:
        choices = after[here]
        chosen = 0 if len(choices) == 1 or here == first else _chosen(here, came, choices, part)
        x, y, _ = choices.pop(chosen)
        if not choices:
            del after[here]
        came = (x - here[0], y - here[1])
        turns.append(came)
        here = (x, y)
        if here == first:
            break
        places.append(here)
    kept = [p for i, p in enumerate(places) if turns[i] != turns[i - 1]]
    ring = [(x + corner[0], y + corner[1]) for x, y in kept]
    return [*ring, ring[0]], part


def _chosen(here: tuple[int, int], came: tuple[int, int], choices: list[tuple[int, int, int]], part: int) -> int:
    """Choose between two edges, where pixels touch by a corner alone.

    Of two parts, each keeps to itself; where both are of one part, what they enclose is a hole: turn left, past it.
    """
    own = [i for i, choice in enumerate(choices) if choice[2] == part]
    left = (came[1], -came[0])
    return next((i for i in own if (choices[i][0] - here[0], choices[i][1] - here[1]) == left), own[0])


def _is_outer(ring: Ring) -> bool:
    """Tell outer rings, which run clockwise on the screen, from those of holes."""
    x, y = np.array(ring).T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) > 0
