"""Boxes as the maps of LungNodules-Detection, and back."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy import ndimage
from scipy.special import expit

from zoo.common.detection.maps import draw_centres, near_regions, peak_width
from zoo.common.peaks import gaussian_radius
from zoo.common.types import Arrays

from .config import Config

LARGEST_LOG = 6.0  # of a side's logarithm: an untrained network shall not answer with infinite boxes


def encode(boxes: np.ndarray, ignored: np.ndarray, size: tuple[int, int], config: Config) -> dict[str, np.ndarray]:
    """Draw what the loss compares with, from boxes (k, 5) and regions (m, 4) in pixels of an input of `size` (h, w).

    hm (classes, h/s, w/s): peaks of 1 at the cells of the centres. weight (h/s, w/s): 0 where the heat loss is off.
    reg, wh (2, h/s, w/s): place of the centre from the cell's corner [cells], sides as `config.sizes` has them; read
    where mask (h/s, w/s) is 1: at the centre's cell, with logarithmic sides also around it. Small boxes are drawn last.
    """
    rows, columns = size[0] // config.stride, size[1] // config.stride
    grid, reach = (len(config.classes), rows, columns), 1 if config.sizes == "log" else 0
    width, told = partial(_width, config=config), partial(sides_to_maps, config=config)
    target = draw_centres(boxes, grid, config.stride, width, told, reach)
    off = near_regions(ignored, rows, columns, config.stride) & (target["hm"].max(axis=0) < 1)
    return {**target, "weight": (~off).astype(np.float32)}


def decode(outputs: Arrays, config: Config) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read boxes (k, 4) in pixels of the network's input, labels (k,) and scores (k,), best first.

    Peaks are the largest of their 3 x 3 cells. With logarithmic sides, a peak within half the larger side of a better
    one of its class is dropped.
    """
    heat = expit(np.asarray(outputs["hm"], np.float64))
    rows, columns = heat.shape[1:]
    is_peak = heat == ndimage.maximum_filter(heat, (1, 3, 3), mode="nearest")
    flat = np.where(is_peak, heat, 0).reshape(-1)
    order = np.argsort(-flat, kind="stable")[: config.max_boxes]
    order = order[flat[order] > 0]
    labels, cells = order // (rows * columns), order % (rows * columns)
    y, x = cells // columns, cells % columns
    reg, wh = (np.asarray(outputs[name], np.float64).reshape(2, -1)[:, cells].T for name in ("reg", "wh"))
    centres = (np.column_stack([x, y]) + reg) * config.stride
    half = maps_to_sides(wh, config) / 2
    boxes = np.hstack([centres - half, centres + half])
    rivals = np.zeros_like(labels) if config.class_agnostic else labels
    kept = _apart(centres, 2 * half.max(axis=1, initial=0), rivals) if config.sizes == "log" else np.arange(len(order))
    return boxes[kept], labels[kept], flat[order][kept]


def sides_to_maps(sides: np.ndarray, config: Config) -> np.ndarray:
    """Turn sides (..., 2) [px] into what the network is to answer."""
    return np.log(sides / config.reference_px) if config.sizes == "log" else sides / config.stride


def maps_to_sides(values: np.ndarray, config: Config) -> np.ndarray:
    """Undo `sides_to_maps`; sides are at least 0."""
    if config.sizes == "log":
        return config.reference_px * np.exp(np.clip(values, -LARGEST_LOG, LARGEST_LOG))
    return np.maximum(values, 0) * config.stride


def _width(sides: np.ndarray, config: Config) -> tuple[int, float]:
    """Return the radius and the deviation of a peak [cells]."""
    if config.peak == "radius":
        width, height = np.ceil(sides / config.stride)
        return max(1, int(gaussian_radius(height, width))), 0.0
    return peak_width(sides, config.stride)


def _apart(centres: np.ndarray, diameters: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Keep peaks, best first, that are further from every kept one of their class than half the larger diameter."""
    kept: list[int] = []
    for i in range(len(centres)):
        others = [j for j in kept if labels[j] == labels[i]]
        distance = np.linalg.norm(centres[others] - centres[i], axis=1)
        if (distance > np.maximum(diameters[others], diameters[i]) / 2).all():
            kept.append(i)
    return np.array(kept, np.int64)
