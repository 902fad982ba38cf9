"""Random masks scored here and by packages without shared code; known disagreements are named at their place."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage import measure as skimage_measure
from skimage import metrics as skimage
from sklearn import metrics as sklearn

from zoo.common.metrics import agreement, overlap, surface
from zoo.common.metrics.confusion import Counts, count, joint_histogram
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

MASK = hnp.arrays(bool, (4, 5, 3))
MAPS = hnp.arrays(np.int64, (6, 7), elements=st.integers(0, 3))
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
