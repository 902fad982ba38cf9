"""Objects of several pictures as arrays of one shape, as outputs of a network have to be."""

from __future__ import annotations

import numpy as np

from zoo.common.boxes import area

from .anchors import match_regions
from .config import MASK_SIDE, Config
from .pooling import crop_masks
from .regions import Regions, objects_of


def pack(
    found: Regions, scores: np.ndarray, pictures: int, size: tuple[int, ...], config: Config
) -> tuple[dict[str, np.ndarray], Regions, np.ndarray, np.ndarray]:
    """Lay the objects of each picture into `max_objects` rows, float32: boxes (n, most, 4), scores (n, most), count (n,).

    Also returns the regions whose masks are to be drawn, one at least; which of them each row is, (n, most) int64; and
    whether there is one, (n, most) float32.
    """
    most = config.max_objects
    boxes, values = np.zeros((pictures, most, 4), np.float32), np.zeros((pictures, most), np.float32)
    rows, is_there = np.zeros((pictures, most), np.int64), np.zeros((pictures, most), np.float32)
    for i in range(pictures):
        own = np.flatnonzero(found.pictures == i)
        boxes[i, : len(own)], values[i, : len(own)] = found.boxes[own], scores[own]
        rows[i, : len(own)], is_there[i, : len(own)] = own, 1
    count = is_there.sum(axis=1)
    if not len(found.boxes):
        whole = np.array([[0.0, 0.0, size[1], size[0]]])
        found = Regions(whole, np.zeros(1, np.int64), np.zeros(1, np.int64))
    return {"boxes": boxes, "scores": values, "count": count}, found, rows, is_there


def compare(found: dict[str, np.ndarray], instances: np.ndarray, config: Config) -> dict[str, np.ndarray]:
    """Say what the detections of each picture should have been; instances: (n, h, w).

    Returns per row is_there, is_object, boxes, side_px of the object, masks (n, most, 28, 28); and missed (n,): how
    many objects no detection means. All float32.
    """
    n, most = found["boxes"].shape[:2]
    truth = {name: np.zeros((n, most), np.float32) for name in ("is_there", "is_object")}
    truth |= {"side_px": np.ones((n, most), np.float32), "boxes": np.array(found["boxes"], np.float32)}
    truth |= {"masks": np.zeros((n, most, MASK_SIDE, MASK_SIDE), np.float32), "missed": np.zeros(n, np.float32)}
    for i, (boxes, numbers) in enumerate(objects_of(instances)):
        count = int(found["count"][i])
        own = np.asarray(found["boxes"][i, :count], np.float64)
        best, right = match_regions(own, boxes)
        truth["is_there"][i, :count], truth["is_object"][i, :count] = 1, right
        truth["missed"][i] = len(boxes) - len(np.unique(best[right]))
        places = np.flatnonzero(right)
        truth["boxes"][i, places] = boxes[best[places]]
        truth["side_px"][i, places] = np.sqrt(area(boxes[best[places]]))
        masks = [instances[i] == number for number in numbers[best[places]]]
        truth["masks"][i, places] = crop_masks(masks, own[places], MASK_SIDE)
    return truth
