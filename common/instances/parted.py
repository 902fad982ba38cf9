"""The objects of a segmentation one by one: a watershed parts those that touch."""

from __future__ import annotations

import numpy as np

from zoo.common.answers.instances import Instances
from zoo.common.answers.segmentation import Segmentation
from zoo.common.errors import ConfigError
from zoo.common.instances.measures import mean_scores
from zoo.common.instances.separation import split_touching


def part_segmentation(found: Segmentation) -> Instances:
    """Part the classes of a picture into objects, each with its class; scores are mean probabilities, if there are any.

    Objects of fewer than 20 px are dropped.
    """
    if found.labels.ndim != 2:
        raise ConfigError(
            f"{found.name}: volume {found.labels.shape} given; expected a picture. Leave out instances=True"
        )
    numbered = np.zeros(found.labels.shape, np.int32)
    kinds, scores = [np.zeros(0, np.int64)], [np.zeros(0)]
    for index in range(1, len(found.classes)):
        objects = split_touching(found.labels == index)
        count, before = int(objects.max(initial=0)), sum(map(len, kinds))
        numbered = np.where(objects > 0, objects + np.int32(before), numbered)
        kinds.append(np.full(count, index - 1))
        scores.append(
            np.ones(count) if found.probabilities is None else mean_scores(objects, count, found.probabilities[index])
        )
    return Instances(
        found.image,
        tuple(found.classes[1:]),
        numbered,
        np.concatenate(kinds),
        np.concatenate(scores),
        out_of_scope=found.out_of_scope,
    )
