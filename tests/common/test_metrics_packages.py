"""Random inputs scored here and by packages that share no code with the zoo; known disagreements are named there."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage, stats
from scipy.spatial.distance import jensenshannon
from skimage import measure as skimage_measure
from skimage import metrics as skimage
from sklearn import metrics as sklearn

from zoo.common.metrics import agreement, overlap, surface, uncertainty
from zoo.common.metrics.classification import confusion_matrix, summarise_classification
from zoo.common.metrics.confusion import Counts, count, joint_histogram
from zoo.common.metrics.detection import Detections, average_precision
from zoo.common.metrics.froc import Scan, froc, sensitivity_at
from zoo.common.metrics.instances import (
    Overlaps,
    aji,
    aji_plus,
    binary_dice,
    count_overlaps,
    dice2,
    lesion_rates,
    panoptic_quality,
)
from zoo.common.metrics.reconstruction import psnr, ssim, ssim_uniform
from zoo.common.metrics.regression import NORMALISATIONS, nrmse, summarise_regression

MASK = hnp.arrays(bool, (4, 5, 3))
MAPS = hnp.arrays(np.int64, (6, 7), elements=st.integers(0, 3))
SEED = st.integers(0, 2**32 - 1)
LARGE = st.integers(0, 10**10)
pytestmark = pytest.mark.filterwarnings("ignore")  # of the packages, about empty masks


# --- overlap ---------------------------------------------------------------------------------------------------------

MONAI_NAMES = {
    "sensitivity": overlap.sensitivity,
    "specificity": overlap.specificity,
    "precision": overlap.precision,
    "fall out": overlap.fallout,
    "miss rate": overlap.false_negative_rate,
    "accuracy": overlap.accuracy,
    "balanced accuracy": overlap.balanced_accuracy,
    "f1 score": overlap.dice,
    "threat score": overlap.jaccard,
    "matthews correlation coefficient": overlap.mcc,
}


@settings(deadline=None, max_examples=40)
@given(MASK, MASK)
def test_overlap_equals_monai(first, second):
    monai, torch = pytest.importorskip("monai.metrics"), pytest.importorskip("torch")
    r, p = (torch.from_numpy(mask[None, None].astype(np.float32)) for mask in (first, second))
    matrix = monai.get_confusion_matrix(p, r, include_background=True)
    counts = count(first, second)

    for name, ours in MONAI_NAMES.items():
        theirs = float(monai.compute_confusion_matrix_metric(name, matrix).squeeze())
        if not (math.isnan(theirs) or math.isnan(ours(counts))):  # both are nan for empty masks, but for MCC's zeros
            assert ours(counts) == pytest.approx(theirs, abs=1e-5), name  # theirs is float32


@settings(deadline=None, max_examples=40)
@given(MASK, MASK)
def test_overlap_equals_simpleitk(first, second):
    if not (first.any() and second.any()):
        return  # known disagreement: SimpleITK returns inf, 0 or its largest number for empty masks; here `empty`
    judge = SimpleITK.LabelOverlapMeasuresImageFilter()
    # the reference is its second argument, the target
    judge.Execute(*(SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in (second, first)))
    counts = count(first, second)

    assert overlap.dice(counts) == pytest.approx(judge.GetDiceCoefficient(1))
    assert overlap.jaccard(counts) == pytest.approx(judge.GetJaccardCoefficient(1))
    assert overlap.false_negative_rate(counts) == pytest.approx(judge.GetFalseNegativeError(1))
    # known disagreement: SimpleITK's volume similarity is signed, 2 (S - T) / (S + T)
    assert overlap.volume_similarity(counts) == pytest.approx(1 - abs(judge.GetVolumeSimilarity(1)) / 2)


@settings(deadline=None, max_examples=60)
@given(MASK, MASK)
def test_overlap_equals_scikit_learn(first, second):
    labels, counts = (first.ravel(), second.ravel()), count(first, second)

    for ours, theirs in (
        (overlap.jaccard, sklearn.jaccard_score),
        (overlap.sensitivity, sklearn.recall_score),
        (overlap.precision, sklearn.precision_score),
    ):
        assert ours(counts, empty=0) == pytest.approx(theirs(*labels, zero_division=0))
    assert overlap.f_beta(counts, 2.0, empty=0) == pytest.approx(sklearn.fbeta_score(*labels, beta=2, zero_division=0))
    assert overlap.accuracy(counts) == pytest.approx(sklearn.accuracy_score(*labels))
    if first.any() != first.all() or second.any() != second.all():
        return  # constant masks: scikit-learn's kappa is nan, here it is `empty`
    assert math.isnan(overlap.kappa(counts)) or overlap.kappa(counts) == pytest.approx(
        sklearn.cohen_kappa_score(*labels)
    )


@given(LARGE, LARGE, LARGE, LARGE)
def test_counts_of_ten_thousand_million_voxels_are_exact(tp, fp, tn, fn):
    c, n = Counts(tp, fp, tn, fn), tp + fp + tn + fn
    chance = Fraction((tp + fn) * (tp + fp) + (tn + fp) * (tn + fn), max(n, 1) ** 2)
    exact = {
        overlap.dice: (2 * tp, 2 * tp + fp + fn),
        overlap.jaccard: (tp, tp + fp + fn),
        overlap.specificity: (tn, tn + fp),
        overlap.volume_similarity: (2 * tp + fp + fn - abs(fn - fp), 2 * tp + fp + fn),
        overlap.kappa: (Fraction(tp + tn, max(n, 1)) - chance, 1 - chance),
    }

    for score, (part, whole) in exact.items():
        if n and whole:
            assert score(c) == pytest.approx(float(Fraction(part) / Fraction(whole)), rel=1e-12), score.__name__


@given(MASK, MASK, st.permutations(range(3)), st.integers(1, 3))
def test_overlap_ignores_axes_and_background_around(first, second, order, width):
    changed = [np.pad(mask.transpose(order), width) for mask in (first, second)]

    for score in (overlap.dice, overlap.jaccard, overlap.sensitivity, overlap.precision, overlap.volume_similarity):
        assert score(count(*changed), empty=1) == score(count(first, second), empty=1)


# --- agreement of partitions -----------------------------------------------------------------------------------------


@settings(deadline=None)
@given(MAPS, MAPS)
def test_partitions_equal_scikit_image(first, second):
    table = joint_histogram(first, second)

    theirs = skimage.variation_of_information(first, second)
    # scikit-image names the parts by what went wrong: (split, merged) for (prediction, reference)
    assert sorted(agreement.conditional_entropies(table)) == pytest.approx(sorted(theirs), abs=1e-9)
    assert agreement.variation_of_information(table) == pytest.approx(sum(theirs), abs=1e-9)


# --- surfaces in the plane -------------------------------------------------------------------------------------------

PLANES = hnp.arrays(bool, (2, 7, 6))


@settings(deadline=None, max_examples=15)
@given(PLANES)
def test_flat_surfaces_equal_monai(pair):
    monai, torch = pytest.importorskip("monai.metrics"), pytest.importorskip("torch")
    if not (pair[0].any() and pair[1].any()):
        return  # known disagreement: MONAI's HD95 is nan for a miss, here inf
    r, p = (torch.from_numpy(mask[None, None].astype(np.uint8)) for mask in pair)
    options, d = {"include_background": True, "spacing": (1.5, 0.6)}, surface.surface_distances(*pair, (1.5, 0.6))

    for ours, theirs in (
        (surface.hausdorff(d), monai.compute_hausdorff_distance(p, r, **options)),
        (surface.hausdorff_percentile(d), monai.compute_hausdorff_distance(p, r, percentile=95, **options)),
        (surface.assd(d), monai.compute_average_surface_distance(p, r, symmetric=True, **options)),
        (surface.surface_dice(d, 1.0), monai.compute_surface_dice(p, r, [1.0], **options)),
    ):
        assert ours == pytest.approx(float(theirs), rel=1e-4)


@settings(deadline=None, max_examples=30)
@given(PLANES, st.integers(1, 3))
def test_flat_surfaces_ignore_axes_and_background_around(pair, width):
    expected = surface.surface_distances(*pair, (1.5, 0.6))
    found = surface.surface_distances(*(np.pad(mask.T, width) for mask in pair), (0.6, 1.5))

    for score in (surface.hausdorff, surface.hausdorff_percentile, surface.assd, surface.masd):
        assert score(found) == pytest.approx(score(expected), nan_ok=True)


# --- instances and lesions -------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(MAPS, MAPS)
def test_panoptic_quality_equals_monai(reference, prediction):
    monai, torch = pytest.importorskip("monai.metrics"), pytest.importorskip("torch")
    if not (reference.any() and prediction.any()):
        return  # known disagreement: MONAI raises for empty maps; here 0, or what is asked for
    tensors = [torch.from_numpy(a) for a in (prediction, reference)]

    tp, fp, fn, total = monai.compute_panoptic_quality(*tensors, output_confusion_matrix=True).tolist()

    ours = panoptic_quality(count_overlaps(reference, prediction))
    assert (ours["tp"], ours["fp"], ours["fn"]) == (tp, fp, fn)
    assert ours["sq"] * ours["tp"] == pytest.approx(total, abs=1e-5)
    # known disagreement: MONAI adds 1e-6 to the denominator, so a perfect answer scores less than 1
    assert ours["pq"] == pytest.approx(total / (tp + fp / 2 + fn / 2), abs=1e-5)


@settings(deadline=None, max_examples=40)
@given(MAPS, MAPS)
def test_overlaps_equal_scikit_learns_contingency(reference, prediction):
    overlaps = count_overlaps(reference, prediction)

    table = sklearn.cluster.contingency_matrix(reference.ravel(), prediction.ravel())
    kept = table[int((reference == 0).any()) :, int((prediction == 0).any()) :]
    found = np.zeros(kept.shape, np.int64)
    found[overlaps.reference, overlaps.prediction] = overlaps.shared
    np.testing.assert_array_equal(found, kept)


@settings(deadline=None, max_examples=30)
@given(hnp.arrays(bool, (9, 8)), hnp.arrays(bool, (9, 8)))
def test_lesions_equal_those_of_scikit_image(reference, prediction):
    regions = skimage_measure.regionprops(skimage_measure.label(reference, connectivity=2))
    found = sum(bool(prediction[tuple(region.coords.T)].any()) for region in regions)

    scores = lesion_rates(reference, prediction)

    assert (scores["found"], scores["missed"]) == (found, len(regions) - found)


def test_areas_of_ten_thousand_million_pixels_do_not_overflow():
    small = count_overlaps(np.array([[1, 1, 0]]), np.array([[1, 0, 2]]))
    factor = 10**10

    large = Overlaps(
        small.reference_areas * factor,
        small.prediction_areas * factor,
        small.reference,
        small.prediction,
        small.shared * factor,
    )

    for score in (aji, aji_plus, dice2, binary_dice):
        assert score(large) == pytest.approx(score(small))
    assert large.iou.tolist() == [0.5]


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
