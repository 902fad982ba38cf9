"""LOD-Net: which regions are kept and drawn, what its heads put where, what its terms cost."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from zoo.models.lod_net.anchors import anchors_of
from zoo.models.lod_net.config import BOX_WEIGHTS, VARIANTS
from zoo.models.lod_net.regions import AnchorTruth, RegionTruth, arrange, detect, draw_regions, propose

TINY = VARIANTS["tiny"]
SIZE = (64, 64)


def test_detections_are_the_better_of_two_with_their_own_scores() -> None:
    boxes = np.array([[4, 4, 14, 14.0], [0, 0, 60, 60], [2, 2, 62, 62], [30, 40, 40, 50]])
    regions = arrange([boxes], TINY)
    places = [int(np.flatnonzero((regions.boxes == box).all(axis=1))[0]) for box in boxes]
    probabilities, steps = np.zeros(4), np.zeros((4, 4))
    probabilities[places] = [0.8, 0.6, 0.9, TINY.least_score]
    steps[places[0], 0] = BOX_WEIGHTS[0] / 10  # a tenth of its width to the right

    found, scores = detect(regions, probabilities, steps, SIZE, TINY, 1)

    np.testing.assert_allclose(found.boxes, [[5, 4, 15, 14], [2, 2, 62, 62]])
    np.testing.assert_allclose(scores, [0.8, 0.9])
    assert len(detect(regions, probabilities, steps, SIZE, replace(TINY, max_objects=1), 1)[1]) == 1


def test_detections_of_one_picture_do_not_drop_those_of_another() -> None:
    box = np.array([[10, 10, 40, 40.0]])

    found, scores = detect(arrange([box, box], TINY), np.array([0.9, 0.8]), np.zeros((2, 4)), SIZE, TINY, 2)

    assert found.pictures.tolist() == [0, 1]
    np.testing.assert_allclose(scores, [0.9, 0.8])


def test_proposals_are_the_best_of_all_levels_and_fewer_where_fewer_candidates_count() -> None:
    levels = anchors_of(SIZE, TINY.anchors_px)
    counts = [len(level) for level in levels]
    logits, steps = np.full((1, sum(counts)), -5.0, np.float32), np.zeros((1, sum(counts), 4), np.float32)
    best = [sum(counts[:2]) + counts[2] // 2, counts[0] // 2]  # one in the middle of the third level and of the first
    logits[0, best] = [3, 2]

    two = propose(logits, steps, SIZE, replace(TINY, proposals=2), training=True)
    few = replace(TINY, candidates=(1, 40))

    expected = np.clip(np.concatenate(levels)[best], 0, 64)
    assert {tuple(box) for box in two.boxes.tolist()} == {tuple(box) for box in expected.tolist()}
    assert len(propose(logits, steps, SIZE, few, training=True).boxes) <= len(levels)
    assert len(propose(logits, steps, SIZE, few, training=False).boxes) > len(levels)


def test_an_object_that_no_proposal_meets_is_a_region_of_training_itself() -> None:
    truth = [np.array([[40, 40, 60, 60.0]])]
    proposals = arrange([np.array([[0, 0, 10, 10.0], [5, 5, 20, 20]])], TINY)

    drawn = draw_regions(proposals, truth, TINY, np.random.default_rng(0))

    np.testing.assert_array_equal(drawn.regions.boxes[drawn.is_object > 0], truth[0])


def terms_of(framework: str) -> tuple[Any, Any]:
    """Return the losses of one framework, and what makes its tensors."""
    if framework == "mindspore":
        import_module("zoo.engines.backends_mindspore").prepare("cpu")
    return import_module(f"zoo.models.lod_net.loss_{framework}"), import_module(framework).tensor


def test_boxes_cost_their_distance_where_there_are_objects_averaged_over_all_regions(framework: str) -> None:
    loss, tensor = terms_of(framework)
    regions = arrange([np.array([[0, 0, 10, 10.0], [5, 5, 20, 20]])], TINY)
    goals = np.array([[1, -2, 0, 0], [5, 5, 5, 5]], np.float32)
    truth = RegionTruth(regions, np.array([1, 0]), goals, np.zeros(2, np.int64))
    scores = tensor(np.array([[0, 2], [3, 0]], np.float32))

    terms = loss.box_terms(scores, tensor(np.zeros((2, 4), np.float32)), truth)

    assert float(terms["class"]) == pytest.approx((np.log1p(np.exp(-2)) + np.log1p(np.exp(-3))) / 2, rel=1e-5)
    assert float(terms["box"]) == pytest.approx(3 / 2)


def test_proposals_cost_what_was_drawn_over_the_number_to_draw(framework: str) -> None:
    loss, tensor = terms_of(framework)
    counted, is_object = np.array([[1, 1, 0, 0]], np.float32), np.array([[1, 0, 0, 0]], np.float32)
    goals = np.zeros((1, 4, 4), np.float32)
    goals[0, :2] = 1
    zeros = [tensor(np.zeros(size, np.float32)) for size in ((1, 4), (1, 4, 4))]

    terms = loss.proposal_terms(*zeros, AnchorTruth(counted, is_object, goals), replace(TINY, anchor_samples=8))

    assert float(terms["rpn_class"]) == pytest.approx(2 * np.log(2) / 8, rel=1e-5)
    assert float(terms["rpn_box"]) == pytest.approx(4 / 8)


def test_derivatives_cost_half_a_square_below_one_and_the_distance_above(framework: str) -> None:
    loss, tensor = terms_of(framework)
    values, zeros = np.array([0.5, -3], np.float32), np.zeros(2, np.float32)

    assert float(loss.smooth_l1(tensor(values), tensor(zeros))) == pytest.approx((0.125 + 2.5) / 2)


def test_proposals_are_told_row_by_row_as_the_anchors_lie() -> None:
    torch = pytest.importorskip("torch")
    from zoo.models.lod_net.net_torch import ProposalHead

    head = ProposalHead(1)
    with torch.no_grad():
        for layer in (head.conv, head.objectness, head.steps):
            layer.weight.zero_()
            layer.bias.zero_()
        head.conv.weight[0, 0, 1, 1] = 1
        head.objectness.weight[1] = 1  # the second ratio
        head.steps.weight[4 * 2 + 3] = 1  # the last step of the third
        plane = torch.arange(1, 13, dtype=torch.float32).reshape(1, 1, 3, 4)
        logits, steps = head([plane])

    assert logits[0].reshape(-1, 3)[:, 1].tolist() == list(range(1, 13))
    assert steps[0].reshape(-1, 3, 4)[:, 2, 3].tolist() == list(range(1, 13))
    assert float(logits.sum()) == float(steps.sum()) == 78


def test_derivatives_change_a_mask_at_its_border_alone() -> None:
    torch = pytest.importorskip("torch")
    from zoo.models.lod_net.net_torch import MaskHead

    torch.manual_seed(0)
    head = MaskHead(replace(TINY, selection="reference"))
    cells = torch.randn(2, TINY.pyramid, 14, 14)
    with torch.no_grad():
        refined, _, border = head(cells)
        head.outputs_conv.weight.zero_()
        head.outputs_conv.bias.zero_()
        plain, _, _ = head(cells)

    assert 0 < border.sum() < border.numel() / 2
    assert torch.equal((refined != plain).float(), border)
