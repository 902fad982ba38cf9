"""Boxes as YOLOv5's targets per level, anchor and cell, and back."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from zoo.common.boxes import from_centre_size, suppress, to_centre_size
from zoo.common.detection.maps import near_regions
from zoo.common.types import Arrays

from .config import Config

LARGEST_RATIO = 4.0  # of the sides of a box and of an anchor, for a match
LEAST_SCORE = 1e-3  # boxes below are not looked at
SURE, CERTAIN = 1e-6, 9.0  # probability, and logit, of what a perfect network knows
CANDIDATES = 3000  # best boxes that enter the suppression
STEPS = np.array([(0, 0), (-1, 0), (0, -1), (1, 0), (0, 1)])  # own cell, left, above, right, below


def encode(boxes: np.ndarray, ignored: np.ndarray, size: tuple[int, int], config: Config) -> dict[str, np.ndarray]:
    """Draw what the loss compares with, from boxes (k, 5) and regions (m, 4) in pixels of an input of `size` (h, w).

    Per level i: box{i} (anchors, h, w, 4): centre from the cell's corner and sides [cells]; count{i} (anchors, h, w):
    how often the published rule assigns a box there, 0 for none; label{i} (anchors, h, w) int32; watched{i} (h, w): 0
    where objectness costs nothing. Where two boxes claim a place the smaller has it; the published code keeps both.
    """
    target: dict[str, np.ndarray] = {}
    order = np.argsort(-(boxes[:, 3:] - boxes[:, 1:3]).prod(axis=1), kind="stable")
    for level, (stride, anchors) in enumerate(zip(config.strides, config.anchors_px, strict=True)):
        rows, columns = size[0] // stride, size[1] // stride
        grid = (len(anchors), rows, columns)
        maps = np.zeros((*grid, 4), np.float32), np.zeros(grid, np.float32), np.zeros(grid, np.int32)
        for row in boxes[order]:
            _assign(row, np.array(anchors) / stride, stride, maps)
        target[f"box{level}"], target[f"count{level}"], target[f"label{level}"] = maps
        target[f"watched{level}"] = _watched(ignored, maps[1], stride)
    return target


def decode(outputs: Arrays, config: Config) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read boxes (k, 4) in pixels of the network's input, labels (k,) and scores (k,), best first.

    Score = objectness times class probability; boxes that overlap a better one of their class are dropped.
    """
    rows = np.concatenate([_rows(outputs[f"level{i}"], i, config) for i in range(len(config.strides))])
    scores = rows[:, 4:5] * rows[:, 5:]
    places, labels = np.nonzero(scores > LEAST_SCORE)
    values = scores[places, labels]
    order = np.argsort(-values, kind="stable")[:CANDIDATES]
    boxes, labels, values = from_centre_size(rows[places[order], :4]), labels[order], values[order]
    apart = boxes if config.class_agnostic else boxes + 1e5 * labels[:, None]  # else those of two classes never meet
    kept = suppress(apart, values, config.overlap)[: config.max_boxes]
    return boxes[kept], labels[kept], values[kept]


def outputs_of(target: Arrays, config: Config) -> dict[str, np.ndarray]:
    """Return the outputs of a network that has learned its targets."""
    outputs = {}
    for i, (stride, anchors) in enumerate(zip(config.strides, config.anchors_px, strict=True)):
        box, count, label = (target[f"{name}{i}"] for name in ("box", "count", "label"))
        values = np.full((*count.shape, config.values), -CERTAIN)
        values[..., :2] = logit(np.clip((box[..., :2] + 0.5) / 2, SURE, 1 - SURE))
        sizes = np.array(anchors)[:, None, None] / stride
        values[..., 2:4] = logit(np.clip(np.sqrt(np.maximum(box[..., 2:], SURE) / sizes) / 2, SURE, 1 - SURE))
        values[..., 4] = np.where(count > 0, CERTAIN, -CERTAIN)
        np.put_along_axis(values[..., 5:], label[..., None], CERTAIN, axis=-1)
        outputs[f"level{i}"] = values.transpose(0, 3, 1, 2).reshape(-1, *count.shape[1:])
    return outputs


def _rows(output: np.ndarray, level: int, config: Config) -> np.ndarray:
    """Turn one level's output (anchors * values, h, w) into rows: cx, cy, w, h [px], objectness, classes."""
    stride, anchors = config.strides[level], np.array(config.anchors_px[level])
    h, w = output.shape[1:]
    p = expit(np.asarray(output, np.float64).reshape(len(anchors), config.values, h, w)).transpose(0, 2, 3, 1)
    grid = np.stack(np.meshgrid(np.arange(w), np.arange(h)), axis=-1)
    centre = (2 * p[..., :2] - 0.5 + grid) * stride
    sides = (2 * p[..., 2:4]) ** 2 * anchors[:, None, None]
    return np.concatenate([centre, sides, p[..., 4:]], axis=-1).reshape(-1, config.values)


def _assign(row: np.ndarray, anchors: np.ndarray, stride: int, maps: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Give a box (class and corners) to the anchors of a like shape, at its cell and the two nearest ones; in place."""
    box, count, label = maps
    rows, columns = count.shape[1:]
    ((x, y, w, h),) = to_centre_size(row[None, 1:]) / stride
    ratios = np.array([w, h]) / anchors
    matched = np.maximum(ratios, 1 / np.maximum(ratios, 1e-9)).max(axis=1) < LARGEST_RATIO
    near = [True, x % 1 < 0.5 and x > 1, y % 1 < 0.5 and y > 1]
    near += [(columns - x) % 1 < 0.5 and columns - x > 1, (rows - y) % 1 < 0.5 and rows - y > 1]
    shifts = 0.5 * STEPS[near]
    cells = np.floor(np.array([x, y]) + shifts).astype(int)
    for column, line in np.clip(cells, 0, (columns - 1, rows - 1)):
        for anchor in np.flatnonzero(matched):
            values = (x - column, y - line, w, h)
            same = np.allclose(box[anchor, line, column], values) and label[anchor, line, column] == row[0]
            count[anchor, line, column] = count[anchor, line, column] + 1 if same else 1
            box[anchor, line, column], label[anchor, line, column] = values, int(row[0])


def _watched(ignored: np.ndarray, count: np.ndarray, stride: int) -> np.ndarray:
    rows, columns = count.shape[1:]
    off = near_regions(ignored, rows, columns, stride) & (count.max(axis=0) == 0)
    return (~off).astype(np.float32)
