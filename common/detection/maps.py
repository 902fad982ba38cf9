"""Maps of cells that detectors learn from: peaks at centres, places and sides beside them, cells that do not count."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo.common.boxes import corners
from zoo.common.peaks import draw_gaussian

LEAST_SIGMA, SIGMA = 0.7, 0.15  # width of a peak: cells, and as a share of the box's side
AROUND_IGNORED = 0.71, 1.0  # losses are off within this share of a region's side plus so many cells


def draw_centres(
    boxes: np.ndarray,
    grid: tuple[int, int, int],
    stride: int,
    width: Callable[[np.ndarray], tuple[int, float]],
    told: Callable[[np.ndarray], np.ndarray],
    reach: int = 1,
) -> dict[str, np.ndarray]:
    """Draw boxes (k, 5), class and corners in pixels of the input, on maps of a grid (classes, rows, columns).

    hm (classes, rows, columns): peaks of 1 at the cells of the centres, as wide as `width` says of sides (w, h) [px].
    reg, wh (2, rows, columns): place of the centre from the cell's corner [cells], and sides as `told` has them; read
    where mask (rows, columns) is 1: within `reach` cells of the centre's cell. Small boxes are drawn last.
    """
    classes, rows, columns = grid
    hm = np.zeros((classes, rows, columns), np.float32)
    reg, wh = (np.zeros((2, rows, columns), np.float32) for _ in range(2))
    mask = np.zeros((rows, columns), np.float32)
    low, high = corners(boxes[:, 1:])
    sides, centres = np.maximum(high - low, 1e-3), (low + high) / 2 / stride
    for i in np.argsort(-sides.prod(axis=1), kind="stable"):
        x, y = np.clip(np.floor(centres[i]), 0, (columns - 1, rows - 1)).astype(int)
        draw_gaussian(hm[int(boxes[i, 0])], (int(x), int(y)), *width(sides[i]))
        near = slice(max(y - reach, 0), min(y + reach + 1, rows)), slice(max(x - reach, 0), min(x + reach + 1, columns))
        mask[near] = 1
        reg[(slice(None), *near)] = centres[i][:, None, None] - np.mgrid[near][::-1]
        wh[(slice(None), *near)] = told(sides[i])[:, None, None]
    return {"hm": hm, "reg": reg, "wh": wh, "mask": mask}


def peak_width(sides: np.ndarray, stride: int) -> tuple[int, float]:
    """Return the radius and the deviation [cells] of a peak that grows with its box's sides (w, h) [px]."""
    sigma = max(LEAST_SIGMA, SIGMA * float(sides.mean()) / stride)
    return int(np.ceil(3 * sigma)), sigma


def near_regions(regions: np.ndarray, rows: int, columns: int, stride: int) -> np.ndarray:
    """Tell the cells (rows, columns) in the discs around regions (m, 4) [px] that count neither way."""
    found = np.zeros((rows, columns), bool)
    y, x = np.ogrid[:rows, :columns]
    share, cells = AROUND_IGNORED
    for low, high in zip(*corners(np.asarray(regions, np.float64).reshape(-1, 4)), strict=True):
        cx, cy = (low + high) / 2 / stride - 0.5
        reach = share * float((high - low).max()) / stride + cells
        found |= (x - cx) ** 2 + (y - cy) ** 2 <= reach**2
    return found
