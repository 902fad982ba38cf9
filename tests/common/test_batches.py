"""Samples become batches only where they hold the same things."""

import numpy as np
import pytest

from zoo.common.batches import stack
from zoo.common.errors import DataError


def test_integers_of_two_sizes_are_joined_in_the_larger():
    batch = stack([{"mask": np.zeros(2, np.int16)}, {"mask": np.full(2, 70_000, np.int32)}])

    assert batch["mask"].max() == 70_000


def test_equal_samples_are_stacked():
    batch = stack([{"a": np.full(2, i), "b": np.zeros((1, 3))} for i in range(3)])

    np.testing.assert_array_equal(batch["a"], [[0, 0], [1, 1], [2, 2]])
    assert batch["b"].shape == (3, 1, 3)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"a": np.zeros(2), "b": np.zeros(1)}, "sample 1 of the batch has a, b, sample 0 has a;"),
        ({}, "sample 1 of the batch has nothing, sample 0 has a;"),
        ({"a": np.zeros(3)}, r"a: \(3,\) float64 in sample 1 of the batch, \(2,\) float64 in sample 0"),
        ({"a": np.zeros(2, np.int64)}, r"a: \(2,\) int64 in sample 1"),
    ],
)
def test_what_differs_between_samples_is_named(other, message):
    with pytest.raises(DataError, match=message):
        stack([{"a": np.zeros(2)}, other])
