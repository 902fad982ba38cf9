"""Counts: exact, in one pass, whatever the labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zoo.common.errors import InputError
from zoo.common.metrics.confusion import Counts, count, count_labels, joint_histogram

REFERENCE = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 2, 2], [0, 0, 2, 0]])
PREDICTION = np.array([[1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 2, 0], [0, 2, 2, 0]])


def test_counts_of_a_mask_by_hand():
    assert count(REFERENCE == 1, PREDICTION == 1) == Counts(tp=3, fp=1, tn=11, fn=1)


def test_counts_of_labels_by_hand():
    assert count_labels(REFERENCE, PREDICTION, [1, 2]) == [Counts(3, 1, 11, 1), Counts(2, 1, 12, 1)]


def test_a_tuple_of_labels_counts_as_one():
    merged = count_labels(REFERENCE, PREDICTION, [(1, 2)])

    assert merged == [count(REFERENCE > 0, PREDICTION > 0)]


def test_joint_histogram_by_hand():
    np.testing.assert_array_equal(joint_histogram(REFERENCE, PREDICTION), [[7, 1, 1], [1, 3, 0], [1, 0, 2]])


@pytest.mark.parametrize("values", [(0, 1, 2), (500, 600, 420), (-1, 7, 100_000)])
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32])
def test_names_of_labels_do_not_matter(values, dtype):
    reference, prediction = (np.array(values, dtype)[array] for array in (REFERENCE, PREDICTION))

    got = count_labels(reference, prediction, [values[1], values[2]])

    assert got == count_labels(REFERENCE, PREDICTION, [1, 2])


def test_absent_labels_have_no_positives():
    assert count_labels(REFERENCE, PREDICTION, [9]) == [Counts(0, 0, 16, 0)]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_one_pass_equals_a_loop(data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=9))
    top = data.draw(st.sampled_from([3, 14, 15, 16, 40, 255]))
    dtype = data.draw(st.sampled_from([np.uint8, np.int16, np.int64]))
    pair = [data.draw(hnp.arrays(dtype, shape, elements=st.integers(0, min(top, 255)))) for _ in range(2)]
    labels = range(top + 1)

    assert count_labels(*pair, labels) == [count(pair[0] == k, pair[1] == k) for k in labels]


def test_chunks_add_up():
    rng = np.random.default_rng(0)
    pair = rng.integers(0, 5, (2, 700_001), np.uint8)

    assert count_labels(*pair, [3])[0] == count(pair[0] == 3, pair[1] == 3)


def test_shapes_must_match():
    with pytest.raises(InputError, match="differ in shape"):
        count(np.zeros((2, 2)), np.zeros((2, 3)))
