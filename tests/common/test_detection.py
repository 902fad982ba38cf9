"""What detectors share: boxes there and back, training pieces, scores by centres, the blob baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module

import numpy as np
import pytest

from zoo.common.answers.boxes import Boxes
from zoo.common.boxes import iou
from zoo.common.detection.baseline import BlobDetector
from zoo.common.detection.canvas import Piece, move_boxes, move_discs, on_canvas, placement
from zoo.common.detection.pieces import PieceAugmentation, random_piece
from zoo.common.detection.scores import PooledScores, centre_scan, counts, evidence_of, summarise
from zoo.common.detection.slices import merge_slices
from zoo.common.errors import DataError, InputError
from zoo.common.metrics.average_precision import Detections
from zoo.common.transforms.pictures import invert_affine
from zoo.common.types import Case, Image, Sample
from zoo.models.lungnodules_detection.config import VARIANTS

USUAL = PieceAugmentation()
TINY_DETECTOR = VARIANTS["tiny"]


@dataclass(frozen=True)
class Settings:
    """A configuration of the way in."""

    input_channels: int = 1
    input_size: tuple[int, int] = (64, 96)
    pixel_mm: float = 1.0
    window_hu: tuple[float, ...] = (-1000.0, 400.0)
    crop_dark: bool = True
    beyond: float = 0.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    patch_size: tuple[int, ...] = ()
    discs: bool = False


def blob(centre: tuple[float, float], radius: float, size: tuple[int, int] = (60, 80), ground: float = 60.0) -> Sample:
    """Draw one bright disc on grey; its box is exact."""
    y, x = np.mgrid[: size[0], : size[1]]
    inside = (x + 0.5 - centre[0]) ** 2 + (y + 0.5 - centre[1]) ** 2 < radius**2
    array = np.where(inside, 220.0, ground).astype(np.float32)[None]
    box = [0, centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius]
    return Sample(Image(array, name="blob"), {"boxes": np.array([box])})


@pytest.mark.parametrize("spacing", [None, (0.5, 0.5), (2.0, 2.0)])
@pytest.mark.parametrize("pixel_mm", [0.0, 1.0])
def test_boxes_return_from_the_canvas(pixel_mm, spacing):
    image = replace(blob((30.0, 20.0), 6).image, spacing_mm=spacing)
    boxes = np.array([[3, 4, 9, 12], [30, 20, 31, 50.0]])
    matrix = placement(image, Settings(pixel_mm=pixel_mm))

    np.testing.assert_allclose(move_boxes(move_boxes(boxes, matrix), invert_affine(matrix)), boxes, atol=1e-9)


def test_a_disc_is_where_its_moved_box_is():
    sample = blob((30.0, 20.0), 8)
    config = Settings(pixel_mm=0.0, crop_dark=False)

    canvas = on_canvas(sample.image, config)[0]
    x1, y1, x2, y2 = move_boxes(sample.labels["boxes"][:, 1:], placement(sample.image, config))[0]

    rows, columns = np.nonzero(canvas > 0.6)
    assert (columns.min(), columns.max() + 1) == pytest.approx((x1, x2), abs=1)
    assert (rows.min(), rows.max() + 1) == pytest.approx((y1, y2), abs=1)


def test_millimetres_set_the_size_on_the_canvas():
    image = replace(blob((30.0, 20.0), 6).image, spacing_mm=(0.5, 0.5))

    assert placement(image, Settings())[0, 0] == pytest.approx(0.5)


def test_a_large_picture_is_shrunk_into_the_canvas():
    sample = blob((300.0, 200.0), 60, size=(600, 800))

    moved = move_boxes(sample.labels["boxes"][:, 1:], placement(sample.image, Settings()))

    assert (moved >= 0).all()
    assert (moved <= [96, 64, 96, 64]).all()


def test_the_dark_border_is_left_out():
    array = np.zeros((1, 200, 300), np.float32)
    array[:, 90:120, 200:250] = 100

    canvas = on_canvas(Image(array), Settings())[0]

    assert (canvas > 0.3).sum() == 30 * 50


def test_other_axes_are_refused_by_name():
    with pytest.raises(InputError, match=r"scan: 5 axes"):
        placement(Image(np.zeros((1, 2, 4, 8, 8), np.float32), name="scan"), Settings())


def test_hounsfield_units_go_through_the_window():
    picture = blob((30.0, 20.0), 6).image
    ct = replace(picture, array=picture.array / 255 * 1400 - 1000)

    np.testing.assert_allclose(on_canvas(ct, Settings()), on_canvas(picture, Settings()), atol=1e-5)


def test_slices_of_a_volume_lie_where_each_lay_alone():
    picture = blob((30.0, 20.0), 6).image
    volume = replace(picture, array=np.stack([picture.array, picture.array * 0.5], axis=1))

    canvas = on_canvas(volume, Settings())

    assert canvas.shape == (1, 2, 64, 96)
    np.testing.assert_allclose(canvas[:, 0], on_canvas(picture, Settings()))


@pytest.mark.parametrize("discs", [False, True])
@pytest.mark.parametrize("patch", [(), (32, 48)])
@pytest.mark.parametrize("seed", range(4))
def test_pieces_show_their_boxes(seed, patch, discs):
    sample = blob((30.0, 22.0), 6)

    piece = random_piece(sample, Settings(patch_size=patch, discs=discs), USUAL, np.random.default_rng(seed))

    assert piece.image.size == (patch or (64, 96))
    for _, x1, y1, x2, y2 in piece.labels["boxes"]:
        centre = piece.image.array[0, int(min((y1 + y2) / 2, piece.image.size[0] - 1)), int((x1 + x2) / 2)]
        assert centre > 130


def test_equal_generators_give_equal_pieces():
    sample = blob((30.0, 22.0), 6)

    first, second = (
        random_piece(sample, Settings(patch_size=(32, 32)), USUAL, np.random.default_rng(5)) for _ in range(2)
    )

    np.testing.assert_array_equal(first.image.array, second.image.array)
    np.testing.assert_array_equal(first.labels["boxes"], second.labels["boxes"])


def test_a_box_mostly_outside_the_piece_is_dropped():
    sample = blob((30.0, 22.0), 6)
    config = Settings(patch_size=(16, 16), discs=True)

    pieces = [random_piece(sample, config, USUAL, np.random.default_rng(seed)) for seed in range(40)]

    kept = np.vstack([piece.labels["boxes"] for piece in pieces])
    assert (kept[:, 1:] >= 0).all()
    assert (kept[:, 1:] <= 16).all()
    assert 0 < len(kept) < 40


def test_turning_a_disc_keeps_its_box_upright():
    turn = np.array([[0.6, -0.8, 5.0], [0.8, 0.6, 0.0]])

    (moved,) = move_discs(np.array([[10, 10, 20, 20.0]]), turn)

    assert (moved[2] - moved[0], moved[3] - moved[1]) == pytest.approx((10, 10))


def test_a_piece_is_not_placed_again():
    array = np.full((1, 32, 32), 51, np.float32)

    np.testing.assert_allclose(on_canvas(Piece(array), Settings()), array / 255)


def test_boxes_of_neighbouring_slices_are_one_object():
    none = (np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))
    disc = np.array([[10, 10, 20, 20.0]])
    slices = [none, (disc, [0], [0.5]), (disc + 1, [0], [1.0]), none, none, none, (disc, [0], [0.4])]

    boxes, labels, scores = merge_slices(slices, (4.0, 1.0, 1.0))

    np.testing.assert_allclose(boxes[0], [10 + 2 / 3, 10 + 2 / 3, 20 + 2 / 3, 20 + 2 / 3, 1, 3])
    np.testing.assert_allclose(boxes[1], [10, 10, 20, 20, 6, 7])
    assert (labels.tolist(), scores.tolist()) == ([0, 0], [1.0, 0.4])


def test_objects_of_other_classes_are_not_merged():
    disc = np.array([[10, 10, 20, 20.0]])

    boxes, labels, _ = merge_slices([(disc, [0], [0.5]), (disc, [1], [0.9])], None)

    assert (len(boxes), sorted(labels)) == (2, [0, 1])


def test_a_volume_without_boxes_has_no_object():
    none = (np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))

    boxes, _, _ = merge_slices([none, none], (1.0, 1.0, 1.0))

    assert boxes.shape == (0, 6)


def found(rows: list[list[float]], scores: list[float]) -> Boxes:
    boxes = np.array(rows, np.float64).reshape(-1, 4)
    return Boxes(blob((30.0, 20.0), 6).image, ("nodule",), boxes, np.zeros(len(boxes), int), np.array(scores))


def test_the_best_of_two_hits_timesand_the_other_passes():
    truth = np.array([[10, 10, 20, 20.0]])
    scan = centre_scan(Detections(truth, np.array([[11, 11, 19, 19], [12, 12, 20, 20.0]]), np.array([0.4, 0.9])))

    assert (scan.hits.tolist(), scan.false.tolist(), scan.n_lesions) == ([0.9], [], 1)


def test_timesare_taken_at_the_threshold():
    sample = blob((30.0, 20.0), 6)
    prediction = found([[24, 14, 36, 26], [60, 40, 66, 46], [1, 1, 5, 5]], [0.9, 0.5, 0.1])

    assert counts(prediction, sample, 0.3) == {"references": 1.0, "found": 1.0, "false_positives": 1.0}


def test_ignored_regions_are_no_false_positives():
    sample = blob((30.0, 20.0), 6)
    sample = replace(sample, labels={**sample.labels, "ignored": np.array([[58, 38, 68, 48.0]])})
    prediction = found([[24, 14, 36, 26], [60, 40, 66, 46]], [0.5, 0.9])

    scores = summarise([evidence_of(prediction, sample)], ("nodule",))

    assert scores["ap50"] == pytest.approx(1)
    assert scores["sensitivity_at_0.125"] == pytest.approx(1)


def test_pooled_scores_are_those_of_all_pictures_together():
    sample = blob((30.0, 20.0), 6)
    hit, miss = found([[24, 14, 36, 26]], [0.9]), found([[60, 40, 66, 46]], [0.95])

    scores = summarise([evidence_of(p, sample) for p in (hit, miss)], ("nodule",))

    assert scores["ap50"] == pytest.approx(0.5 * 51 / 101)  # recall 0.5 at precision 0.5
    assert scores["sensitivity_at_0.5"] == pytest.approx(0.5)


def test_nothing_found_anywhere_scores_zero():
    scores = summarise([evidence_of(found([], []), blob((30.0, 20.0), 6))], ("nodule",))

    assert (scores["ap"], scores["cpm"]) == (0, 0)


def test_blob_detector_finds_a_blob_of_the_trained_size():
    training = [blob((20.0 + i, 20.0), 6) for i in range(4)]
    boxes, labels, scores = BlobDetector.fit(training, 1).find(blob((50.0, 30.0), 6).image)

    assert iou(boxes[:1], np.array([[44, 24, 56, 36.0]]))[0, 0] > 0.6
    assert (labels == 0).all()
    assert (np.diff(scores) <= 0).all()


def test_blob_detector_needs_boxes():
    empty = replace(blob((20.0, 20.0), 6), labels={"boxes": np.zeros((0, 5))})

    with pytest.raises(DataError, match="no box"):
        BlobDetector.fit([empty], 1)


@pytest.mark.parametrize("seed", range(3))
def test_a_draw_by_counts_is_the_draw_of_repeated_pictures(seed):
    rng = np.random.default_rng(seed)
    sample = blob((30.0, 20.0), 6)
    near = [[24, 14, 36, 26], [25, 15, 38, 27], [60, 40, 66, 46], [1, 1, 5, 5]]
    evidence = []
    for _ in range(7):
        rows = [near[i] for i in rng.permutation(4)[: rng.integers(5)]]
        evidence.append(evidence_of(found(rows, rng.random(len(rows))), sample))
    times = rng.integers(0, 4, 7)

    weighed = PooledScores(evidence, ("nodule",)).summary(times)
    repeated = summarise([e for e, n in zip(evidence, times, strict=True) for _ in range(n)], ("nodule",))

    assert weighed == pytest.approx(repeated, abs=1e-12)


def test_sizes_are_told_apart_at_one_false_positive_per_picture():
    truth = np.array([[0, 0, 0, 4, 4], [0, 10, 10, 17, 16], [0, 30, 30, 38, 38], [0, 45, 45, 55, 55.0]])
    image = Image(np.zeros((1, 60, 80), np.float32), name="slice")
    boxes = np.array([[0, 0, 4, 4], [30, 30, 38, 38], [45, 45, 55, 55], [60, 20, 70, 30], [60, 40, 70, 50.0]])
    scores = np.array([0.2, 0.9, 0.5, 0.6, 0.4])  # the second false positive, 0.4, is one too many
    answer = Boxes(image, ("nodule",), boxes, np.zeros(5, int), scores)

    found = summarise([evidence_of(answer, Sample(image, {"boxes": truth}, "p"))], ("nodule",), (5, 8))

    assert found["sensitivity_at_1_under_5_px"] == 0
    assert found["sensitivity_at_1_5_to_8_px"] == 0
    assert found["sensitivity_at_1_from_8_px"] == 1  # a size on a bound belongs to the larger


@pytest.mark.parametrize(("objects", "allowed"), [(1, 1), (12, 3)])
def test_pictures_with_many_objects_may_show_more_false_boxes(objects, allowed):
    algorithm = import_module("zoo.models.lungnodules_detection.algorithm").LungNodulesDetection(TINY_DETECTOR)
    false = np.round(np.linspace(0.9, 0.1, 9), 1)
    evidence = {"hits": np.full(objects, 0.95), "false": false, "lesions": np.array(objects)}

    chosen = algorithm.operating_point([Case({}, evidence)])["threshold"]

    assert (false >= chosen).sum() == allowed
