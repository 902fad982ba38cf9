"""Detectors whose answers are maps: mirrored views are brought back, rivals are of one class or of any."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zoo.common.detection.algorithm import DetectionAlgorithm
from zoo.common.detection.canvas import Piece
from zoo.common.tta import flips
from zoo.common.types import Sample
from zoo.models.covid_detection_cnn.algorithm import CovidDetectionCNN
from zoo.models.covid_detection_cnn.config import VARIANTS as CNN
from zoo.models.lungnodules_detection.algorithm import LungNodulesDetection
from zoo.models.lungnodules_detection.config import VARIANTS as CENTRES

SIDE = 64
every_detector = pytest.mark.parametrize(
    "algorithm", [CovidDetectionCNN(CNN["tiny"]), LungNodulesDetection(CENTRES["tiny"])], ids=lambda a: type(a).__name__
)


def perfect(algorithm: DetectionAlgorithm, boxes: np.ndarray) -> dict[str, np.ndarray]:
    """Return the outputs of a network that knows the boxes of a piece."""
    return algorithm.perfect_outputs(Sample(Piece(np.zeros((1, SIDE, SIDE), np.float32)), {"boxes": boxes}))


@every_detector
def test_mirrored_views_bring_targets_back(algorithm):
    boxes = np.array([[0, 12.3, 20.1, 19.0, 27.4], [0, 40, 33, 47.5, 40]])
    seen = {}
    for view in flips(2):
        moved = boxes.copy()
        for axis in view.flipped:
            low, high = 2 - axis, 4 - axis
            moved[:, [low, high]] = SIDE - boxes[:, [high, low]]
        outputs = {key: value[None] for key, value in perfect(algorithm, moved).items()}
        undone = algorithm.undo_view(outputs, view)
        found, _, scores = algorithm.decode({key: value[0] for key, value in undone.items()})
        found = found[scores > 0.5]
        seen[view.flipped] = found[np.argsort(found[:, 0])]

    for flipped, found in seen.items():
        np.testing.assert_allclose(found, boxes[:, 1:], atol=1e-3, err_msg=str(flipped))


@every_detector
def test_of_two_classes_in_one_place_the_better_stays_where_classes_do_not_matter(algorithm):
    either, each = (
        algorithm.with_config(replace(algorithm.config, classes=("a", "b"), class_agnostic=agnostic))
        for agnostic in (True, False)
    )
    outputs = perfect(each, np.array([[0, 20, 20, 30, 30], [1, 23, 20, 33, 30.0]]))

    one, two = (found.decode(outputs)[2] > 0.5 for found in (either, each))

    assert (one.sum(), two.sum()) == (1, 2)
