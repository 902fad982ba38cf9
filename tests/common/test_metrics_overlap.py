"""Overlap scores: known answers, hand-computed cases, peers where they agree."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zoo.common.metrics import overlap
from zoo.common.metrics.confusion import Counts, count, count_labels

from . import known_answers

HAND = Counts(tp=3, fp=1, tn=11, fn=1)
UNEVEN = Counts(tp=2, fp=0, tn=12, fn=2)
NAMES = {"auc_single_threshold": "balanced_accuracy"}
BY_HAND = {
    "dice": (6 / 8, 4 / 6),
    "jaccard": (3 / 5, 2 / 4),
    "sensitivity": (3 / 4, 2 / 4),
    "specificity": (11 / 12, 1.0),
    "precision": (3 / 4, 1.0),
    "accuracy": (14 / 16, 14 / 16),
    "mcc": (32 / 48, 24 / math.sqrt(2 * 4 * 12 * 14)),
    "kappa": (2 / 3, (14 / 16 - 176 / 256) / (1 - 176 / 256)),
    "volume_similarity": (1.0, 2 / 3),
    "relative_volume_difference": (0.0, -0.5),
}
MASK = hnp.arrays(bool, (4, 4))


@pytest.mark.parametrize("name", BY_HAND)
def test_scores_by_hand(name):
    assert (getattr(overlap, name)(HAND), getattr(overlap, name)(UNEVEN)) == pytest.approx(BY_HAND[name])


@pytest.mark.parametrize(("case", "name", "value"), known_answers.answers("segmentation_overlap"))
def test_known_answers(case, name, value):
    if name.startswith("soft_dice"):
        arrays = [known_answers.array(case["inputs"][side]) for side in ("reference", "prediction")]
        assert overlap.soft_dice(*arrays) == pytest.approx(value, rel=1e-6)
        return
    counts = count(*known_answers.masks(case))
    if name.startswith("f_beta"):
        assert overlap.f_beta(counts, float(name.rsplit("_", 1)[1])) == pytest.approx(value, rel=1e-6)
    elif name in ("tp", "fp", "tn", "fn"):
        assert getattr(counts, name) == value
    elif hasattr(overlap, NAMES.get(name, name)):
        assert getattr(overlap, NAMES.get(name, name))(counts) == pytest.approx(float(value), rel=1e-6, nan_ok=True)
    # the others: test_metrics_agreement.py


@pytest.mark.parametrize(("case", "name", "value"), known_answers.answers("edge_cases", "recommended"))
def test_known_answers_of_empty_masks(case, name, value):
    if not hasattr(overlap, name):
        return  # test_metrics_agreement.py and test_metrics_surface.py
    wanted = float(str(value).split()[0])

    assert getattr(overlap, name)(count(*known_answers.masks(case))) == pytest.approx(wanted, nan_ok=True)


@pytest.mark.parametrize("empty", [0.0, 1.0])
@pytest.mark.parametrize("name", ["dice", "jaccard", "sensitivity", "precision", "volume_similarity", "kappa", "mcc"])
def test_empty_masks_get_what_the_policy_says(name, empty):
    assert getattr(overlap, name)(Counts(0, 0, 16, 0), empty=empty) == empty


def test_a_miss_is_zero_under_every_policy():
    assert overlap.dice(Counts(0, 0, 12, 4), empty=1.0) == 0


def test_kappa_of_ten_thousand_million_voxels_does_not_overflow():
    big, small = Counts(3 * 10**9, 10**9, 11 * 10**9, 10**9), HAND

    assert overlap.kappa(big) == pytest.approx(overlap.kappa(small))
    assert overlap.mcc(big) == pytest.approx(overlap.mcc(small))


def test_generalised_dice_weighs_small_labels_more():
    large, small = Counts(8, 0, 8, 0), Counts(1, 1, 13, 1)

    assert overlap.generalised_dice([large, small]) == pytest.approx(2 * (8 / 64 + 1 / 4) / (16 / 64 + 4 / 4))


@given(MASK, MASK)
def test_dice_is_symmetric_and_bounds_jaccard(first, second):
    forth, back = count(first, second), count(second, first)

    assert overlap.dice(forth, empty=1) == overlap.dice(back, empty=1)
    assert overlap.jaccard(forth, empty=1) <= overlap.dice(forth, empty=1) <= 1


@settings(deadline=None)
@given(MASK, MASK)
def test_scikit_learn_agrees_where_both_are_defined(first, second):
    metrics = pytest.importorskip("sklearn.metrics")
    counts = count(first, second)
    labels = (first.ravel(), second.ravel())

    # known disagreement: scikit-learn gives 0 where a denominator is 0, and for MCC with a constant mask
    assert overlap.dice(counts, empty=0) == pytest.approx(metrics.f1_score(*labels, zero_division=0))
    assert overlap.mcc(counts, empty=0) == pytest.approx(metrics.matthews_corrcoef(*labels), abs=1e-12)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_monai_agrees_on_generalised_dice(seed):
    monai, torch = pytest.importorskip("monai.metrics"), pytest.importorskip("torch")
    pair = np.random.default_rng(seed).integers(0, 4, (2, 9, 9))
    pair[0, 0, :3] = (1, 2, 3)
    one_hot = [torch.from_numpy(np.stack([m == k for k in range(4)])[None].astype(np.float32)) for m in pair]

    theirs = monai.compute_generalized_dice(one_hot[1], one_hot[0], include_background=False, sum_over_classes=True)

    ours = overlap.generalised_dice(count_labels(*pair, [1, 2, 3]))
    assert ours == pytest.approx(float(theirs.squeeze()), abs=1e-5)  # theirs is float32
