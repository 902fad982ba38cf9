"""LOD-Net: derivatives and their targets, the border, outlines in the picture, scores, the threshold."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

import zoo
from zoo.common.answers.instances import Instances
from zoo.common.errors import ConfigError, DataError, InputError
from zoo.common.types import Image, Sample
from zoo.models.lod_net.algorithm import LodNet
from zoo.models.lod_net.config import MASK_SIDE, VARIANTS
from zoo.models.lod_net.derivatives import DIRECTIONS, FLAT, RING, border
from zoo.models.lod_net.pasting import border_points, lay_out, paste

from .harness import perfect_prediction

SMALL, TINY = VARIANTS["small"], VARIANTS["tiny"]
SIZE = (60, 80)


def disc(radius: float = 10, centre: tuple[float, float] = (13.5, 13.5)) -> np.ndarray:
    y, x = np.mgrid[:MASK_SIDE, :MASK_SIDE]
    return ((x - centre[1]) ** 2 + (y - centre[0]) ** 2 <= radius**2).astype(np.float32)


def targets_of(framework: str, masks: np.ndarray, offsets: np.ndarray | None = None) -> np.ndarray:
    loss = import_module(f"zoo.models.lod_net.loss_{framework}")
    if framework == "torch":
        import torch

        shifts = None if offsets is None else torch.from_numpy(offsets)
        return loss.derivative_targets(torch.from_numpy(masks), shifts).numpy()
    from mindspore import Tensor

    return loss.derivative_targets(Tensor(masks), None if offsets is None else Tensor(offsets)).asnumpy()


def plain_targets(mask: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Compute the targets of one mask place by place."""
    out = np.zeros((DIRECTIONS, MASK_SIDE, MASK_SIDE))
    for k, y, x in np.ndindex(out.shape):
        step = RING[k] + offsets[k, :, y, x]
        row, column = np.clip([y + step[0], x + step[1]], 0, MASK_SIDE - 1)
        top, left = int(row), int(column)
        below, beside = min(top + 1, MASK_SIDE - 1), min(left + 1, MASK_SIDE - 1)
        upper = mask[top, left] * (left + 1 - column) + mask[top, beside] * (column - left)
        lower = mask[below, left] * (left + 1 - column) + mask[below, beside] * (column - left)
        seen = upper * (top + 1 - row) + lower * (row - top)
        out[k, y, x] = (mask[y, x] - seen + 1) / np.sqrt((step**2).sum() + 1)
    return out


def test_derivatives_of_a_mask_have_three_values_per_kind_of_direction(framework: str) -> None:
    (found,) = targets_of(framework, disc()[None])

    axial, diagonal = found[[1, 3, 5, 7]], found[[0, 2, 4, 6]]
    np.testing.assert_allclose(np.unique(axial.round(5)), [0, 1 / np.sqrt(2), np.sqrt(2)], atol=1e-5)
    np.testing.assert_allclose(np.unique(diagonal.round(5)), [0, 1 / np.sqrt(3), 2 / np.sqrt(3)], atol=1e-5)


def test_derivatives_are_high_inside_the_border_and_zero_outside(framework: str) -> None:
    mask = np.zeros((1, MASK_SIDE, MASK_SIDE), np.float32)
    mask[0, :, 10:] = 1

    (found,) = targets_of(framework, mask)

    for direction in (0, 6, 7):  # north-west, south-west, west
        np.testing.assert_allclose(found[direction, 1:-1, 10], 2 * FLAT[direction], rtol=1e-5)
        np.testing.assert_allclose(found[direction, :, 9], FLAT[direction], rtol=1e-5)
    for direction in (2, 3, 4):  # north-east, east, south-east
        np.testing.assert_allclose(found[direction, 1:-1, 9], 0, atol=1e-6)
        np.testing.assert_allclose(found[direction, :, 10], FLAT[direction], rtol=1e-5)
    for direction in (1, 5):  # along the border nothing changes
        np.testing.assert_allclose(found[direction], FLAT[direction], rtol=1e-5)


def test_a_pixel_changes_the_derivatives_of_its_neighbours_alone(framework: str) -> None:
    masks = np.stack([disc(), disc()])
    masks[1, -1, -1] = 1

    before, after = targets_of(framework, masks)

    changed = np.argwhere((before != after).any(axis=0))
    assert changed.min() >= MASK_SIDE - 2
    assert len(changed) == 4


def test_derivatives_with_offsets_are_those_computed_place_by_place(framework: str) -> None:
    rng = np.random.default_rng(0)
    offsets = rng.uniform(-1, 1, (1, DIRECTIONS, 2, MASK_SIDE, MASK_SIDE)).astype(np.float32)

    (found,) = targets_of(framework, disc(8, (5, 22))[None], offsets)

    np.testing.assert_allclose(found, plain_targets(disc(8, (5, 22)), offsets[0]), atol=1e-5)


def test_offsets_learn_from_what_they_find_and_not_from_their_distance() -> None:
    torch = pytest.importorskip("torch")
    from zoo.models.lod_net.loss_torch import derivative_targets

    offsets = torch.full((1, DIRECTIONS, 2, MASK_SIDE, MASK_SIDE), 0.3, requires_grad=True)
    flat = derivative_targets(torch.ones(1, MASK_SIDE, MASK_SIDE), offsets).sum()
    (in_flat,) = torch.autograd.grad(flat, offsets)
    (at_border,) = torch.autograd.grad(derivative_targets(torch.from_numpy(disc()[None]), offsets).sum(), offsets)

    assert in_flat.abs().max() < 1e-5  # the distance grows with the offset, what is found stays
    assert at_border.abs().max() > 0.1


def test_border_lies_on_the_inner_ring_of_a_disc() -> None:
    derivatives = targets_of("torch", disc()[None])
    ring = (disc() > 0) & ~binary_erosion(disc() > 0, np.ones((3, 3)))

    chosen = {name: border(derivatives, 50, name)[0] for name in ("flat", "reference")}

    assert ring.sum() == 76
    assert chosen["flat"].sum() == chosen["reference"].sum() == 50
    assert (chosen["flat"] * ring).sum() == 50
    assert (chosen["reference"] * ring).sum() < 40  # flat regions win some of the ties


def test_flat_derivatives_have_no_border() -> None:
    derivatives = np.broadcast_to(FLAT[:, None, None], (1, DIRECTIONS, MASK_SIDE, MASK_SIDE))

    assert border(derivatives, 50, "flat").sum() == 0
    assert border(derivatives, 50, "reference").sum() == 50


def test_border_of_equals_is_the_first_of_them_whatever_the_last_bits() -> None:
    rng = np.random.default_rng(0)
    derivatives = np.round(rng.uniform(0, 1.4, (3, DIRECTIONS, MASK_SIDE, MASK_SIDE)), 1)
    noise = rng.normal(0, 1e-7, derivatives.shape)

    for selection in ("flat", "reference"):
        np.testing.assert_array_equal(border(derivatives, 50, selection), border(derivatives + noise, 50, selection))


def test_a_pasted_mask_fills_its_box() -> None:
    window, values = paste(np.ones((MASK_SIDE, MASK_SIDE)), np.array([10.0, 20.0, 38.0, 48.0]), SIZE)

    assert window == (slice(20, 48), slice(10, 38))
    np.testing.assert_allclose(values[1:-1, 1:-1], 1)


def test_the_edge_of_a_pasted_mask_lies_where_the_mask_has_it() -> None:
    mask = np.zeros((MASK_SIDE, MASK_SIDE))
    mask[:, :14] = 1

    _, values = paste(mask, np.array([0.0, 0.0, 56.0, 56.0]), SIZE)

    assert (values >= 0.5).sum(axis=1).tolist() == [28] * 56


def test_a_mask_in_a_box_beyond_the_border_is_cut() -> None:
    window, values = paste(np.ones((MASK_SIDE, MASK_SIDE)), np.array([-14.0, -14.0, 14.0, 14.0]), SIZE)

    assert window == (slice(0, 14), slice(0, 14))
    assert values.shape == (14, 14)


def test_the_best_object_has_the_pixels_that_two_want() -> None:
    whole = (slice(0, 60), slice(0, 80))
    first, second, hidden = (np.zeros(SIZE, bool) for _ in range(3))
    first[10:30, 10:30], second[10:30, 25:60], hidden[5:20, 12:28] = True, True, True  # of hidden, a third is free

    instances, kept = lay_out([(whole, first), (whole, second), (whole, hidden)], SIZE, least_px=20)

    assert kept.tolist() == [0, 1]
    assert (instances[10:30, 10:30] == 1).all()
    assert (instances == 2).sum() == 20 * 30


def test_border_points_lie_in_the_picture() -> None:
    marked = np.zeros((2, MASK_SIDE, MASK_SIDE))
    marked[1, 0, MASK_SIDE - 1] = 1

    points = border_points(marked, np.array([[0.0, 0, 1, 1], [28, 0, 56, 28]]))

    np.testing.assert_allclose(points, [[2, 55.5, 0.5]])


def test_picture_of_another_shape_gets_its_objects_where_they_are() -> None:
    algorithm = LodNet(SMALL)
    instances = np.zeros((120, 400), np.int32)
    instances[30:80, 40:120], instances[50:110, 300:390] = 1, 2
    sample = Sample(Image(np.zeros((3, 120, 400), np.float32)), {"instances": instances})

    found = perfect_prediction(algorithm, sample)

    np.testing.assert_allclose(np.sort(found.boxes, axis=0), [[40, 30, 120, 80], [300, 50, 390, 110]], atol=1.6)
    assert (found.mask == (instances > 0)).mean() > 0.98


def predicted(instances: np.ndarray, boxes: np.ndarray, scores: np.ndarray, masks: np.ndarray) -> Instances:
    extra = {"candidate_boxes": boxes, "candidate_scores": scores, "candidate_masks": masks}
    count = int(instances.max())
    image = Image(np.zeros((3, *instances.shape), np.float32))
    return Instances(image, ("polyp",), instances, np.zeros(count, np.int64), scores[:count], boxes[:count], extra)


def test_a_picture_that_is_all_polyp_has_full_recall_and_no_full_dice() -> None:
    algorithm = LodNet(TINY)
    truth = np.zeros(SIZE, np.int32)
    truth[10:30, 10:30] = 1
    sample = Sample(Image(np.zeros((3, *SIZE), np.float32)), {"instances": truth})
    whole = predicted(np.ones(SIZE, np.int32), np.array([[0, 0, 80, 60.0]]), np.ones(1), np.ones((1, 28, 28)))

    scores = algorithm.summarise([algorithm.score(whole, sample)])

    assert list(scores)[:2] == ["dice", "iou"]
    assert scores["lod_recall"] == 1
    assert scores["dice"] == pytest.approx(2 * 400 / (400 + 4800))
    assert scores["iou"] == pytest.approx(400 / 4800)


def drawn_case(rng: np.random.Generator, ties: bool = True) -> tuple[Sample, Instances]:
    """Draw up to three discs, and candidates that are copies of them, moved or invented."""
    truth = np.zeros(SIZE, np.int32)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    boxes = []
    for number in range(1, int(rng.integers(1, 4)) + 1):
        centre, radius = rng.uniform(12, 48, 2), rng.uniform(4, 12)
        inside = (np.hypot(x - centre[0] - 8, y - centre[1]) < radius) & (truth == 0)
        truth[inside] = number
        for _ in range(2):
            middle = rng.normal((centre[0] + 8, centre[1]), 2)
            boxes.append([*(middle - radius), *(middle + radius)])
    rows = np.clip(np.array([*boxes, [60, 40, 75, 55.0]]), 0, 80)
    scores = np.sort(rng.integers(1, 9, len(rows)) / 8 if ties else rng.random(len(rows)))[::-1]
    masks = np.repeat(disc(13)[None], len(rows), axis=0)
    image = Image(np.zeros((3, *SIZE), np.float32))
    return Sample(image, {"instances": truth}), predicted(np.zeros(SIZE, np.int32), rows, scores, masks)


def pycocotools_ap(cases: list[tuple[Sample, Instances]], kind: str) -> tuple[float, float]:
    """Let pycocotools compute AP50 and AP, of boxes or of masks."""
    coco = pytest.importorskip("pycocotools.coco").COCO()
    coder = pytest.importorskip("pycocotools.mask")
    evaluation = pytest.importorskip("pycocotools.cocoeval").COCOeval
    truth, found = [], []
    for number, (sample, prediction) in enumerate(cases, start=1):
        instances = sample.labels["instances"]
        for label in np.unique(instances[instances > 0]):
            inside = instances == label
            (y1, y2), (x1, x2) = ((p.min(), p.max() + 1) for p in np.nonzero(inside))
            row = {"image_id": number, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "area": inside.sum()}
            row |= {
                "id": len(truth) + 1,
                "iscrowd": 0,
                "segmentation": coder.encode(np.asfortranarray(inside * 1, "u1")),
            }
            truth.append({**row, "area": float(row["area"])})
        extra = prediction.extra
        rows = zip(extra["candidate_boxes"], extra["candidate_scores"], extra["candidate_masks"], strict=True)
        for i, (box, score, mask) in enumerate(rows):
            inside = np.zeros(instances.shape, np.uint8)
            window, values = paste(mask, box, instances.shape)
            inside[window] = values >= 0.5
            row = {"image_id": number, "category_id": 1, "score": score, "id": 100 * number + i, "area": 1.0}
            row |= {"bbox": [*box[:2], *(box[2:] - box[:2])], "segmentation": coder.encode(np.asfortranarray(inside))}
            found.append({**row, "iscrowd": 0})
    images = [{"id": number + 1, "height": SIZE[0], "width": SIZE[1]} for number in range(len(cases))]
    categories = [{"id": 1}]
    with contextlib.redirect_stdout(io.StringIO()):
        reference, answer = type(coco)(), type(coco)()
        for holder, rows in ((reference, truth), (answer, found)):
            holder.dataset = {"images": images, "categories": categories, "annotations": rows}
            holder.createIndex()
        run = evaluation(reference, answer, kind)
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[1]), float(run.stats[0])


@pytest.mark.parametrize(("ours", "theirs"), [("box", "bbox"), ("mask", "segm")])
def test_average_precision_is_that_of_pycocotools(ours: str, theirs: str) -> None:
    algorithm, rng = LodNet(TINY), np.random.default_rng(0)
    cases = [drawn_case(rng) for _ in range(25)]

    found = algorithm.summarise([algorithm.score(prediction, sample) for sample, prediction in cases])

    expected = pycocotools_ap(cases, theirs)
    assert 0.1 < expected[0] < 0.95
    assert (found[f"{ours}_ap50"], found[f"{ours}_ap"]) == pytest.approx(expected, abs=1e-6)


def test_bootstrap_counts_weigh_as_repeated_cases_do() -> None:
    algorithm, rng = LodNet(TINY), np.random.default_rng(1)
    cases = [
        algorithm.score(prediction, sample) for sample, prediction in (drawn_case(rng, ties=False) for _ in range(5))
    ]

    weighed = algorithm.weighed(cases)(np.array([2.0, 0, 1, 0, 3]))

    repeated = algorithm.summarise([cases[i] for i in (0, 0, 2, 4, 4, 4)])
    assert weighed == pytest.approx(repeated, nan_ok=True)


def test_threshold_lies_between_what_is_right_and_what_is_not() -> None:
    algorithm, cases = LodNet(TINY), []
    truth = np.zeros(SIZE, np.int32)
    truth[10:38, 10:38] = 1
    sample = Sample(Image(np.zeros((3, *SIZE), np.float32)), {"instances": truth})
    boxes = np.array([[10, 10, 38, 38.0], [45, 20, 73, 48.0]])
    for right, wrong in ((0.9, 0.3), (0.7, 0.4), (0.8, 0.2)):
        scores = np.array([right, wrong])
        prediction = predicted(np.zeros(SIZE, np.int32), boxes, scores, np.ones((2, 28, 28)))
        cases.append(algorithm.score(prediction, sample))

    assert 0.4 < algorithm.operating_point(cases)["threshold"] <= 0.7


def test_trivial_answer_is_the_usual_place() -> None:
    truth = np.zeros(SIZE, np.int32)
    truth[15:45, 20:60] = 1
    sample = Sample(Image(np.zeros((3, *SIZE), np.float32)), {"instances": truth})

    found = LodNet(TINY).baseline([sample, sample])(Image(np.zeros((3, 120, 160), np.float32)))

    assert (found.mask == np.kron(truth, np.ones((2, 2)))).mean() > 0.97
    with pytest.raises(DataError, match="at least one"):
        LodNet(TINY).baseline([])


def test_specks_of_the_canvas_are_no_objects_of_training() -> None:
    truth = np.zeros(TINY.input_size, np.int32)
    truth[10:14, 10:14], truth[30:50, 30:50] = 1, 2

    sample = Sample(Image(np.zeros((3, *TINY.input_size), np.float32)), {"instances": truth})

    assert set(np.unique(LodNet(TINY).targets(sample)["instances"])) == {0, 2}


def test_volume_and_odd_canvas_are_refused() -> None:
    with pytest.raises(InputError, match="LOD-Net expects a picture"):
        LodNet(TINY).preprocess(Image(np.zeros((3, 4, 8, 8), np.float32)))
    with pytest.raises(ConfigError, match="multiples of 32"):
        LodNet(replace(TINY, input_size=(60, 64)))


def test_saved_answer_holds_boxes_scores_and_border_points(tmp_path) -> None:
    model = zoo.load("LOD-Net", checkpoint=None, variant="tiny")
    sample = type(model.algorithm).example(model.config, np.random.default_rng(0))

    path = perfect_prediction(model.algorithm, sample).save(tmp_path / "answer.npz")

    stored = np.load(path)
    assert {"instances", "boxes", "scores", "boundary_points"} <= set(stored.files)
    assert len(stored["boxes"]) == stored["instances"].max()
