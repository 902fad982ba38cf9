"""Agreement of partitions: known answers, hand-computed cases, peers where they agree."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from zoo.common.metrics import agreement
from zoo.common.metrics.confusion import count, joint_histogram

from . import known_answers

HALVES = np.repeat([[0, 0, 1, 1]], 4, axis=0)
ROWS = HALVES.T
MASK = hnp.arrays(np.uint8, (4, 4), elements={"max_value": 3})
FROM_TABLE = {
    "rand_index": agreement.rand_index,
    "adjusted_rand_index": agreement.adjusted_rand_index,
    "mutual_information_bits": agreement.mutual_information,
    "mutual_information_nats": lambda table: agreement.mutual_information(table, "nats"),
    "variation_of_information_bits": agreement.variation_of_information,
    "conditional_entropy_ref_given_pred_bits": lambda table: agreement.conditional_entropies(table)[0],
    "conditional_entropy_pred_given_ref_bits": lambda table: agreement.conditional_entropies(table)[1],
    "global_consistency_error_martin": agreement.global_consistency_error,
}
FROM_MASKS = {
    "icc_1_1": agreement.intraclass_correlation,
    "probabilistic_distance": agreement.probabilistic_distance,
    "mahalanobis": agreement.mahalanobis,
    "global_consistency_error_taha": lambda g, p: agreement.closed_consistency_error(count(g, p)),
}


def score(name, pair):
    if name in FROM_TABLE:
        return FROM_TABLE[name](joint_histogram(*pair))
    return FROM_MASKS[name](*pair) if name in FROM_MASKS else None


@pytest.mark.parametrize(("family", "key"), [("segmentation_overlap", "expected"), ("edge_cases", "recommended")])
def test_known_answers(family, key):
    parameters = known_answers.answers(family, key)
    if not parameters[0].values[1]:
        pytest.skip(f"{known_answers.FOLDER} is not on this machine")
    wrong = []
    for case, name, value in (parameter.values for parameter in parameters):
        wanted = float(str(value).split()[0])
        got = score(name, known_answers.masks(case)) if {name} & {*FROM_TABLE, *FROM_MASKS} else wanted
        if got != pytest.approx(wanted, rel=1e-6, abs=1e-6, nan_ok=True):
            wrong.append((case["inputs"], name, got, wanted))

    assert not wrong


def test_independent_halves_share_no_information():
    table = joint_histogram(HALVES, ROWS)

    assert agreement.mutual_information(table) == pytest.approx(0)
    assert agreement.variation_of_information(table) == pytest.approx(2)
    assert agreement.variation_of_information(table, "nats") == pytest.approx(2 * math.log(2))


def test_a_complement_is_the_same_partition():
    table = joint_histogram(HALVES, 1 - HALVES)

    assert agreement.adjusted_rand_index(table) == 1
    assert agreement.global_consistency_error(table) == 0
    assert agreement.closed_consistency_error(count(HALVES, 1 - HALVES)) == 1


def test_rand_index_by_hand():
    # 16 voxels in four quarters of 4: joined in both 4 * 6, in either 2 * 28, of 120 pairs
    assert agreement.rand_index(joint_histogram(HALVES, ROWS)) == pytest.approx((120 - 56 - 56 + 48) / 120)


def test_refining_a_map_is_no_inconsistency():
    assert agreement.global_consistency_error(joint_histogram(HALVES, 2 * HALVES + ROWS)) == 0


def test_pairs_of_ten_thousand_million_voxels_do_not_overflow():
    small, big = np.array([[11, 1], [1, 3]]), np.array([[11, 1], [1, 3]]) * 10**9

    assert -1 <= agreement.adjusted_rand_index(big) <= 1
    assert 0 < agreement.rand_index(big) < 1
    assert agreement.mutual_information(big) == pytest.approx(agreement.mutual_information(small))


@settings(deadline=None)
@given(MASK, MASK)
def test_scikit_learn_agrees(first, second):
    metrics = pytest.importorskip("sklearn.metrics")
    labels, table = (first.ravel(), second.ravel()), joint_histogram(first, second)

    assert agreement.adjusted_rand_index(table) == pytest.approx(metrics.adjusted_rand_score(*labels), abs=1e-9)
    assert agreement.rand_index(table) == pytest.approx(metrics.rand_score(*labels))
    # known disagreement: scikit-learn counts in nats
    theirs = metrics.mutual_info_score(*labels)
    assert agreement.mutual_information(table, "nats") == pytest.approx(theirs, abs=1e-9)


@given(MASK, MASK)
def test_agreement_is_symmetric(first, second):
    forth, back = joint_histogram(first, second), joint_histogram(second, first)

    for measure in (agreement.rand_index, agreement.variation_of_information, agreement.global_consistency_error):
        assert measure(forth) == pytest.approx(measure(back))
