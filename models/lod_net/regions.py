"""Which regions of a picture are looked at: proposals, samples for training, detections; NumPy, for both frameworks.

What is ranked is rounded first, so that values which differ in their last bits only are ties in either framework; of
equals the first counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.common.boxes import boxes_of_labels, clip_boxes, corners, suppress
from zoo.common.errors import WeightsError

from .anchors import anchors_of, match_anchors, match_regions, moved, steps_to
from .config import BOX_WEIGHTS, RPN_WEIGHTS, Config
from .pooling import levels_of

DIGITS = 5  # of a logit or a probability that is ranked
PROPOSAL_OVERLAP = 0.7  # IoU above which the weaker proposal is dropped


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of several pictures, sorted by picture and level.

    boxes: (n, 4) [px of the canvas]. pictures, levels: (n,).
    """

    boxes: np.ndarray
    pictures: np.ndarray
    levels: np.ndarray

    def take(self, places: np.ndarray) -> Regions:
        """Keep some, in rising order."""
        return Regions(self.boxes[places], self.pictures[places], self.levels[places])


@dataclass(frozen=True, eq=False)
class AnchorTruth:
    """What the proposals are compared with: (n, anchors) float32, and steps (n, anchors, 4).

    counted: 1 where an anchor was drawn. is_object: 1 where it is one.
    """

    counted: np.ndarray
    is_object: np.ndarray
    steps: np.ndarray


@dataclass(frozen=True, eq=False)
class RegionTruth:
    """Drawn regions and what they are: is_object (n,) int64, steps (n, 4) float32, objects (n,) places."""

    regions: Regions
    is_object: np.ndarray
    steps: np.ndarray
    objects: np.ndarray


def objects_of(instances: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the boxes (k, 4) of the objects of each picture (n, h, w), and their numbers (k,)."""
    return [boxes_of_labels(picture) for picture in instances]


def draw_anchors(
    truth: Sequence[np.ndarray], size: tuple[int, int], config: Config, rng: np.random.Generator
) -> AnchorTruth:
    """Draw the anchors of each picture that count, half of them objects at most."""
    anchors = np.concatenate(anchors_of(size, config.anchors_px))
    counted, is_object = (np.zeros((len(truth), len(anchors)), np.float32) for _ in range(2))
    steps = np.zeros((len(truth), len(anchors), 4), np.float32)
    for i, boxes in enumerate(truth):
        best, kind = match_anchors(anchors, boxes)
        found, empty = _drawn(kind == 1, kind == 0, config.anchor_samples, 0.5, rng)
        counted[i, found], counted[i, empty], is_object[i, found] = 1, 1, 1
        if len(found):
            steps[i, found] = steps_to(anchors[found], boxes[best[found]], RPN_WEIGHTS)
    return AnchorTruth(counted, is_object, steps)


def propose(logits: np.ndarray, steps: np.ndarray, size: tuple[int, int], config: Config, training: bool) -> Regions:
    """Choose the regions of each picture: the best anchors per level, moved, those that overlap better ones dropped.

    logits: (n, anchors), steps: (n, anchors, 4), all levels in a row. Raises WeightsError in prediction where a logit
    is NaN, of which no region would come.
    """
    if not training and not np.isfinite(logits).all():
        raise WeightsError("the proposals of LOD-Net are NaN or infinite; expected numbers: its weights have diverged")
    levels = anchors_of(size, config.anchors_px)
    borders = np.cumsum([len(level) for level in levels])[:-1]
    most = config.candidates[0 if training else 1]
    chosen = []
    for values, shifts in zip(logits, steps, strict=True):
        found = []
        parts = zip(levels, np.split(values, borders), np.split(shifts, borders), strict=True)
        for anchors, scores, shift in parts:
            ranks = np.round(np.asarray(scores, np.float64), DIGITS)
            best = np.argsort(-ranks, kind="stable")[:most]
            boxes = clip_boxes(moved(anchors[best], shift[best], RPN_WEIGHTS), size[::-1])
            whole = _is_whole(boxes)
            boxes, ranks = boxes[whole], ranks[best][whole]
            kept = suppress(boxes, ranks, PROPOSAL_OVERLAP)
            found.append((boxes[kept], ranks[kept]))
        boxes, ranks = (np.concatenate(part) for part in zip(*found, strict=True))
        chosen.append(boxes[np.argsort(-ranks, kind="stable")[: config.proposals]])
    return arrange(chosen, config)


def draw_regions(
    proposals: Regions, truth: Sequence[np.ndarray], config: Config, rng: np.random.Generator
) -> RegionTruth:
    """Draw the regions of each picture that count, from the proposals and the objects themselves."""
    chosen, kinds, goals, objects = [], [], [], []
    for i, boxes in enumerate(truth):
        regions = np.concatenate([proposals.boxes[proposals.pictures == i], boxes])
        best, is_object = match_regions(regions, boxes)
        found, empty = _drawn(is_object, ~is_object, config.region_samples, config.positive_share, rng)
        places = np.concatenate([found, empty])
        levels = levels_of(regions[places], config.canonical_px)
        places = places[np.argsort(levels, kind="stable")]
        chosen.append(regions[places])
        kinds.append(is_object[places])
        objects.append(best[places])
        goals.append(boxes[best[places]] if len(boxes) else regions[places])
    regions, goal = arrange(chosen, config), np.concatenate(goals)
    steps = steps_to(regions.boxes, goal, BOX_WEIGHTS).astype(np.float32)
    return RegionTruth(regions, np.concatenate(kinds).astype(np.int64), steps, np.concatenate(objects))


def masked(truth: RegionTruth, pictures: int, most: int) -> np.ndarray:
    """Return the places of the regions whose masks are compared: the first objects of each picture, `most` at most.

    Without any object the first region of all stands for them, so that every weight has a gradient; it counts 0.
    """
    places = [np.flatnonzero((truth.is_object > 0) & (truth.regions.pictures == i)) for i in range(pictures)]
    # of a picture's objects, which lie by level, some of each level are taken
    spread = [own[np.linspace(0, len(own) - 1, most).astype(np.int64)] if len(own) > most else own for own in places]
    found = np.concatenate(spread)
    return found if len(found) else np.zeros(1, np.int64)


def detect(
    regions: Regions, probabilities: np.ndarray, steps: np.ndarray, size: tuple[int, int], config: Config, pictures: int
) -> tuple[Regions, np.ndarray]:
    """Move the proposals, drop weak ones and those that overlap better ones; return what is left and its scores."""
    boxes = clip_boxes(moved(regions.boxes, steps, BOX_WEIGHTS), size[::-1])
    ranks = np.round(np.asarray(probabilities, np.float64), DIGITS)
    able = _is_whole(boxes) & (ranks > config.least_score)
    chosen, scores = [], []
    for i in range(pictures):
        own = np.flatnonzero(able & (regions.pictures == i))
        kept = own[suppress(boxes[own], ranks[own], config.overlap)[: config.max_objects]]
        kept = kept[np.argsort(levels_of(boxes[kept], config.canonical_px), kind="stable")]
        chosen.append(boxes[kept])
        scores.append(np.asarray(probabilities, np.float32)[kept])
    return arrange(chosen, config), np.concatenate(scores)


def arrange(boxes: Sequence[np.ndarray], config: Config) -> Regions:
    """Put the regions of each picture into one row, those of a picture by level."""
    sorted_boxes, levels = [], []
    for own in boxes:
        level = levels_of(own, config.canonical_px)
        order = np.argsort(level, kind="stable")
        sorted_boxes.append(own[order])
        levels.append(level[order])
    pictures = np.repeat(np.arange(len(boxes)), [len(own) for own in boxes])
    return Regions(np.concatenate(sorted_boxes), pictures, np.concatenate(levels))


def _is_whole(boxes: np.ndarray) -> np.ndarray:
    low, high = corners(boxes)
    return np.asarray((high > low).all(axis=1))


def _drawn(
    positive: np.ndarray, negative: np.ndarray, count: int, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw `count` places, of which at most a share is positive; fewer where there are too few negative ones."""
    found, empty = np.flatnonzero(positive), np.flatnonzero(negative)
    found = rng.permutation(found)[: int(count * share)]
    return found, rng.permutation(empty)[: count - len(found)]
