"""COCO's average precision from stored evidence: pycocotools' numbers, bootstrap draws, regions that do not count."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from zoo.common.boxes import to_corner_size
from zoo.common.metrics.average_precision import COCO_THRESHOLDS, Detections, PooledPrecision, join, match_image

BOX = np.array([[0, 0, 10, 10.0]])


def draw_image(rng: np.random.Generator, classes: int, *, ties: bool) -> Detections:
    """Draw up to 12 references and boxes that are copies of them, moved, dropped or doubled, or invented."""
    reference = rng.integers(0, 60, (rng.integers(0, 12), 2)).astype(float)
    reference = np.hstack([reference, reference + rng.integers(4, 20, reference.shape)])
    moved = np.repeat(reference, 2, axis=0) + rng.integers(-2, 3, (2 * len(reference), 4))
    invented = rng.integers(0, 60, (rng.integers(0, 6), 2)).astype(float)
    boxes = np.vstack([moved[rng.random(len(moved)) < 0.6], np.hstack([invented, invented + 9])])
    scores = rng.integers(1, 8, len(boxes)) / 8 if ties else rng.permutation(len(boxes)) + rng.random(len(boxes))
    labels = (rng.integers(0, classes, len(reference)), rng.integers(0, classes, len(boxes)))
    return Detections(reference, boxes, scores, *labels)


def pycocotools_table(images: list[Detections], classes: int) -> np.ndarray:
    """Compute the same with pycocotools, (thresholds, classes); nan where it says -1."""
    coco = pytest.importorskip("pycocotools.coco").COCO()
    evaluation = pytest.importorskip("pycocotools.cocoeval").COCOeval
    truth, found = [], []
    for number, image in enumerate(images, start=1):
        for rows, labels, scores in (
            (image.reference, image.reference_labels, None),
            (image.boxes, image.labels, image.scores),
        ):
            for i, (x, y, w, h) in enumerate(to_corner_size(rows)):
                row = {"image_id": number, "category_id": int(labels[i]) + 1, "bbox": [x, y, w, h], "area": w * h}
                (truth if scores is None else found).append(
                    row | ({"iscrowd": 0, "id": len(truth) + 1} if scores is None else {"score": float(scores[i])})
                )
    coco.dataset = {
        "images": [{"id": n + 1} for n in range(len(images))],
        "annotations": truth,
        "categories": [{"id": c + 1} for c in range(classes)],
        "info": {},
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        run = evaluation(coco, coco.loadRes(found), "bbox")
        run.params.areaRng, run.params.areaRngLbl, run.params.maxDets = [[0, 1e30]], ["all"], [100]
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"][:, :, :, 0, 0]
    return np.where((precision > -1).all(axis=1), precision.mean(axis=1), np.nan)


def evidence_of(images: list[Detections], classes: int):
    return join([match_image(image, classes) for image in images])


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_random_boxes_score_as_in_pycocotools(seed, ties):
    rng = np.random.default_rng(seed)
    images = [draw_image(rng, 3, ties=ties) for _ in range(25)]

    found = PooledPrecision(evidence_of(images, 3)).table()

    np.testing.assert_allclose(found, pycocotools_table(images, 3), atol=1e-12)


def test_an_image_that_counts_twice_scores_as_two_images():
    rng = np.random.default_rng(7)
    images = [draw_image(rng, 2, ties=False) for _ in range(12)]
    counts = rng.integers(0, 4, 12)

    weighted = PooledPrecision(evidence_of(images, 2)).table(counts)

    repeated = [image for image, count in zip(images, counts, strict=True) for _ in range(count)]
    np.testing.assert_allclose(weighted, PooledPrecision(evidence_of(repeated, 2)).table(), atol=1e-12)


def test_a_box_in_an_ignored_region_is_neither_right_nor_wrong():
    boxes, scores = np.vstack([BOX + 50, BOX]), np.array([0.9, 0.8])

    plain = PooledPrecision(evidence_of([Detections(BOX, boxes, scores)], 1)).table()
    ignored = PooledPrecision(evidence_of([Detections(BOX, boxes, scores, ignored=BOX + 50)], 1)).table()

    assert (plain[0, 0], ignored[0, 0]) == pytest.approx((0.5, 1.0))


def test_a_hit_counts_even_inside_an_ignored_region():
    table = PooledPrecision(evidence_of([Detections(BOX, BOX, np.ones(1), ignored=BOX)], 1)).table()

    assert (table == 1).all()


def test_classes_without_references_are_undefined_and_without_boxes_zero():
    evidence = evidence_of([Detections(BOX, np.zeros((0, 4)), np.zeros(0), np.array([1]))], 3)

    table = PooledPrecision(evidence).table()

    assert table.shape == (len(COCO_THRESHOLDS), 3)
    assert np.isnan(table[:, [0, 2]]).all()
    assert (table[:, 1] == 0).all()


def test_only_the_best_hundred_boxes_of_an_image_count():
    boxes = np.vstack([np.tile(BOX + 90, (100, 1)), BOX])

    evidence = match_image(Detections(BOX, boxes, np.r_[np.ones(100), 0.5]), 1)

    assert (len(evidence.scores), evidence.is_hit.any()) == (100, False)
