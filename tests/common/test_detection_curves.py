"""Curves of detectors: their points are those of scikit-learn and of the scores, and the ring is at the threshold."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from zoo.common.detection.curves import detection_curves
from zoo.common.metrics.curves import curve_rows, draw_curve


def evidence(rng: np.random.Generator, boxes: int = 12, references: int = 4) -> dict[str, np.ndarray]:
    """One picture's evidence: every reference hit by one box, the rest false, scores with ties."""
    is_hit = np.zeros((11, boxes), bool)
    is_hit[:, rng.permutation(boxes)[:references]] = True
    scores = np.round(rng.random(boxes), 1)
    return {
        "labels": np.zeros(boxes, int),
        "scores": scores,
        "is_hit": is_hit,
        "is_aside": np.zeros(boxes, bool),
        "references": np.array([references]),
        "hits": scores[is_hit[0]],
        "false": scores[~is_hit[0]],
        "lesions": np.array(references),
    }


@pytest.mark.parametrize("seed", range(5))
def test_precision_over_recall_is_that_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    cases = [evidence(rng) for _ in range(6)]
    truth, scores = np.concatenate([c["is_hit"][1] for c in cases]), np.concatenate([c["scores"] for c in cases])

    points = detection_curves(cases, ("nodule",), 0.5)["precision_recall"].lines["nodule, IoU 0.5"]

    precision, recall, thresholds = precision_recall_curve(truth, scores)
    np.testing.assert_allclose(points[1:, 2], thresholds[::-1])
    np.testing.assert_allclose(points[:, 0], np.append(recall[:-1], 0)[::-1])
    np.testing.assert_allclose(points[1:, 1], precision[:-1][::-1])


def test_the_ring_is_what_is_found_and_what_is_false_at_the_threshold():
    cases = [evidence(np.random.default_rng(seed)) for seed in range(6)]
    hits, false = (np.concatenate([c[name] for c in cases]) for name in ("hits", "false"))

    curves = detection_curves(cases, ("nodule",), 0.45)

    assert curves["froc"].working["by centres"] == pytest.approx(((false >= 0.45).sum() / 6, (hits >= 0.45).mean()))
    recall, precision = curves["precision_recall"].working["nodule, IoU 0.3"]
    assert recall == pytest.approx((hits >= 0.45).mean())
    assert precision == pytest.approx((hits >= 0.45).sum() / ((hits >= 0.45).sum() + (false >= 0.45).sum()))


def test_a_box_aside_counts_only_where_it_hits():
    case = evidence(np.random.default_rng(0))
    aside = {**case, "is_aside": ~case["is_hit"][0]}

    points = detection_curves([aside], ("nodule",), 0.5)["precision_recall"].lines["nodule, IoU 0.5"]

    assert (points[:, 1] == 1).all()


def test_of_several_classes_each_with_references_has_a_line():
    case = {**evidence(np.random.default_rng(0)), "references": np.array([4, 0, 2])}

    assert list(detection_curves([case], ("a", "b", "c"), 0.5)["precision_recall"].lines) == [
        "a, IoU 0.5",
        "c, IoU 0.5",
    ]


@pytest.mark.parametrize("boxes", [12, 0])
def test_curves_are_drawn_and_listed_also_where_nothing_was_found(boxes):
    case = evidence(np.random.default_rng(0), boxes, min(boxes, 4)) | {
        "references": np.array([4]),
        "lesions": np.array(4),
    }

    curves = detection_curves([case], ("nodule",), 0.5)

    assert all(draw_curve(curve).axes for curve in curves.values())
    assert {row["curve"] for row in curve_rows(curves)} == {"froc", "precision_recall"}


def test_without_any_reference_there_is_no_line_and_no_error():
    case = evidence(np.random.default_rng(0), 5, 0)

    curves = detection_curves([case], ("nodule",), 0.5)

    assert [curve.lines for curve in curves.values()] == [{}, {}]
    assert draw_curve(curves["froc"]).axes
