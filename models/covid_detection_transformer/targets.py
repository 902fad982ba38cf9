"""Boxes as what Covid-Detection-Transformer is compared with, and its answers as boxes."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.special import expit, softmax

from zoo.common.boxes import from_centre_size, to_centre_size
from zoo.common.detection.maps import AROUND_IGNORED, draw_centres, peak_width
from zoo.common.types import Arrays

from .config import Config
from .matching import NOBODY

REGIONS = 16  # most regions of one picture that do not count


def unit_of(size: tuple[int, int], config: Config) -> np.ndarray:
    """Return what a value of 1 means [px], for (x, y, w, h): the sides of the input (h, w), or the same for all."""
    return np.array(2 * size[::-1], float) if config.is_plain else np.full(4, config.distance_px)


def encode(boxes: np.ndarray, ignored: np.ndarray, size: tuple[int, int], config: Config) -> dict[str, np.ndarray]:
    """Lay out what the loss compares with, from boxes (k, 5) and regions (m, 4) in pixels of an input of `size` (h, w).

    labels (queries,) int32, NOBODY where there is no object; places (queries, 4): centres and sides [unit_of]; of more
    boxes than queries the largest are kept. aside (REGIONS, 4): regions that do not count, grown by a margin. Where a
    heat map chooses the queries, also its targets, see `maps`.
    """
    unit = unit_of(size, config)
    sides = boxes[:, 3:] - boxes[:, 1:3]
    kept = boxes[np.sort(np.argsort(-sides.prod(axis=1), kind="stable")[: config.queries])]
    labels, places = np.full(config.queries, NOBODY, np.int32), np.zeros((config.queries, 4), np.float32)
    labels[: len(kept)], places[: len(kept)] = kept[:, 0], to_centre_size(kept[:, 1:]) / unit
    around = to_centre_size(np.asarray(ignored, np.float64).reshape(-1, 4))[:REGIONS]
    share, cells = AROUND_IGNORED
    around[:, 2:] = 2 * (share * around[:, 2:] + cells * config.stride)
    aside = np.zeros((REGIONS, 4), np.float32)
    aside[: len(around)] = around / unit
    target = {"labels": labels, "places": places, "aside": aside}
    return target if config.is_plain else target | maps(boxes, around, size, config)


def maps(boxes: np.ndarray, around: np.ndarray, size: tuple[int, int], config: Config) -> dict[str, np.ndarray]:
    """Draw what the cells are to answer; around: regions that do not count, centres and sides [px].

    hm (classes, h/s, w/s): peaks of 1 at the cells of the centres. heat_weight (h/s, w/s): 0 where nothing counts.
    reg, wh (2, h/s, w/s): place of the centre from the cell's corner [cells], logarithm of the sides as multiples of
    `reference_px`; read where mask (h/s, w/s) is 1: at the centre's cell and around it. Small boxes are drawn last.
    """
    rows, columns = size[0] // config.stride, size[1] // config.stride
    grid, weight = (len(config.classes), rows, columns), np.ones((rows, columns), np.float32)
    width = partial(peak_width, stride=config.stride)
    target = draw_centres(boxes, grid, config.stride, width, lambda sides: np.log(sides / config.reference_px))
    y, x = np.mgrid[:rows, :columns] + 0.5
    for cx, cy, w, h in around / config.stride:
        weight[((x - cx) * 2 / w) ** 2 + ((y - cy) * 2 / h) ** 2 <= 1] = 0
    weight[target["hm"].max(axis=0) == 1] = 1
    return {**target, "heat_weight": weight}


def decode(outputs: Arrays, config: Config) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read boxes (k, 4) in pixels of the network's input, labels (k,) and scores (k,), best first, of the last layer.

    Nothing is suppressed: a set predictor names an object once.
    """
    logits, places = (np.asarray(outputs[name][-1], np.float64) for name in ("logits", "boxes"))
    scores = softmax(logits, axis=-1)[:, :-1] if config.is_plain else expit(logits)
    labels, best = scores.argmax(axis=1), scores.max(axis=1)
    order = np.argsort(-best, kind="stable")[: config.max_boxes]
    boxes = from_centre_size(places[order] * unit_of(config.input_size, config))
    return boxes, labels[order], best[order]
