"""Average precision, FROC and CPM: toy vectors, known answers, where packages differ."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zoo.common.boxes import from_corner_size
from zoo.common.metrics.detection import Detections, average_precision, match_boxes, summarise_detection
from zoo.common.metrics.froc import Scan, bootstrap_froc, box_scan, cpm, froc, luna16_scan, sensitivity_at

from .known_answers import assert_close, cases

NO_BOX = np.zeros((0, 4))
BOX = np.array([[0, 0, 10, 10.0]])
TOY = [  # four scans: nodules, excluded, marks
    luna16_scan([[0, 0, 0, 10], [50, 0, 0, 6]], [], [[1, 1, 1, 0.9], [2, 0, 0, 0.95], [90, 0, 0, 0.85]]),
    luna16_scan([[0, 0, 0, 8]], [], [[3.9, 0, 0, 0.8], [30, 0, 0, 0.7]]),
    luna16_scan([[10, 10, 10, 20]], [], [[10, 10, 25, 0.6], [12, 10, 10, 0.5]]),
    luna16_scan([], [[0, 0, 0, -1]], [[3, 0, 0, 0.99], [6, 0, 0, 0.4]]),
]


def images_of(case: dict) -> list[Detections]:
    images = []
    for image in case["images"]:
        found = image["detections"]
        boxes = np.array([d["box"] for d in found], float).reshape(-1, 4)
        reference = np.array(image["reference"], float).reshape(-1, 4)
        images.append(Detections(reference, boxes, np.array([d["score"] for d in found])))
    return images


@pytest.mark.parametrize("case", cases("detection"))
def test_known_average_precision(case):
    thresholds = (0.1, 0.3, 0.5, 0.75)

    found = average_precision(images_of(case), thresholds)

    assert_close(found, [float(case["expected"][f"ap_iou_{t}"]) for t in thresholds])


@pytest.mark.parametrize("threshold", [0.1, 0.5])
@pytest.mark.parametrize("case", cases("detection"))
def test_known_froc(case, threshold):
    scans = [box_scan(i.reference, i.boxes, i.scores, threshold) for i in images_of(case)]

    expected = case["expected"][f"froc_iou_{threshold} [score, sens at 1/8,1/4,1/2,1,2,4,8]"]
    assert_close([cpm(scans), *sensitivity_at(froc(scans))], expected)


def test_toy_vector_of_coco():
    truth = {1: [[10, 10, 20, 20], [60, 60, 10, 10]], 2: [[30, 30, 12, 12], [5, 70, 8, 8]]}
    found = {
        1: ([[11, 10, 20, 20], [40, 40, 10, 10], [61, 61, 10, 10]], [0.9, 0.8, 0.7]),
        2: ([[31, 30, 12, 13], [80, 80, 9, 9]], [0.6, 0.5]),
    }
    images = [
        Detections(from_corner_size(np.array(truth[i])), from_corner_size(np.array(found[i][0])), np.array(found[i][1]))
        for i in (1, 2)
    ]

    scores = summarise_detection(images)

    assert (scores["ap"], scores["ap50"], scores["ap75"]) == pytest.approx((0.404950, 0.628713, 0.381188), abs=1e-6)


def test_classes_are_averaged_and_those_without_references_left_out():
    image = Detections(
        np.vstack([BOX, BOX + 50]), np.vstack([BOX, BOX]), np.array([0.9, 0.8]), np.array([0, 1]), np.array([0, 2])
    )

    assert average_precision([image], [0.5]) == pytest.approx(0.5)


def test_nothing_detected_scores_zero_and_nothing_to_detect_is_undefined():
    assert summarise_detection([Detections(BOX, NO_BOX, np.zeros(0))])["ap"] == 0  # pycocotools raises
    assert math.isnan(summarise_detection([Detections(NO_BOX, BOX, np.ones(1))])["ap"])  # pycocotools: -1


def test_box_takes_its_second_choice_when_the_first_is_taken():
    reference = np.array([[0, 0, 10, 10], [4, 0, 14, 10.0]])
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10.0]])

    np.testing.assert_array_equal(match_boxes(reference, boxes, np.array([0.9, 0.8]), 0.5), [0, 1])


def test_toy_vector_of_luna16():
    curve = froc(TOY)

    np.testing.assert_allclose(curve.false_per_scan, [0, 0, 0.25, 0.25, 0.5, 0.75, 0.75, 1])
    np.testing.assert_allclose(curve.sensitivity, [0, 0.25, 0.25, 0.5, 0.5, 0.5, 0.75, 0.75])
    np.testing.assert_allclose(sensitivity_at(curve), [0.25, 0.5, 0.5, 0.75, 0.75, 0.75, 0.75])
    assert cpm(TOY) == pytest.approx(0.607143, abs=1e-6)


def test_mark_at_the_radius_exactly_is_outside():
    scan = luna16_scan([[0, 0, 0, 10]], [], [[5, 0, 0, 0.9]])

    assert (len(scan.hits), len(scan.false)) == (0, 1)


def test_cap_keeps_the_best_marks_and_drops_ties_at_the_cut():
    marks = np.column_stack([np.full((5, 3), 99.0), [0.9, 0.8, 0.7, 0.7, 0.1]])

    assert len(luna16_scan([], [], marks, max_marks=2).false) == 2
    assert len(luna16_scan([], [], marks, max_marks=3).false) == 2
    assert len(luna16_scan([], [], marks, max_marks=None).false) == 5


def test_one_score_only_is_on_the_curve():
    assert cpm([box_scan(BOX, BOX, np.array([0.5]), 0.5)]) == 1  # MONAI gives 0


def test_no_hit_scores_zero_and_no_lesion_is_undefined():
    assert cpm([Scan(np.zeros(0), np.ones(3), 2)]) == 0  # the official script: nan
    assert math.isnan(cpm([Scan(np.zeros(0), np.ones(3), 0)]))


def test_bootstrap_holds_the_value_and_repeats():
    first = bootstrap_froc(TOY, np.random.default_rng(0), n=200)

    low, high = first["cpm"]
    assert low < cpm(TOY) < high
    assert first == bootstrap_froc(TOY, np.random.default_rng(0), n=200)
