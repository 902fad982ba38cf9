"""Overlap of rotated rectangles in MindSpore, with gradients: corners, crossings, a sort by angle, the shoelace."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

PAIRS = np.stack(np.triu_indices(8, 1))  # of the eight corners of two boxes
TOLERANCE = 1e-6  # of half the girth of a box: the corners of two equal boxes lie on each other's edges
FAR = 1e4  # sorts behind every angle


def rotated_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the IoU of rectangles (n, 5): cx, cy, width, height, angle_rad; (n,)."""
    intersection = intersection_area(first, second)
    union = first[:, 2] * first[:, 3] + second[:, 2] * second[:, 3] - intersection
    return intersection / ops.clamp(union, min=1e-9)


def distance_penalty(first: Tensor, second: Tensor, enclosing: str) -> Tensor:
    """Return squared centre distance over squared diagonal of the box around both (Zheng et al. 2020, eq. 6); (n,).

    enclosing: `axis_aligned` box, or the `smallest` rotated one, as published.
    """
    distance = ((first[:, :2] - second[:, :2]) ** 2).sum(axis=1)
    points = ops.cat([corners(first), corners(second)], axis=1)
    diagonal = smallest_diagonal(points) if enclosing == "smallest" else aligned_diagonal(points)
    return distance / ops.clamp(diagonal, min=1e-9)


def corners(boxes: Tensor) -> Tensor:
    """Return the corners in order, (n, 4, 2)."""
    half_width, half_height = boxes[:, 2:3] / 2, boxes[:, 3:4] / 2
    x = ops.cat([half_width, -half_width, -half_width, half_width], axis=1)
    y = ops.cat([half_height, half_height, -half_height, -half_height], axis=1)
    cos, sin = ops.cos(boxes[:, 4:5]), ops.sin(boxes[:, 4:5])
    return ops.stack([x * cos - y * sin + boxes[:, 0:1], x * sin + y * cos + boxes[:, 1:2]], axis=2)


def aligned_diagonal(points: Tensor) -> Tensor:
    """Return the squared diagonal of the axis-aligned box around points (n, p, 2)."""
    sides = ops.amax(points, 1) - ops.amin(points, 1)
    return (sides**2).sum(axis=1)


def smallest_diagonal(points: Tensor) -> Tensor:
    """Return the squared diagonal of the smallest rectangle around 8 points (n, 8, 2).

    One side of it runs through two of the points, so every pair of points gives a direction to try.
    """
    i, j = (Tensor(side, ms.int32) for side in PAIRS)
    line = ops.gather(points, j, 1) - ops.gather(points, i, 1)  # (n, 28, 2)
    length = ops.sqrt(ops.clamp((line**2).sum(axis=2, keepdims=True), min=1e-12))
    along = line / length
    across = ops.stack([-along[:, :, 1], along[:, :, 0]], axis=2)
    u = ops.matmul(along, points.swapaxes(1, 2))  # (n, 28, 8)
    v = ops.matmul(across, points.swapaxes(1, 2))
    width = ops.amax(u, 2) - ops.amin(u, 2)
    height = ops.amax(v, 2) - ops.amin(v, 2)
    area = ops.where(length[:, :, 0] > 1e-5, width * height, ops.full_like(width, float("inf")))
    best = ops.stop_gradient(area).argmin(axis=1).expand_dims(1)
    return ops.gather_elements(width**2 + height**2, 1, best)[:, 0]


def intersection_area(first: Tensor, second: Tensor) -> Tensor:
    """Return the area that rectangles (n, 5) share; (n,)."""
    centre = ops.stop_gradient(second[:, :2])  # near the origin float32 keeps its digits
    first = ops.cat([first[:, :2] - centre, first[:, 2:]], axis=1)
    second = ops.cat([second[:, :2] - centre, second[:, 2:]], axis=1)
    corners1, corners2 = corners(first), corners(second)
    crossings, crossed = edge_crossings(corners1, corners2)
    points = ops.cat([corners1, corners2, crossings], axis=1)  # (n, 24, 2)
    valid = ops.cat([corners_inside(corners1, second), corners_inside(corners2, first), crossed], axis=1)
    return polygon_area(points, valid)


def corners_inside(points: Tensor, boxes: Tensor) -> Tensor:
    """Say which points (n, 4, 2) lie in the box (n, 5) or on its edge; (n, 4) bool."""
    x, y = points[:, :, 0] - boxes[:, 0:1], points[:, :, 1] - boxes[:, 1:2]
    cos, sin = ops.cos(boxes[:, 4:5]), ops.sin(boxes[:, 4:5])
    u, v = x * cos + y * sin, y * cos - x * sin
    slack = TOLERANCE * (boxes[:, 2:3] + boxes[:, 3:4])
    return ops.logical_and(ops.abs(u) <= boxes[:, 2:3] / 2 + slack, ops.abs(v) <= boxes[:, 3:4] / 2 + slack)


def edge_crossings(corners1: Tensor, corners2: Tensor) -> tuple[Tensor, Tensor]:
    """Cross the edges of two rectangles (n, 4, 2); return the points (n, 16, 2) and which of them are true (n, 16)."""
    start1, edge1 = corners1.expand_dims(2), (following(corners1) - corners1).expand_dims(2)
    start2, edge2 = corners2.expand_dims(1), (following(corners2) - corners2).expand_dims(1)
    gap = start2 - start1  # (n, 4, 4, 2)
    turn = cross(edge1, edge2)
    scale = ops.sqrt((edge1**2).sum(axis=3) * (edge2**2).sum(axis=3))
    parallel = ops.abs(turn) <= 1e-7 * scale
    divisor = ops.where(parallel, ops.ones_like(turn), turn)
    s, t = cross(gap, edge2) / divisor, cross(gap, edge1) / divisor
    crossed = ~parallel & (s > 0) & (s < 1) & (t > 0) & (t < 1)
    points = start1 + s.expand_dims(3) * edge1
    return points.reshape(-1, 16, 2), crossed.reshape(-1, 16)


def following(points: Tensor) -> Tensor:
    """Put each corner's successor in its place, (n, p, 2)."""
    return ops.cat([points[:, 1:], points[:, :1]], axis=1)  # ops.roll has no CPU kernel


def cross(first: Tensor, second: Tensor) -> Tensor:
    """Return x1 y2 - y1 x2 over the last axis."""
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def polygon_area(points: Tensor, valid: Tensor) -> Tensor:
    """Return the area of the convex polygon whose corners are the valid ones of points (n, p, 2); (n,)."""
    weight = valid.astype(points.dtype).expand_dims(2)
    points = points * weight
    middle = points.sum(axis=1, keepdims=True) / ops.clamp(weight.sum(axis=1, keepdims=True), min=1)
    spoke = ops.stop_gradient(points - middle)
    angle = ops.where(valid, ops.atan2(spoke[:, :, 1], spoke[:, :, 0]), ops.full_like(spoke[:, :, 0], FAR))
    order = ops.argsort(angle, 1)
    ordered = ops.gather_elements(points, 1, ops.tile(order.expand_dims(2), (1, 1, 2)))
    # invalid points come last; moved onto the first corner they add nothing
    kept = ops.gather_elements(weight, 1, order.expand_dims(2))
    ring = ordered * kept + ordered[:, :1] * (1 - kept)
    return cross(ring, following(ring)).sum(axis=1) / 2
