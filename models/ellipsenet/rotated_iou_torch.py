"""Overlap of rotated rectangles in PyTorch, with gradients: corners, crossings, a sort by angle, the shoelace."""

from __future__ import annotations

import numpy as np
import torch

PAIRS = np.stack(np.triu_indices(8, 1))  # of the eight corners of two boxes
TOLERANCE = 1e-6  # of half the girth of a box: the corners of two equal boxes lie on each other's edges
FAR = 1e4  # sorts behind every angle


def rotated_iou(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the IoU of rectangles (n, 5): cx, cy, width, height, angle_rad; (n,)."""
    intersection = intersection_area(first, second)
    union = first[:, 2] * first[:, 3] + second[:, 2] * second[:, 3] - intersection
    return intersection / torch.clamp(union, min=1e-9)


def distance_penalty(first: torch.Tensor, second: torch.Tensor, enclosing: str) -> torch.Tensor:
    """Return squared centre distance over squared diagonal of the box around both (Zheng et al. 2020, eq. 6); (n,).

    enclosing: `axis_aligned` box, or the `smallest` rotated one, as published.
    """
    distance = ((first[:, :2] - second[:, :2]) ** 2).sum(dim=1)
    points = torch.cat([corners(first), corners(second)], dim=1)
    diagonal = smallest_diagonal(points) if enclosing == "smallest" else aligned_diagonal(points)
    return distance / torch.clamp(diagonal, min=1e-9)


def corners(boxes: torch.Tensor) -> torch.Tensor:
    """Return the corners in order, (n, 4, 2)."""
    half_width, half_height = boxes[:, 2:3] / 2, boxes[:, 3:4] / 2
    x = torch.cat([half_width, -half_width, -half_width, half_width], dim=1)
    y = torch.cat([half_height, half_height, -half_height, -half_height], dim=1)
    cos, sin = torch.cos(boxes[:, 4:5]), torch.sin(boxes[:, 4:5])
    return torch.stack([x * cos - y * sin + boxes[:, 0:1], x * sin + y * cos + boxes[:, 1:2]], dim=2)


def aligned_diagonal(points: torch.Tensor) -> torch.Tensor:
    """Return the squared diagonal of the axis-aligned box around points (n, p, 2)."""
    sides = points.amax(dim=1) - points.amin(dim=1)
    return (sides**2).sum(dim=1)


def smallest_diagonal(points: torch.Tensor) -> torch.Tensor:
    """Return the squared diagonal of the smallest rectangle around 8 points (n, 8, 2).

    One side of it runs through two of the points, so every pair of points gives a direction to try.
    """
    i, j = torch.as_tensor(PAIRS, device=points.device)
    line = points[:, j] - points[:, i]  # (n, 28, 2)
    length = torch.sqrt(torch.clamp((line**2).sum(dim=2, keepdim=True), min=1e-12))
    along = line / length
    across = torch.stack([-along[:, :, 1], along[:, :, 0]], dim=2)
    u = torch.matmul(along, points.transpose(1, 2))  # (n, 28, 8)
    v = torch.matmul(across, points.transpose(1, 2))
    width = u.amax(dim=2) - u.amin(dim=2)
    height = v.amax(dim=2) - v.amin(dim=2)
    area = torch.where(length[:, :, 0] > 1e-5, width * height, torch.full_like(width, float("inf")))
    best = area.detach().argmin(dim=1, keepdim=True)
    return (width**2 + height**2).gather(1, best)[:, 0]


def intersection_area(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the area that rectangles (n, 5) share; (n,)."""
    centre = second[:, :2].detach()  # near the origin float32 keeps its digits
    first = torch.cat([first[:, :2] - centre, first[:, 2:]], dim=1)
    second = torch.cat([second[:, :2] - centre, second[:, 2:]], dim=1)
    corners1, corners2 = corners(first), corners(second)
    crossings, crossed = edge_crossings(corners1, corners2)
    points = torch.cat([corners1, corners2, crossings], dim=1)  # (n, 24, 2)
    valid = torch.cat([corners_inside(corners1, second), corners_inside(corners2, first), crossed], dim=1)
    return polygon_area(points, valid)


def corners_inside(points: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Say which points (n, 4, 2) lie in the box (n, 5) or on its edge; (n, 4) bool."""
    x, y = points[:, :, 0] - boxes[:, 0:1], points[:, :, 1] - boxes[:, 1:2]
    cos, sin = torch.cos(boxes[:, 4:5]), torch.sin(boxes[:, 4:5])
    u, v = x * cos + y * sin, y * cos - x * sin
    slack = TOLERANCE * (boxes[:, 2:3] + boxes[:, 3:4])
    return (torch.abs(u) <= boxes[:, 2:3] / 2 + slack) & (torch.abs(v) <= boxes[:, 3:4] / 2 + slack)


def edge_crossings(corners1: torch.Tensor, corners2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross the edges of two rectangles (n, 4, 2); return the points (n, 16, 2) and which of them are true (n, 16)."""
    start1, edge1 = corners1[:, :, None], (following(corners1) - corners1)[:, :, None]
    start2, edge2 = corners2[:, None], (following(corners2) - corners2)[:, None]
    gap = start2 - start1  # (n, 4, 4, 2)
    turn = cross(edge1, edge2)
    scale = torch.sqrt((edge1**2).sum(dim=3) * (edge2**2).sum(dim=3))
    parallel = torch.abs(turn) <= 1e-7 * scale
    divisor = torch.where(parallel, torch.ones_like(turn), turn)
    s, t = cross(gap, edge2) / divisor, cross(gap, edge1) / divisor
    crossed = ~parallel & (s > 0) & (s < 1) & (t > 0) & (t < 1)
    points = start1 + s[:, :, :, None] * edge1
    return points.reshape(-1, 16, 2), crossed.reshape(-1, 16)


def following(points: torch.Tensor) -> torch.Tensor:
    """Put each corner's successor in its place, (n, p, 2)."""
    return torch.roll(points, -1, 1)


def cross(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return x1 y2 - y1 x2 over the last axis."""
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def polygon_area(points: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return the area of the convex polygon whose corners are the valid ones of points (n, p, 2); (n,)."""
    weight = valid.to(points.dtype)[:, :, None]
    points = points * weight
    middle = points.sum(dim=1, keepdim=True) / torch.clamp(weight.sum(dim=1, keepdim=True), min=1)
    spoke = (points - middle).detach()
    angle = torch.where(valid, torch.atan2(spoke[:, :, 1], spoke[:, :, 0]), torch.full_like(spoke[:, :, 0], FAR))
    order = torch.argsort(angle, dim=1)
    ordered = torch.gather(points, 1, order[:, :, None].expand(-1, -1, 2))
    # invalid points come last; moved onto the first corner they add nothing
    kept = torch.gather(weight, 1, order[:, :, None])
    ring = ordered * kept + ordered[:, :1] * (1 - kept)
    return cross(ring, following(ring)).sum(dim=1) / 2
