"""The tasks and what `Sample.labels` holds for each; an algorithm may also name labels and a task of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

TASKS: dict[str, dict[str, str]] = {
    "classification": {"label": "() int64, index into config.classes"},
    "segmentation": {
        "mask": "(h, w) or (d, h, w) integers, indices into config.classes; 0 is the background, 255 is unknown",
    },
    "ellipse-detection": {
        "ellipses": "(k, 6) float64: class, cx, cy, a, b [px of the image], angle_rad from +x towards +y; a >= b",
    },
    "localisation": {
        "label": "() int64, index into config.classes; the only label that training may use",
        "mask": "(h, w) integers, 0 or 1: where the finding is; all 0 in a normal image",
    },
    "instance-segmentation": {"instances": "(h, w) integers, 0 background, 1, 2, ... one number per object"},
    "detection": {
        "boxes": "(k, 5) or (k, 7) float64: class, x1, y1, x2, y2[, z1, z2] [px of the image]; pixel i is i to i + 1",
    },
    "point-detection": {"points": "(k, 3) or (k, 4) float64: class, x, y[, z] [px of the image]"},
}
BACKGROUND = ("background", "bg")
UNKNOWN = 255  # of a mask: nobody said what the pixel is; it has no gradient and counts in no score
LABELS = tuple(dict.fromkeys(label for labels in TASKS.values() for label in labels))  # what data sets can carry


def beyond(mask: np.ndarray) -> int:
    """Return what a mask is outside its picture: background, or unknown where a part of it is."""
    return UNKNOWN if (mask == UNKNOWN).any() else 0


def misplaced_background(classes: Sequence[str]) -> int:
    """Return the number of a class that is called background but is not number 0, which it is in every mask; 0 if none.

    classes: as masks count them.
    """
    called = [re.sub(r"[\s_-]+", "", name.casefold()) for name in classes]
    return next((number for number, name in enumerate(called) if number and name in BACKGROUND), 0)


def ways_to_read(wanted: str | Sequence[str]) -> list[tuple[str, ...]]:
    """List the tasks whose labels together are the wanted ones, the best way first.

    wanted: a task, or labels. First the one task that has exactly these labels, then one task per label, to be joined
    by the names of the cases. Empty when a label or task is unknown.
    """
    if isinstance(wanted, str):
        return [(wanted,)] if wanted in TASKS else []
    single = {next(iter(labels)): task for task, labels in TASKS.items() if len(labels) == 1}
    if not wanted or not set(wanted) <= set(single):
        return []
    exact = [(task,) for task, labels in TASKS.items() if set(labels) == set(wanted)]
    apart = tuple(single[label] for label in dict.fromkeys(wanted))
    return list(dict.fromkeys([*exact, apart]))
