"""LOD-Net: anchors, proposals, draws and pooled regions, alike in both frameworks; the network's size and start."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

import zoo
from zoo.models.lod_net.algorithm import LodNet
from zoo.models.lod_net.anchors import anchors_of, match_anchors, moved, steps_to
from zoo.models.lod_net.config import BOX_WEIGHTS, MASK_SIDE, STRIDES, VARIANTS
from zoo.models.lod_net.convert import convert
from zoo.models.lod_net.pooling import Part, bin_weights, crop_masks, levels_of, plan
from zoo.models.lod_net.regions import arrange, detect, draw_anchors, draw_regions, masked, propose

from ..oracles import open_timm
from .harness import batch_of, samples_of

PAPER, SMALL, TINY = (VARIANTS[name] for name in ("paper", "small", "tiny"))
SIZE = (64, 64)


def parameters_of(config) -> dict[str, int]:
    torch = pytest.importorskip("torch")
    from zoo.models.lod_net.net_torch import Net

    with torch.device("meta"):
        net = Net(config)
    return {name: p.numel() for name, p in net.named_parameters()}


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (PAPER, 49_221_134),
        (replace(PAPER, norm="batch"), 49_274_254),
        (replace(PAPER, layers=(3, 4, 23, 3)), 68_161_038),
        (replace(PAPER, layers=(3, 4, 23, 3), norm="batch"), 68_266_382),
        (replace(PAPER, offsets="fixed"), 49_221_134 - 2_659_632),
        (replace(PAPER, stride_in_1x1=True), 49_221_134),
        (SMALL, 4_392_878),
        (replace(SMALL, width=24, pyramid=48, hidden=192), 2_476_374),
    ],
)
def test_network_has_the_published_number_of_parameters(config, count) -> None:
    assert sum(parameters_of(config).values()) == count


def test_parts_have_the_published_number_of_parameters() -> None:
    sizes = parameters_of(PAPER)
    parts = {
        "backbone.": 23_454_912,
        "fpn.": 26_799_296 - 23_454_912,
        "rpn.": 593_935,
        "box.fc": 13_895_680,
        "box.s": 6_150,
        "masks.mask.": 2_622_720,
        "masks.layers.": 2_641_160,
        "masks.offsets_conv.": 2_659_632,
        "masks.outputs_conv.": 2_304,
        "masks.predictor.": 257,
    }

    assert {part: sum(n for name, n in sizes.items() if name.startswith(part)) for part in parts} == parts
    assert sum(parts.values()) == sum(sizes.values())


@pytest.mark.slow
def test_every_weight_is_trained(framework: str) -> None:
    model = zoo.load("LOD-Net", backend=framework, checkpoint=None, variant="tiny")
    inputs, targets = batch_of(model, samples_of(model, 2))
    before = model.engine.weights()

    model.engine.start_training(replace(model.recipe(), weight_decay=0.0), model.algorithm.head)
    for seed in range(3):
        model.engine.step(inputs, targets, 1e-2, seed)

    still = [name for name, value in model.engine.weights().items() if np.array_equal(value, before[name])]
    assert still == []


@pytest.mark.parametrize("empty", [False, True])
def test_a_batch_without_any_object_trains_like_any_other(framework: str, empty: bool) -> None:
    model = zoo.load("LOD-Net", backend=framework, checkpoint=None, variant="tiny")
    inputs, targets = batch_of(model, samples_of(model, 2))
    targets = {"instances": targets["instances"] * (0 if empty else 1)}
    model.engine.start_training(model.recipe(), model.algorithm.head)

    step = model.engine.step(inputs, targets, 1e-3, 0)

    assert np.isfinite(step.grad_norm)
    zeros = {name for name, value in step.terms.items() if value == 0}
    assert zeros == ({"rpn_box", "box", "mask", "derivative"} if empty else set())


def plain_align(plane: np.ndarray, box: np.ndarray, bins: int) -> np.ndarray:
    """Pool one region of a map (h, w) sample by sample, as detectron2's aligned RoIAlign does."""
    h, w = plane.shape
    x1, y1, x2, y2 = box - 0.5
    counts = [max(int(np.ceil((high - low) / bins)), 1) for low, high in ((y1, y2), (x1, x2))]
    out = np.zeros((bins, bins))
    for i, j, a, b in np.ndindex(bins, bins, *counts):
        y = y1 + (i + (a + 0.5) / counts[0]) * (y2 - y1) / bins
        x = x1 + (j + (b + 0.5) / counts[1]) * (x2 - x1) / bins
        if not (-1 <= y <= h and -1 <= x <= w):
            continue
        y, x = max(y, 0), max(x, 0)
        top, left = min(int(y), h - 1), min(int(x), w - 1)
        y, x = (float(top) if top == h - 1 else y), (float(left) if left == w - 1 else x)
        below, beside = min(top + 1, h - 1), min(left + 1, w - 1)
        upper = plane[top, left] * (left + 1 - x) + plane[top, beside] * (x - left)
        lower = plane[below, left] * (left + 1 - x) + plane[below, beside] * (x - left)
        out[i, j] += (upper * (top + 1 - y) + lower * (y - top)) / np.prod(counts)
    return out


def pooled(framework: str, maps: list[np.ndarray], parts: list[Part]) -> np.ndarray:
    net = import_module(f"zoo.models.lod_net.net_{framework}")
    if framework == "torch":
        import torch

        return net.pool([torch.from_numpy(m) for m in maps], parts).numpy()
    from mindspore import Tensor

    return net.pool([Tensor(m) for m in maps], parts).asnumpy()


@pytest.mark.parametrize("bins", [7, 14])
def test_pooled_regions_are_those_of_aligned_roi_align(framework: str, bins: int) -> None:
    rng = np.random.default_rng(0)
    maps = [rng.normal(size=(2, 3, 128 // s, 96 // s)).astype(np.float32) for s in STRIDES[:4]]
    low = rng.uniform(-6, 80, (24, 2))
    boxes = np.hstack([low, low + np.exp(rng.uniform(0.5, 4.8, (24, 2)))])
    regions = arrange([boxes[:11], boxes[11:]], TINY)

    found = pooled(framework, maps, plan(regions.boxes, regions.pictures, regions.levels, (128, 96), bins))

    assert len(set(regions.levels.tolist())) == 4
    for cells, box, picture, level in zip(found, regions.boxes, regions.pictures, regions.levels, strict=True):
        expected = [plain_align(plane, box / STRIDES[level], bins) for plane in maps[level][picture]]
        np.testing.assert_allclose(cells, expected, atol=1e-5)


def test_pooled_regions_are_those_of_torchvision() -> None:
    torch = pytest.importorskip("torch")
    open_timm()  # declares what torchvision misses beside a CPU build of PyTorch
    roi_align = pytest.importorskip("torchvision.ops").roi_align
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 3, 32, 24)).astype(np.float32)
    low = rng.uniform(2, 50, (24, 2))  # within the map: torchvision's own Python, used without its kernels, takes
    high = low + np.exp(rng.uniform(0.5, 4.8, (24, 2)))  # what lies outside for the border
    regions = np.hstack([low, np.minimum(high, (92, 124))])
    none = np.zeros(24, np.int64)

    found = pooled("torch", [x], plan(regions, none, none, (128, 96), 7))

    rows = torch.from_numpy(np.hstack([none[:, None], regions]).astype(np.float32))
    expected = roi_align(torch.from_numpy(x), rows, 7, spatial_scale=0.25, sampling_ratio=0, aligned=True)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_weights_of_a_bin_within_the_map_add_up_to_one() -> None:
    weights = bin_weights(np.array([0.0, 3.3]), np.array([32.0, 4.1]), 7, 32)

    np.testing.assert_allclose(weights.sum(axis=2), 1, atol=1e-6)
    np.testing.assert_allclose(weights[0].sum(axis=0)[2:-2], 7 / 32, atol=0.03)


def test_crop_of_a_mask_is_the_part_that_the_region_sees() -> None:
    mask = np.zeros((60, 60), bool)
    mask[10:38, 10:38] = True

    whole, right = crop_masks([mask, mask], np.array([[10, 10, 38, 38.0], [24, 10, 52, 38]]), MASK_SIDE)

    assert whole.all()
    assert right[:, :14].all()
    assert not right[:, 15:].any()


def test_levels_follow_the_size_of_regions() -> None:
    sides = np.array([20, 111, 113, 223, 225, 449, 2000.0])
    boxes = np.hstack([np.zeros((7, 2)), np.repeat(sides[:, None], 2, axis=1)])

    assert levels_of(boxes, 224.0).tolist() == [0, 0, 1, 1, 2, 3, 3]


def test_steps_lead_from_one_box_to_the_other_and_back() -> None:
    rng = np.random.default_rng(0)
    low, other = rng.uniform(0, 50, (2, 30, 2))
    boxes, goals = (np.hstack([c, c + rng.uniform(2, 60, (30, 2))]) for c in (low, other))

    np.testing.assert_allclose(moved(boxes, steps_to(boxes, goals, BOX_WEIGHTS), BOX_WEIGHTS), goals)
    assert moved(np.array([[0, 0, 1, 1.0]]), np.array([[0, 0, 99, 99.0]]), (1.0,) * 4).max() < 32


def test_anchors_have_the_sides_and_ratios_they_are_told() -> None:
    levels = anchors_of((128, 96), (32.0, 64.0, 128.0, 256.0, 512.0))

    assert [len(level) for level in levels] == [3 * (128 // s) * (-(-96 // s)) for s in STRIDES]
    sides = levels[0][:3, 2:] - levels[0][:3, :2]
    np.testing.assert_allclose(sides.prod(axis=1), 32**2)
    np.testing.assert_allclose(sides[:, 1] / sides[:, 0], [0.5, 1, 2])


def test_an_object_that_no_anchor_fits_has_the_closest_ones() -> None:
    anchors = np.array([[0, 0, 10, 10], [0, 0, 12, 12], [50, 50, 60, 60.0]])

    best, kind = match_anchors(anchors, np.array([[0, 0, 20, 20.0]]))

    assert kind.tolist() == [0, 1, 0]
    assert best.tolist() == [0, 0, 0]
    assert match_anchors(anchors, np.zeros((0, 4)))[1].tolist() == [0, 0, 0]


def random_heads(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    count = sum(len(level) for level in anchors_of(SIZE, TINY.anchors_px))
    return rng.normal(size=(2, count)).astype(np.float32), 0.2 * rng.normal(size=(2, count, 4)).astype(np.float32)


def test_proposals_of_equals_are_the_first_whatever_the_last_bits() -> None:
    rng = np.random.default_rng(0)
    logits, steps = random_heads(rng)
    logits = np.round(logits)  # many ties
    noise = rng.normal(0, 1e-7, logits.shape).astype(np.float32)

    first, second = (propose(x, steps, SIZE, TINY, training=True) for x in (logits, logits + noise))

    np.testing.assert_array_equal(first.boxes, second.boxes)
    assert len(first.boxes) == 2 * TINY.proposals


def test_detections_do_not_overlap_and_lie_in_the_picture() -> None:
    rng = np.random.default_rng(0)
    proposals = propose(*random_heads(rng), SIZE, TINY, training=False)
    twice = [np.repeat(proposals.boxes[proposals.pictures == picture], 2, axis=0) for picture in range(2)]
    regions = arrange(twice, TINY)
    count = len(regions.boxes)

    found, scores = detect(regions, rng.random(count), rng.normal(0, 0.2, (count, 4)), SIZE, TINY, 2)

    from zoo.common.boxes import iou

    assert found.boxes.min() >= 0
    assert found.boxes.max() <= 64
    assert len(scores) == len(found.boxes) <= 2 * TINY.max_objects
    for picture in range(2):
        overlap = iou(found.boxes[found.pictures == picture], found.boxes[found.pictures == picture])
        assert np.triu(overlap, 1).max(initial=0) <= TINY.overlap


def test_drawn_anchors_and_regions_keep_their_shares() -> None:
    rng = np.random.default_rng(0)
    objects = [np.array([[10, 10, 40, 44.0]]), np.zeros((0, 4))]

    anchors = draw_anchors(objects, SIZE, TINY, np.random.default_rng(1))
    proposals = propose(*random_heads(rng), SIZE, TINY, training=True)
    crowded = arrange([objects[0] + rng.uniform(-2, 2, (30, 4)), proposals.boxes[proposals.pictures == 1]], TINY)
    regions = draw_regions(crowded, objects, TINY, np.random.default_rng(1))

    assert anchors.counted.sum(axis=1).tolist() == [TINY.anchor_samples] * 2
    assert 0 < anchors.is_object[0].sum() <= TINY.anchor_samples / 2
    assert anchors.is_object[1].sum() == 0
    own = regions.is_object[regions.regions.pictures == 0]
    assert own.sum() == TINY.region_samples * TINY.positive_share
    assert regions.is_object[regions.regions.pictures == 1].sum() == 0
    assert masked(regions, 2, TINY.mask_samples).tolist() == np.flatnonzero(regions.is_object)[:4].tolist()
    np.testing.assert_allclose(
        moved(regions.regions.boxes, regions.steps, BOX_WEIGHTS)[regions.is_object > 0],
        np.repeat(objects[0], own.sum(), axis=0),
        atol=1e-3,
    )


def drawn_regions(model: zoo.Model, monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Take three steps and return the regions that each drew."""
    loss = import_module(f"zoo.models.lod_net.loss_{model.engine.framework}")
    seen: list[np.ndarray] = []

    def spy(*args):
        drawn = draw_regions(*args)
        seen.append(np.column_stack([drawn.regions.boxes, drawn.regions.pictures, drawn.is_object]))
        return drawn

    monkeypatch.setattr(loss, "draw_regions", spy)
    inputs, targets = batch_of(model, samples_of(model, 2))
    model.engine.start_training(model.recipe(), model.algorithm.head)
    for seed in range(3):
        model.engine.step(inputs, targets, 1e-4, seed)
    return seen


@pytest.mark.slow
def test_both_frameworks_draw_the_same_regions(both_frameworks: tuple[str, ...], monkeypatch) -> None:
    models = [zoo.load("LOD-Net", backend=name, checkpoint=None, variant="tiny") for name in both_frameworks]
    models[1].engine.load(models[0].engine.weights())

    first, second = (drawn_regions(model, monkeypatch) for model in models)

    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)
    assert not np.array_equal(first[0][:5], first[1][:5])  # each step draws anew


def test_published_weights_fit_the_body_and_leave_the_heads_anew() -> None:
    algorithm = LodNet(PAPER)
    sizes = parameters_of(PAPER)
    torch = pytest.importorskip("torch")
    from zoo.models.lod_net.net_torch import Net

    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in Net(PAPER).state_dict().items()}
    theirs = {
        n.removeprefix("backbone."): np.ones(s, np.float32) for n, s in shapes.items() if n.startswith("backbone.")
    }

    ours = convert({**theirs, "fc.weight": np.ones((1000, 2048), np.float32)}, PAPER)

    assert {name: value.shape for name, value in ours.items()} == {
        name: shape for name, shape in shapes.items() if name.startswith("backbone.")
    }
    assert set(algorithm.head) <= {name[: name.rindex(".") + 1] for name in sizes}
