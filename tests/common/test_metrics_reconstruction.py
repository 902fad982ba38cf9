"""PSNR and SSIM: known answers, scikit-image, limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage import metrics as skimage

from zoo.common.errors import InputError
from zoo.common.metrics.reconstruction import psnr, ssim, ssim_uniform

from .known_answers import assert_close, cases, inputs


@pytest.mark.parametrize("case", cases("reconstruction_regression"))
def test_known_answers(case):
    expected = case["expected"]
    reference, prediction = inputs(case)
    if reference.ndim < 2:
        pytest.skip("no image")
    top = reference.max()

    assert_close(psnr(reference, prediction), expected["psnr_range_minmax"])
    assert_close(psnr(reference, prediction, top), expected["psnr_range_max"])
    assert_close(ssim_uniform(reference, prediction), expected["ssim_uniform7_samplecov_range_minmax"])
    assert_close(ssim_uniform(reference, prediction, top), expected["ssim_uniform7_samplecov_range_max"])
    if "ssim_wang2004_gauss1.5_range_minmax" in expected:
        assert_close(ssim(reference, prediction), expected["ssim_wang2004_gauss1.5_range_minmax"])


@pytest.mark.parametrize("shape", [(20, 17), (13, 14, 15)])
def test_scores_equal_scikit_image(shape):
    reference = np.random.default_rng(0).random(shape)
    prediction = reference + np.random.default_rng(1).normal(0, 0.1, shape)
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}

    for found, expected in (
        (psnr(reference, prediction, 2.0), skimage.peak_signal_noise_ratio(reference, prediction, data_range=2.0)),
        (ssim_uniform(reference, prediction, 1.0), skimage.structural_similarity(reference, prediction, data_range=1)),
        (ssim(reference, prediction, 1.0), skimage.structural_similarity(reference, prediction, data_range=1, **wang)),
    ):
        assert found == pytest.approx(expected, abs=1e-9)


def test_equal_images():
    image = np.random.default_rng(0).random((12, 12))

    assert psnr(image, image) == math.inf
    assert ssim(image, image) == pytest.approx(1)
    assert ssim_uniform(image, image) == pytest.approx(1)


def test_psnr_by_hand():
    assert psnr(np.array([0.0, 1.0]), np.array([0.1, 0.9])) == pytest.approx(20)


def test_constant_reference_leaves_scores_undefined():
    image = np.ones((12, 12))

    assert math.isnan(psnr(image, image * 2))
    assert math.isnan(ssim(image, image * 2))


def test_image_smaller_than_the_window_is_refused():
    with pytest.raises(InputError, match="11 px"):
        ssim(np.ones((10, 20)), np.ones((10, 20)))
