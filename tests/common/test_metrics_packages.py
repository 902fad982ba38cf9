"""Random boxes, classes, numbers and images scored here and by packages without shared code; disagreements named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage, stats
from scipy.spatial.distance import jensenshannon
from skimage import metrics as skimage
from sklearn import metrics as sklearn

from zoo.common.metrics import uncertainty
from zoo.common.metrics.classification import confusion_matrix, summarise_classification
from zoo.common.metrics.confusion import joint_histogram
from zoo.common.metrics.detection import Detections, average_precision
from zoo.common.metrics.froc import Scan, froc, sensitivity_at
from zoo.common.metrics.reconstruction import psnr, ssim, ssim_uniform
from zoo.common.metrics.regression import NORMALISATIONS, nrmse, summarise_regression

SEED = st.integers(0, 2**32 - 1)
pytestmark = pytest.mark.filterwarnings("ignore")  # of the packages, about empty masks


# --- detection -------------------------------------------------------------------------------------------------------


def random_images(seed):
    rng, images = np.random.default_rng(seed), []
    for _ in range(6):
        low = rng.integers(0, 60, (int(rng.integers(1, 5)), 2))
        truth = np.hstack([low, low + rng.integers(8, 30, low.shape)]).astype(np.float64)
        near = truth[rng.integers(len(truth), size=6)] + rng.integers(-6, 7, (6, 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        images.append(Detections(truth, near, rng.permutation(1000)[:6] / 1000))
    return images


@settings(deadline=None, max_examples=25)
@given(SEED)
def test_average_precision_equals_monai(seed):
    coco = pytest.importorskip("monai.apps.detection.metrics.coco")
    matching = pytest.importorskip("monai.apps.detection.metrics.matching")
    boxes = pytest.importorskip("monai.data.box_utils")
    images = random_images(seed)
    metric = coco.COCOMetric(
        ["a"], iou_list=(0.5, 0.75), iou_range=(0.5, 0.95, 0.05), max_detection=(100,), verbose=False
    )
    results = matching.matching_batch(
        iou_fn=lambda a, b: np.asarray(boxes.box_iou(a, b)),
        iou_thresholds=metric.iou_thresholds,
        pred_boxes=[i.boxes for i in images],
        pred_classes=[np.zeros(len(i.boxes), int) for i in images],
        pred_scores=[i.scores for i in images],
        gt_boxes=[i.reference for i in images],
        gt_classes=[np.zeros(len(i.reference), int) for i in images],
    )

    theirs = metric(results)[0]

    # known disagreement: a recall that equals one of the 101 steps is rounded to either side of it, at most one step
    expected = [theirs["AP_IoU_0.50_MaxDet_100"], theirs["AP_IoU_0.75_MaxDet_100"]]
    np.testing.assert_allclose(average_precision(images, (0.5, 0.75)), expected, atol=1 / 101)


@settings(deadline=None, max_examples=40)
@given(SEED)
def test_froc_equals_monai_but_for_the_lowest_score(seed):
    monai = pytest.importorskip("monai.metrics")
    rng = np.random.default_rng(seed)
    hits, false = np.split(rng.permutation(1000)[:20] / 1000 + 0.001, [8])
    curve = froc([Scan(hits, false, 10), *[Scan(np.zeros(0), np.zeros(0), 0)] * 4])

    rates, sensitivity = monai.compute_froc_curve_data(false, hits, 10, 5)

    # known disagreement: MONAI leaves out the lowest score and ends with a point at 0 instead
    ours = {(f, s) for f, s in zip(curve.false_per_scan, curve.sensitivity, strict=True)}
    assert {(f, s) for f, s in zip(rates, sensitivity, strict=True)} <= ours
    assert len(ours) - len(set(zip(rates, sensitivity, strict=True))) <= 1
    shared = (0.25, 0.5, 1.0)  # below the rate at which the lowest score comes in
    theirs = [monai.compute_froc_score(rates, sensitivity, (rate,)) for rate in shared]
    np.testing.assert_allclose(sensitivity_at(curve, shared), theirs)


# --- classification --------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(SEED, st.sampled_from([2, 4]), st.integers(2, 30))
def test_classification_equals_scikit_learn_with_ties(seed, k, n):
    rng = np.random.default_rng(seed)
    labels = np.append(np.arange(k), rng.integers(k, size=n))  # every class occurs
    p = np.round(rng.dirichlet(np.full(k, 0.5), len(labels)), 1) + 0.01  # many equal scores
    p /= p.sum(1, keepdims=True)
    predicted, ours = p.argmax(1), summarise_classification(labels, p)

    scores = p[:, 1] if k == 2 else p
    assert ours["accuracy"] == pytest.approx(sklearn.accuracy_score(labels, predicted))
    assert ours["balanced_accuracy"] == pytest.approx(sklearn.balanced_accuracy_score(labels, predicted))
    assert ours["roc_auc"] == pytest.approx(sklearn.roc_auc_score(labels, scores, multi_class="ovr"))
    assert ours["log_loss"] == pytest.approx(sklearn.log_loss(labels, p))
    positives = [1] if k == 2 else range(k)
    each = [sklearn.average_precision_score(labels == c, p[:, c]) for c in positives]
    assert ours["average_precision"] == pytest.approx(np.mean(each))
    matrix = confusion_matrix(labels, predicted, k)
    np.testing.assert_array_equal(matrix, sklearn.confusion_matrix(labels, predicted, labels=range(k)))


# --- numbers and images ----------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(SEED, st.integers(3, 40), st.floats(1e-3, 1e6))
def test_regression_equals_scikit_learn_and_scipy(seed, n, scale):
    rng = np.random.default_rng(seed)
    reference, prediction = rng.normal(5, 2, n) * scale, rng.normal(5, 2, n) * scale
    ours = summarise_regression(reference, prediction)

    assert ours["mse"] == pytest.approx(sklearn.mean_squared_error(reference, prediction))
    assert ours["rmse"] == pytest.approx(sklearn.root_mean_squared_error(reference, prediction))
    assert ours["r2"] == pytest.approx(sklearn.r2_score(reference, prediction))
    assert ours["explained_variance"] == pytest.approx(sklearn.explained_variance_score(reference, prediction))
    assert ours["pearson_r"] == pytest.approx(stats.pearsonr(reference, prediction).statistic)
    # known disagreement: scikit-image has no normalisation by the deviation, and calls max - min "min-max"
    names = {"minmax": "min-max", "euclidean": "euclidean", "mean": "mean"}
    assert set(NORMALISATIONS) - set(names) == {"std"}
    for name, theirs in names.items():
        expected = skimage.normalized_root_mse(reference, prediction, normalization=theirs)
        assert nrmse(reference, prediction, name) == pytest.approx(expected)


@settings(deadline=None, max_examples=20)
@given(SEED, st.sampled_from([(16, 13), (11, 12, 13)]), st.floats(1e-2, 1e4))
def test_reconstruction_equals_scikit_image_for_every_range(seed, shape, span):
    rng = np.random.default_rng(seed)
    reference = rng.random(shape) * span
    prediction = reference + rng.normal(0, 0.2 * span, shape)
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    # known disagreement: without a range scikit-image takes that of the data type, here it is that of the reference
    top = float(np.ptp(reference))

    for ours, theirs in (
        (psnr(reference, prediction), skimage.peak_signal_noise_ratio(reference, prediction, data_range=top)),
        (ssim_uniform(reference, prediction), skimage.structural_similarity(reference, prediction, data_range=top)),
        (ssim(reference, prediction), skimage.structural_similarity(reference, prediction, data_range=top, **wang)),
    ):
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(SEED, st.permutations(range(3)))
def test_similarity_ignores_the_order_of_axes(seed, order):
    rng = np.random.default_rng(seed)
    pair = rng.random((2, 11, 12, 13))

    for score in (psnr, ssim, ssim_uniform):
        assert score(*(a.transpose(order) for a in pair)) == pytest.approx(score(*pair))


# --- uncertainty -----------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(hnp.arrays(np.float64, (2, 3, 4), elements=st.floats(0.001, 0.999)))
def test_uncertainty_equals_scipy(samples):
    mean = samples.mean(0)

    np.testing.assert_allclose(uncertainty.entropy(samples, eps=0), stats.entropy([mean, 1 - mean]), atol=1e-9)
    # the mutual information of two equally likely samples is their Jensen-Shannon divergence, scipy gives its root
    expected = jensenshannon([samples[0], 1 - samples[0]], [samples[1], 1 - samples[1]]) ** 2
    np.testing.assert_allclose(uncertainty.mutual_information(samples), np.nan_to_num(expected), atol=1e-9)


@settings(deadline=None, max_examples=20)
@given(hnp.arrays(np.float64, (4, 5, 6), elements=st.floats(0.001, 1)))
def test_variance_equals_monai(samples):
    monai, torch = pytest.importorskip("monai.metrics"), pytest.importorskip("torch")

    # known disagreement: MONAI takes every 0 for 0.0005, in the caller's own tensor
    tensor = torch.from_numpy(samples[:, None].copy())
    theirs = monai.compute_variance(tensor, include_background=True, spatial_map=True)

    np.testing.assert_allclose(uncertainty.variance(samples), np.squeeze(theirs.numpy()), atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(hnp.arrays(bool, (3, 6, 7)))
def test_structures_are_the_components_of_scipy(samples):
    found = uncertainty.structure_uncertainty(samples.astype(float), mask=samples[0], min_voxels=1)

    expected, count_ = ndimage.label(samples[0], np.ones((3, 3)))
    assert len(found.iou) == count_
    assert joint_histogram(found.labels, expected).astype(bool).sum() == len(np.unique(expected))
