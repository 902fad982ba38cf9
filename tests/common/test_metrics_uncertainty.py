"""Uncertainty of repeated predictions: known answers, limits, structures by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zoo.common.errors import InputError
from zoo.common.metrics.uncertainty import (
    categorical_entropy,
    entropy,
    mutual_information,
    structure_uncertainty,
    variance,
)

from .known_answers import assert_close, cases


@pytest.mark.parametrize("case", cases("uncertainty"))
def test_known_answers(case):
    samples = np.array(case["input"]["samples"])
    expected = case["expected"]
    named = {"voxelwise entropy": entropy, "variance": variance, "mutual information": mutual_information}

    for key, values in expected.items():
        score = next(f for name, f in named.items() if key.startswith(name))
        assert_close(score(samples), values)


@pytest.mark.parametrize("case", cases("uncertainty"))
def test_structures_as_ivadomed_rates_them(case):
    found = structure_uncertainty(np.array(case["input"]["samples"]))
    maps = {"iou": found.iou, "cv": found.cv, "avgUnc": found.mean_entropy}

    for name, values in maps.items():
        observed = next(v for k, v in case["observed"].items() if k.startswith(f"structurewise {name} map"))
        np.testing.assert_allclose(found.paint(values), observed["ivadomed 2.9.10"], atol=1e-6)


def test_sure_samples_carry_no_uncertainty():
    samples = np.stack([np.eye(4)] * 3)

    assert not entropy(samples).any()
    assert not mutual_information(samples).any()
    assert not variance(samples).any()


def test_opposite_samples_disagree_by_one_bit():
    samples = np.array([[0.0], [1.0]])

    assert mutual_information(samples) == pytest.approx(math.log(2))
    assert variance(samples) == pytest.approx(1 / 4)


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, (3, 4), elements=st.floats(0, 1)))
def test_disagreement_is_part_of_the_entropy(samples):
    shared = mutual_information(samples)

    assert (shared >= 0).all()
    assert (shared <= entropy(samples, eps=1e-300) + 1e-9).all()


def test_entropy_of_three_equal_classes():
    assert categorical_entropy(np.full((2, 3, 1), 1 / 3), eps=0) == pytest.approx(math.log(3))


def test_structure_by_hand():
    samples = np.zeros((2, 5, 8))
    samples[0, 1:3, 1:3] = 1
    samples[1, 1:3, 1:5] = 1
    samples[:, 4, 7] = 1  # one voxel, left out

    found = structure_uncertainty(samples)

    assert found.labels.max() == 1
    assert found.labels[4, 7] == 0
    assert found.iou == pytest.approx(0.5)
    assert found.cv == pytest.approx(2 / 6)


def test_structure_that_no_sample_shows_is_not_agreed_upon():
    found = structure_uncertainty(np.zeros((3, 4, 4)), mask=np.ones((4, 4)))

    assert found.iou == 0
    assert np.isnan(found.cv).all()


def test_structure_that_fills_the_image():
    found = structure_uncertainty(np.ones((2, 3, 3)))

    assert found.iou == 1
    assert found.cv == 0


def test_wrong_samples_are_refused():
    with pytest.raises(InputError, match="probabilities"):
        entropy(np.array([[1.5], [0.2]]))
    with pytest.raises(InputError, match="mask"):
        structure_uncertainty(np.zeros((2, 3, 3)), mask=np.zeros((3, 4)))
