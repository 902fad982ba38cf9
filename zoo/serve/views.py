"""An answer as the page draws it: what was measured as text, the image and what lies over it as plain arrays.

A view is the length of its header (4 bytes, little endian), the header as JSON, and the arrays one behind the other.
Pictures are (c, 1, h, w), volumes (c, d, h, w): one slice, or many.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from zoo.common.answers.boxes import Boxes
from zoo.common.answers.classification import Classification
from zoo.common.answers.ellipses import Ellipses
from zoo.common.answers.instances import Instances
from zoo.common.answers.localisation import Localisation
from zoo.common.answers.points import Points
from zoo.common.answers.prediction import Prediction
from zoo.common.answers.segmentation import Segmentation
from zoo.common.answers.slices import SliceSeries
from zoo.common.colours import COLOURS
from zoo.common.findings import Finding
from zoo.common.numbers import name_and_unit, percent
from zoo.common.numbers import written as written_number
from zoo.common.plotting.instances import LARGEST_PX, OUTLINES, colour_neighbours
from zoo.common.tables import plain
from zoo.common.types import Image

MOST_VALUES = 2**25  # that a browser is sent; larger volumes are thinned out
MOST_ROWS = 500  # of the table of measurements
SHARES = ("probability", "share", "score")
LEVELS = 255  # of a map in [0, 1]


@dataclass
class Layers:
    """What lies over the image.

    labels: class of each pixel, 0 is nothing. objects: number of each pixel's object. maps: by the name of a class, in
    [0, 1]. shapes: boxes, points and ellipses, plain values. threshold: where the maps or scores were cut, and how.
    colours: of the objects 1, 2, ..., where neighbours have others.
    """

    classes: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    objects: np.ndarray | None = None
    maps: Mapping[str, np.ndarray] | None = None
    shapes: list[dict[str, Any]] | None = None
    threshold: dict[str, Any] | None = None
    colours: list[str] | None = None


def pack_view(prediction: Prediction, more: Mapping[str, Any]) -> bytes:
    """Write the view of a prediction."""
    layers, image = layers_of(prediction), prediction.image
    stride = 1
    while image.array.size / stride**3 > MOST_VALUES:
        stride += 1
    arrays = {"image": as_sent(_thin(_volume(image.array, 1), stride))}
    for name in ("labels", "objects"):
        if (value := getattr(layers, name)) is not None and value.size:
            arrays[name] = as_sent(_thin(_volume(value, 0), stride))
    for name, value in (layers.maps or {}).items():
        arrays[f"map:{name}"] = _thin(_volume(np.round(np.clip(value, 0, 1) * LEVELS).astype(np.uint8), 0), stride)
    spacing = image.spacing_mm or (1.0,) * len(image.size)
    header = {
        "title": str(prediction),
        "answer": type(prediction).__name__,
        "size": list(arrays["image"].shape[1:]),
        "spacing": [1.0, *spacing] if len(spacing) == 2 else list(spacing),
        "knows_spacing": image.spacing_mm is not None,
        "is_volume": image.array.ndim == 4,
        "stride": stride,
        **turned(image),
        "affine": None if image.affine is None else (image.affine * (stride, stride, stride, 1)).tolist(),
        "out_of_scope": list(prediction.out_of_scope),
        "classes": [{"name": n, "colour": colour_of(i)} for i, n in enumerate(layers.classes)],
        "shapes": layers.shapes or [],
        "object_colours": layers.colours,
        "threshold": layers.threshold,
        "table": table_of(prediction.findings()),
        "made_by": prediction.made_by.to_dict(),
        **more,
    }
    return _joined(header, arrays)


def turned(image: Image) -> dict[str, Any]:
    """Say which axes (d, h, w) are shown backwards, so that a patient is seen as in radiology, from the feet.

    Only where the axes of the volume are those of the patient, roughly; others are shown as they are.
    """
    if image.affine is None or image.array.ndim != 4:
        return {"knows_planes": False, "flip": [False, False, False]}
    steps = image.affine[:3, :3]  # columns: a step along x, y, z, in mm to the right, the front and above
    if not (np.abs(steps).argmax(axis=0) == (0, 1, 2)).all():
        return {"knows_planes": False, "flip": [False, False, False]}
    return {"knows_planes": True, "flip": [bool(steps[i, i] > 0) for i in (2, 1, 0)]}


def colour_of(label: int) -> str:
    """Return the colour of a label; those of the overlays."""
    return COLOURS[(label - 1) % len(COLOURS)]


def table_of(findings: list[Finding]) -> list[dict[str, Any]]:
    """Return what was measured, a row per thing, with numbers as people write them."""
    rows = []
    for finding in findings[:MOST_ROWS]:
        measures = []
        for name, value in finding.measurements.items():
            label, unit = name_and_unit(name)
            text = percent(value) if name in SHARES else written_number(value, unit)
            measures.append({"what": label, "value": float(value), "unit": unit, "text": text})
        rows.append({"of": finding.name, "has_place": bool(finding.places), "measures": measures})
    return rows


def as_sent(array: np.ndarray) -> np.ndarray:
    """Return an array in the smallest type that holds it exactly."""
    if array.dtype.kind == "f" and not (array == np.rint(array)).all():
        return array.astype(np.float32)
    low, high = float(array.min(initial=0)), float(array.max(initial=0))
    for kind in (np.uint8, np.int16, np.uint16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return array.astype(kind)
    return array.astype(np.float32)


@singledispatch
def layers_of(prediction: Prediction) -> Layers:
    """Return what is drawn over the image; nothing for an answer that is not known here, but its mask."""
    if (found := prediction.segments) is None:
        return Layers()
    return Layers(found[1], found[0])


@layers_of.register
def _(prediction: Segmentation) -> Layers:
    maps = None
    if prediction.probabilities is not None:
        maps = dict(zip(prediction.classes[1:], prediction.probabilities[1:], strict=True))
    return Layers(prediction.classes, prediction.labels, maps=maps, threshold=_share(0.5) if maps else None)


@layers_of.register
def _(prediction: Classification) -> Layers:
    seen = layers_of.dispatch(Prediction)(prediction)
    if prediction.heat_map is not None and prediction.heat_map.size:
        seen.maps = {prediction.label: prediction.heat_map}
        seen.classes = seen.classes or ("background", prediction.label)
    return seen


@layers_of.register
def _(prediction: Localisation) -> Layers:
    heat = prediction.heat_map
    maps = None if heat is None else {prediction.shown: heat}
    cut = float(heat[prediction.mask].min()) if heat is not None and prediction.mask.any() else 0.3
    boxes = [_box(box, 1, prediction.shown, s) for box, s in zip(prediction.boxes, prediction.scores, strict=True)]
    return Layers(("background", prediction.shown), prediction.mask.astype(np.uint8), None, maps, boxes, _share(cut))


@layers_of.register
def _(prediction: SliceSeries) -> Layers:
    seen = layers_of.dispatch(Prediction)(prediction)
    seen.shapes = [
        {**_box(box[:4], 1, prediction.shown, score), "z": [int(z), int(z) + 1]} for z, *box, score in prediction.boxes
    ]
    return seen


@layers_of.register
def _(prediction: Boxes) -> Layers:
    found = prediction.candidates or prediction
    shapes = [
        {
            **_box(box[:4], int(k) + 1, found.classes[int(k)], s),
            **({"z": [float(v) for v in box[4:6]]} if len(box) == 6 else {}),
        }
        for box, k, s in zip(found.boxes, found.labels, found.scores, strict=True)
    ]
    lowest = float(prediction.scores.min()) if len(prediction.scores) else 0.5
    return Layers(("background", *prediction.classes), shapes=shapes, threshold={"of": "scores", "value": lowest})


@layers_of.register
def _(prediction: Points) -> Layers:
    shapes = [
        {"kind": "point", "at": [float(x), float(y)], "label": int(k) + 1, "score": float(s)}
        for k, x, y, s in prediction.candidates
    ]
    threshold = {"of": "scores", "value": float(prediction.threshold)}
    return Layers(("background", *prediction.classes), shapes=shapes, threshold=threshold)


@layers_of.register
def _(prediction: Ellipses) -> Layers:
    mask = prediction.segments
    shapes = [
        {
            "kind": "ellipse",
            "at": [float(cx), float(cy)],
            "axes": [float(a), float(b)],
            "angle": float(t),
            "label": int(k) + 1,
            "score": float(s),
        }
        for (k, cx, cy, a, b, t), s in zip(prediction.ellipses, prediction.scores, strict=True)
    ]
    return Layers(("background", *prediction.classes), None if mask is None else mask[0], shapes=shapes)


@layers_of.register
def _(prediction: Instances) -> Layers:
    labels, classes = prediction.segments
    return Layers(classes, labels, prediction.instances, colours=_apart(prediction.instances, len(prediction)))


def _apart(instances: np.ndarray, count: int) -> list[str]:
    """Give each object the colour of the overlays: one that none of its neighbours has."""
    step = -(-max(instances.shape) // LARGEST_PX)
    return [OUTLINES[colour % len(OUTLINES)] for colour in colour_neighbours(instances[::step, ::step], count)]


def _share(value: float) -> dict[str, Any]:
    return {"of": "maps", "value": value}


def _box(box: np.ndarray | list[float], label: int, name: str, score: float) -> dict[str, Any]:
    return {"kind": "box", "box": [float(v) for v in box], "label": label, "name": name, "score": float(score)}


def _volume(array: np.ndarray, channels: int) -> np.ndarray:
    """Give every array the axes (c, d, h, w)."""
    array = array if channels else array[None]
    return array[:, None] if array.ndim == 3 else array


def _thin(array: np.ndarray, stride: int) -> np.ndarray:
    return array if stride == 1 else array[:, :: stride if array.shape[1] > 1 else 1, ::stride, ::stride]


def _joined(header: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    told = [{"name": n, "type": str(a.dtype), "shape": list(a.shape)} for n, a in arrays.items()]
    text = json.dumps(plain({**header, "arrays": told}), ensure_ascii=False, allow_nan=False)
    text += " " * (-(len(text.encode("utf-8", "backslashreplace")) + 4) % 8)  # arrays begin where every type may
    head = text.encode("utf-8", "backslashreplace")
    parts = [len(head).to_bytes(4, "little"), head]
    for array in arrays.values():
        content = np.ascontiguousarray(array).tobytes()
        parts += [content, b"\0" * (-len(content) % 8)]
    return b"".join(parts)
