"""From the answers for single slices to one for their series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from zoo.common.answers.classification import Classification
from zoo.common.answers.localisation import Localisation
from zoo.common.answers.slices import SliceSeries
from zoo.common.datasets.classes import normal_class
from zoo.common.types import Image

OF_SLICE = "lung_"  # how names begin of what was found in one slice, in `Image.prepared`


def join_slices(
    image: Image, classes: tuple[str, ...], answers: Iterable[tuple[int, Classification]], most: int
) -> SliceSeries:
    """Summarise a series by the means over its `most` slices that are least like the normal class, see `normal_class`.

    answers: index and answer of each slice that was looked at, one at least; only those of the summary are kept.
    """
    indices, rows, boxes, shown = list[int](), list[np.ndarray](), list[tuple[float, ...]](), ""
    best: dict[int, Classification] = {}
    prepared = list[Mapping[str, float | str]]()
    mask = np.zeros((0, 0, 0), bool)

    normal = normal_class(classes)

    def calm(index: int) -> tuple[float, int]:
        return float(best[index].probabilities[normal]), index

    for index, answer in answers:
        indices.append(index)
        rows.append(answer.probabilities)
        prepared.append(answer.image.prepared)
        best[index] = answer
        if len(best) > most:
            del best[max(best, key=calm)]
        if isinstance(answer, Localisation):
            mask = mask if mask.size else np.zeros(image.size, bool)
            mask[index] = answer.mask
            shown = shown or answer.shown
            boxes += [(index, *box, score) for box, score in zip(answer.boxes, answer.scores, strict=True)]
    top = tuple(sorted(best, key=calm))
    mean = np.mean([best[i].probabilities for i in top], axis=0)
    places, slices = np.array(indices, np.int64), np.array(rows)
    found = np.array(boxes, np.float64).reshape(-1, 6)
    own = tuple({name: told for name, told in each.items() if name.startswith(OF_SLICE)} for each in prepared)
    seen = replace(image, prepared={n: told for n, told in prepared[0].items() if not n.startswith(OF_SLICE)})
    return SliceSeries(seen, classes, mean, None, places, slices, top, best, shown, mask, found, own)
