"""Random training pieces of a picture with boxes: placed, turned, mirrored, scaled, lit anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.common.augment.options import Augmentation
from zoo.common.boxes import clip_boxes, corners
from zoo.common.detection.canvas import (
    BLACK,
    WHITE,
    Piece,
    draw,
    move_boxes,
    move_discs,
    placement,
    shown,
)
from zoo.common.detection.settings import DetectorSettings
from zoo.common.ranges import Factors, Share
from zoo.common.transforms.pictures import centred_affine, compose_affine, to_channels, transform_points
from zoo.common.types import Sample

LEAST_INSIDE = 0.5  # a box of which less than this share is in the piece is dropped


@dataclass(frozen=True)
class PieceAugmentation(Augmentation):
    """How training pieces are drawn and changed."""

    objects: Share = 0.67  # share of pieces that hold an object, where there is one
    mirror: bool = True  # in half of the pieces; left becomes right
    turn: bool = True  # by any angle where boxes stand for discs, else by half a turn
    scale: Factors = (0.86, 1.16)  # of the size
    shift: Share = 0.4  # of a piece's middle from its object, in sides; a whole canvas moves a fifth of it
    gain: Share = 0.15  # of the intensities, as a share
    light: Share = 0.03  # added, as a share of white
    noise: Share = 0.02  # largest standard deviation, as a share of white


def random_piece(
    sample: Sample, config: DetectorSettings, changes: PieceAugmentation, rng: np.random.Generator
) -> Sample:
    """Draw a piece of a sample whose labels are `boxes` (k, 5) and, if there are any, `ignored` (m, 4) regions.

    A box of which less than half is in the piece is dropped, the others are cut at its border.
    """
    image, boxes = sample.image, np.asarray(sample.labels["boxes"], np.float64).reshape(-1, 5)
    ignored = np.asarray(sample.labels.get("ignored", np.zeros((0, 4))), np.float64).reshape(-1, 4)
    place = placement(image, config)
    size = (config.patch_size[0], config.patch_size[1]) if config.patch_size else config.input_size
    grey = shown(image, config)
    centre = _centre(grey, boxes[:, 1:], place, size, config, changes, rng)
    to_middle = np.column_stack([np.eye(2), np.array(size[::-1]) / 2 - 0.5 - centre])
    angle = rng.uniform(0, 2 * np.pi) if config.discs else np.pi * rng.integers(2)
    scale = float(np.exp(rng.uniform(*np.log(changes.scale))))
    flip = bool(rng.random() < 0.5) and changes.mirror
    change = centred_affine(size, angle_rad=angle if changes.turn else 0.0, scale=scale, flip=flip)
    matrix = compose_affine(compose_affine(place, to_middle), change)
    array = _lit(draw(to_channels(grey, config.input_channels), matrix, size, config.beyond), changes, rng)
    move = move_discs if config.discs else move_boxes
    kept, inside = _kept(move(boxes[:, 1:], matrix), size)
    labels = {"boxes": np.column_stack([boxes[inside, 0], kept]), "ignored": move(ignored, matrix)}
    return Sample(Piece(array, name=image.name), labels, sample.group)


def _centre(
    array: np.ndarray,
    boxes: np.ndarray,
    place: np.ndarray,
    size: tuple[int, int],
    config: DetectorSettings,
    changes: PieceAugmentation,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw the point (x, y) of the canvas that comes into the middle of the piece."""
    canvas = np.array(config.input_size[::-1], float)
    if not config.patch_size:
        return canvas / 2 - 0.5 + rng.uniform(-changes.shift, changes.shift, 2) / 5 * canvas
    if len(boxes) and rng.random() < changes.objects:
        low, high = corners(boxes[[rng.integers(len(boxes))]])
        at = (low + high)[0] / 2 - 0.5
        jitter = rng.uniform(-changes.shift, changes.shift, 2) * size[::-1]
    else:
        rows, columns = np.nonzero(array.max(axis=0) > BLACK)
        if not len(rows):
            return canvas / 2 - 0.5
        i = rng.integers(len(rows))
        at, jitter = np.array([columns[i], rows[i]], float), np.zeros(2)
    return transform_points(at, place) + jitter


def _kept(boxes: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Cut boxes at the border; return them and which were kept."""
    cut = clip_boxes(boxes, size[::-1])
    before, after = ((high - low).prod(axis=1) for low, high in (corners(boxes), corners(cut)))
    inside = after >= LEAST_INSIDE * np.maximum(before, 1e-9)
    return cut[inside], inside


def _lit(array: np.ndarray, changes: PieceAugmentation, rng: np.random.Generator) -> np.ndarray:
    gain, light = 1 + rng.uniform(-changes.gain, changes.gain), rng.uniform(-changes.light, changes.light) * WHITE
    noise = changes.noise * WHITE * rng.random() * rng.standard_normal(array.shape, np.float32)
    return np.clip(array * gain + light + noise, 0, WHITE).astype(np.float32)
