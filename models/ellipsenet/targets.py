"""Ellipses as the maps of EllipseNet, and back."""

from __future__ import annotations

import numpy as np

from zoo.common.ellipses import geometry
from zoo.common.peaks import draw_gaussian, gaussian_radius
from zoo.common.types import Arrays

from .config import STRIDE, Config

SHAPES: dict[str, tuple[int, ...]] = {
    "index": (),
    "mask": (),
    "reg": (2,),
    "l": (),
    "al": (),
    "bl": (),
    "theta": (),
    "angle": (2,),
    "box": (5,),
}


def encode(ellipses: np.ndarray, config: Config) -> dict[str, np.ndarray]:
    """Draw what the loss compares with, from ellipses (k, 6) in pixels of the network's input.

    hm: (classes, h/4, w/4). The others have one row per class, see SHAPES: index of the centre's cell, mask 0 when the
    class is absent, reg the centre in its cell, theta in units of pi, angle (cos 2t, sin 2t),
    box (cx, cy, 2a, 2b [px of the input], angle_rad); lengths in cells but for the box.
    """
    size = (config.input_size[0] // STRIDE, config.input_size[1] // STRIDE)
    k = len(config.classes)
    target = {name: np.zeros((k, *shape), np.float32) for name, shape in SHAPES.items()}
    target["box"][:, 2:4] = 1  # an absent class has a unit box: its IoU is masked, but must stay finite
    target["hm"] = np.zeros((k, *size), np.float32)
    for row in geometry.canonical(ellipses):
        label = int(row[0])
        cell = np.clip(np.floor(row[1:3] / STRIDE), 0, (size[1] - 1, size[0] - 1)).astype(int)
        width, height = 2 * geometry.extents(row)[0] / STRIDE
        radius = max(1, int(gaussian_radius(np.ceil(height), np.ceil(width))))
        draw_gaussian(target["hm"][label], (int(cell[0]), int(cell[1])), radius)
        for name, value in _values(row, cell, size[1]).items():
            target[name][label] = value
    return {**target, "index": target["index"].astype(np.int32)}


def decode(outputs: Arrays, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Read the best ellipse of each class from the maps of one image.

    Returns (classes, 6) in pixels of the network's input and the scores (classes,) in 0..1.
    """
    logits = np.asarray(outputs["hm"], np.float64)
    k, _, width = logits.shape
    flat = logits.reshape(k, -1)
    index = flat.argmax(axis=1)
    scores = 1 / (1 + np.exp(-flat[np.arange(k), index]))
    shared = config.heads == "official"
    at = {name: read_cells(outputs[name], index, shared) for name in config.outputs if name not in ("hm", "sincos")}
    al, bl = (at["ratio_al"], at["ratio_bl"]) if shared else (at["al"], at["bl"])
    angle = at["theta"][:, 0] * np.pi if shared else np.arctan2(at["angle"][:, 1], at["angle"][:, 0]) / 2
    centre = STRIDE * (np.stack([index % width, index // width], axis=-1) + at["reg"])
    half = STRIDE * np.maximum(at["l"], 0) / 2
    rows = np.column_stack([np.arange(k), centre, half * al, half * bl, angle])
    return geometry.canonical(rows), scores


def maps_of(target: Arrays, config: Config) -> dict[str, np.ndarray]:
    """Draw the outputs that `decode` reads the ellipses of these targets from; the inverse of `read_cells`."""
    clear = np.clip(np.asarray(target["hm"], np.float64), 1e-6, 1 - 1e-6)
    k, h, w = clear.shape
    outputs = {"hm": np.log(clear / (1 - clear))}
    for name in config.outputs:
        source = name.removeprefix("ratio_")  # official: maps that serve all classes
        if name in ("hm", "sincos"):
            continue
        values = np.asarray(target[source]).reshape(k, -1)
        maps = np.zeros((config.outputs[name], h * w))
        for label, index in enumerate(target["index"]):
            first = 0 if config.heads == "official" else label * values.shape[1]
            maps[first : first + values.shape[1], int(index)] = values[label]
        outputs[name] = maps.reshape(-1, h, w)
    return outputs


def read_cells(maps: np.ndarray, index: np.ndarray, shared: bool) -> np.ndarray:
    """Read each class's values at its cell: (m, h, w) and (classes,) to (classes, values).

    shared: one set of maps serves all classes; else the maps are ordered class by class.
    """
    flat = np.asarray(maps, np.float64).reshape(len(maps), -1)[:, index]  # (m, classes)
    if shared:
        return flat.T
    k = len(index)
    return flat.reshape(k, -1, k)[np.arange(k), :, np.arange(k)]


def _values(row: np.ndarray, cell: np.ndarray, map_width: int) -> dict[str, object]:
    a, b, angle = row[3:]
    diagonal = 2 * np.hypot(a, b)
    return {
        "index": cell[1] * map_width + cell[0],
        "mask": 1,
        "reg": row[1:3] / STRIDE - cell,
        "l": diagonal / STRIDE,
        "al": 2 * a / diagonal,
        "bl": 2 * b / diagonal,
        "theta": angle / np.pi,
        "angle": (np.cos(2 * angle), np.sin(2 * angle)),
        "box": (*row[1:3], 2 * a, 2 * b, angle),
    }
