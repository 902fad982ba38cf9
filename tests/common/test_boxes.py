"""Boxes: overlap, suppression, clustering, conversions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.common import boxes as geometry
from zoo.common.errors import InputError

from .known_answers import assert_close, cases

NUMBERS = st.lists(st.floats(0, 50), min_size=6, max_size=6)
KEYS = {"[score,y1,x1,y2,x2(,z1,z2)]": 1.0, "[score,y1,x1,y2,x2(,z1,z2)] use_area=True": 0.0}  # offset


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("case", cases("weighted_box_clustering"))
def test_clusters_of_the_known_answers(case, key):
    given_, detections = case["input"], case["input"]["detections"]
    columns = {name: np.array([d[name] for d in detections]) for name in detections[0]}

    merged, scores = geometry.cluster_boxes(
        columns["box"],
        columns["score"],
        columns["patch_weight"],
        columns["n_overlaps"],
        columns["patch"],
        n_ensemble=given_["n_ensemble"],
        iou_threshold=given_["iou_threshold"],
        offset=KEYS[key],
    )

    assert_close(np.column_stack([scores, merged]), case["expected"][key])


def test_cluster_counts_a_patch_that_reports_twice_once():
    box, ones = np.array([[0, 0, 4, 4.0]] * 2), np.ones(2)
    options = {"n_ensemble": 2, "iou_threshold": 0.5}

    _, once = geometry.cluster_boxes(box, ones, ones, ones, ["a", "a"], **options)
    _, twice = geometry.cluster_boxes(box, ones, ones, ones, ["a", "b"], **options)

    assert once == pytest.approx(2 / 3)  # nnDetection counts boxes and gives 1
    assert twice == pytest.approx(1)


def test_iou_by_hand():
    first, second = np.array([[0, 0, 4, 4]]), np.array([[2, 2, 6, 6], [4, 0, 8, 4], [0, 0, 4, 4]])

    np.testing.assert_allclose(geometry.iou(first, second), [[4 / 28, 0, 1]])
    np.testing.assert_allclose(geometry.iou(first, second[:1], offset=1), [[9 / 41]])


def test_iou_in_three_dimensions():
    first, second = np.array([[0, 0, 2, 2, 0, 2]]), np.array([[0, 0, 2, 2, 1, 3]])

    assert geometry.iou(first, second) == pytest.approx(1 / 3)


def test_empty_boxes_overlap_nothing():
    point = np.array([[1, 1, 1, 1]])

    assert geometry.iou(point, point) == 0
    assert geometry.iou(np.zeros((0, 4)), point).shape == (0, 1)


def test_suppression_keeps_the_best_of_each_place():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 30, 30], [0, 0, 10, 5]])

    np.testing.assert_array_equal(geometry.suppress(boxes, np.array([0.8, 0.9, 0.7, 0.6]), 0.5), [1, 2, 3])
    assert len(geometry.suppress(np.zeros((0, 4)), np.zeros(0), 0.5)) == 0


@given(NUMBERS, st.sampled_from([4, 6]))
def test_conversions_invert_each_other(numbers, width):
    low = np.array([numbers[: width // 2]])
    boxes = geometry.join_corners(low, low + 1 + np.array([numbers[-(width // 2) :]]))

    for there, back in (
        (geometry.to_centre_size, geometry.from_centre_size),
        (geometry.to_corner_size, geometry.from_corner_size),
        (geometry.swap_xy, geometry.swap_xy),
    ):
        np.testing.assert_allclose(back(there(boxes)), boxes, atol=1e-9)
    assert geometry.iou(boxes, boxes) == pytest.approx(1)


def test_boxes_of_instances_and_clipping():
    labels = np.zeros((4, 6), int)
    labels[1:3, 2:6] = 3

    boxes, names = geometry.boxes_of_labels(labels)

    np.testing.assert_array_equal(boxes, [[2, 1, 6, 3]])
    np.testing.assert_array_equal(names, [3])
    np.testing.assert_array_equal(geometry.clip_boxes(boxes, (5, 2)), [[2, 1, 5, 2]])


def test_boxes_of_an_unknown_width_are_refused():
    with pytest.raises(InputError, match="expected"):
        geometry.area(np.zeros((2, 5)))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]))
def test_overlaps_and_suppression_equal_monai(seed, axes):
    monai = pytest.importorskip("monai.data.box_utils")
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 30, (2, 9, axes))  # whole numbers meet the threshold itself, where MONAI's float32 decides
    sets = np.concatenate([low, low + rng.uniform(1, 20, low.shape)], axis=2)
    ours = [geometry.join_corners(boxes[:, :axes], boxes[:, axes:]) for boxes in sets]
    scores = rng.permutation(9) / 9

    np.testing.assert_allclose(geometry.iou(*ours), monai.box_iou(*sets), atol=1e-6)
    kept = monai.non_max_suppression(sets[0], scores, nms_thresh=0.3, box_overlap_metric=monai.box_iou)
    assert list(geometry.suppress(ours[0], scores, 0.3)) == list(kept)
