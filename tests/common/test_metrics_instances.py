"""Scores of instances and lesions: by hand, known answers, invariances, and where packages differ."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zoo.common.errors import ConfigError, InputError
from zoo.common.metrics.instances import count_overlaps, lesion_rates, panoptic_quality, summarise_instances

from .known_answers import assert_close, cases, inputs

EMPTY = np.zeros((6, 6), int)
MAPS = arrays(np.int64, (5, 6), elements=st.integers(0, 4))


def canvas(*squares: tuple[int, int, int, int]) -> np.ndarray:
    """Draw rectangles (y, x, height, width), labelled 1, 2, ..., on 40 x 40."""
    labels = np.zeros((40, 40), int)
    for i, (y, x, h, w) in enumerate(squares, start=1):
        labels[y : y + h, x : x + w] = i
    return labels


@pytest.mark.parametrize(
    ("reference", "prediction", "expected"),  # binary_dice, aji, aji_plus, dq, sq, pq, dice2
    [
        ([(5, 5, 10, 10), (5, 15, 10, 10)], [(5, 5, 10, 20)], (1, 1 / 2, 1 / 3, 0, 0, 0, 2 / 3)),
        ([(5, 5, 10, 10)], [(5, 7, 10, 10)], (0.8, 2 / 3, 2 / 3, 1, 2 / 3, 2 / 3, 0.8)),
        ([(5, 5, 10, 10), (20, 5, 10, 10)], [(5, 5, 10, 10), (5, 30, 5, 5)], (8 / 13, 4 / 9, 4 / 9, 0.5, 1, 0.5, 1)),
        ([(5, 5, 10, 20)], [(5, 5, 10, 10), (5, 15, 10, 10)], (1, 1 / 3, 1 / 3, 0, 0, 0, 2 / 3)),
    ],
)
def test_hand_made_squares(reference, prediction, expected):
    scores = summarise_instances(canvas(*reference), canvas(*prediction))

    names = ("binary_dice", "aji", "aji_plus", "dq", "sq", "pq", "dice2")
    assert [scores[name] for name in names] == pytest.approx(expected)


@pytest.mark.parametrize("case", cases("instances"))
def test_known_answers(case):
    if "expected" not in case:
        pytest.skip("only observed values, see test_lesions_as_ivadomed_counts_them")
    scores = summarise_instances(*inputs(case))

    for name, value in case["expected"].items():
        assert_close(scores[name], value)


def test_lesions_as_ivadomed_counts_them():
    reference, prediction = canvas((2, 2, 5, 5), (20, 20, 4, 4)), canvas((2, 2, 5, 3), (30, 2, 3, 3))

    scores = lesion_rates(reference, prediction, min_overlap=3)

    assert (scores["found"], scores["missed"], scores["false"]) == (1, 1, 1)
    assert scores["sensitivity"] == scores["precision"] == scores["f1"] == 0.5


def test_too_little_overlap_does_not_find_a_lesion():
    reference, prediction = canvas((2, 2, 4, 4)), canvas((2, 5, 4, 4))

    assert lesion_rates(reference, prediction, min_overlap=4)["found"] == 1
    assert lesion_rates(reference, prediction, min_overlap=5)["found"] == 0
    assert lesion_rates(reference, prediction, min_share=0.26)["found"] == 0


def test_corners_join_lesions_only_with_connectivity():
    mask = np.eye(3, dtype=int)

    assert lesion_rates(mask, mask)["found"] == 1
    assert lesion_rates(mask, mask, connectivity=1)["found"] == 3


def test_iou_of_exactly_one_half_is_no_match():
    overlaps = count_overlaps(canvas((0, 0, 2, 4)), canvas((0, 0, 2, 2)))

    assert panoptic_quality(overlaps)["tp"] == 0  # stardist counts it


def test_missed_case_scores_zero_and_empty_pair_what_is_asked():
    full = EMPTY + 1

    for pair in ((EMPTY, full), (full, EMPTY)):
        scores = summarise_instances(*pair)
        assert {scores[n] for n in ("aji", "aji_plus", "dq", "sq", "pq", "dice2", "binary_dice")} == {0.0}
    assert math.isnan(summarise_instances(EMPTY, EMPTY)["pq"])
    assert summarise_instances(EMPTY, EMPTY, both_empty=1.0)["aji"] == 1
    assert lesion_rates(full, EMPTY)["f1"] == 0
    assert math.isnan(lesion_rates(EMPTY, EMPTY)["f1"])


@settings(max_examples=60, deadline=None)
@given(MAPS, MAPS, st.permutations([1, 2, 3, 4]), st.sampled_from([1, 100_000_000]))
def test_labels_axes_and_padding_carry_no_meaning(reference, prediction, order, factor):
    expected = summarise_instances(reference, prediction, both_empty=1.0)
    renamed = np.array([0, *order])[reference].T * factor
    padded = [np.pad(a, 3) for a in (renamed, prediction.T)]

    scores = summarise_instances(*padded, both_empty=1.0)

    for name in ("dq", "sq", "pq", "dice2", "binary_dice"):
        assert scores[name] == pytest.approx(expected[name])
    assert scores["tp"] + scores["fn"] == len(np.unique(reference[reference > 0]))


@settings(max_examples=60, deadline=None)
@given(MAPS, MAPS)
def test_scores_lie_between_zero_and_one_and_equal_maps_score_one(reference, prediction):
    scores = summarise_instances(reference, prediction, both_empty=1.0)

    assert all(0 <= scores[name] <= 1 for name in ("aji", "aji_plus", "dq", "sq", "pq", "dice2"))
    assert summarise_instances(reference, reference, both_empty=1.0)["aji_plus"] == 1


def test_wrong_maps_are_refused():
    with pytest.raises(InputError, match="shapes"):
        count_overlaps(EMPTY, EMPTY[1:])
    with pytest.raises(InputError, match="whole numbers"):
        count_overlaps(EMPTY, EMPTY * 0.5)
    with pytest.raises(InputError, match="-1"):
        count_overlaps(EMPTY, EMPTY - 1)
    with pytest.raises(ConfigError, match=r"0\.5 or more"):
        panoptic_quality(count_overlaps(EMPTY, EMPTY), iou_threshold=0.4)
