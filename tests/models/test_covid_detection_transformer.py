"""Covid-Detection-Transformer: published counts and losses, the match, chosen queries, there and back, odd labels."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

import zoo
from zoo.common.errors import ConfigError, DataError
from zoo.common.types import Image, Sample
from zoo.models.covid_detection_transformer.algorithm import CovidDetectionTransformer
from zoo.models.covid_detection_transformer.cells import cell_centres, choose
from zoo.models.covid_detection_transformer.config import RECIPES, VARIANTS
from zoo.models.covid_detection_transformer.matching import NOBODY, match
from zoo.models.covid_detection_transformer.targets import REGIONS, decode, encode

PAPER, SMALL, TINY = VARIANTS["paper"], VARIANTS["small"], VARIANTS["tiny"]
NONE = np.zeros((0, 4))
PRECISION = 5e-6  # MindSpore's log_softmax is 3e-6 off on a CPU
COUNTS = {"paper": (41_501_638, 41_279_238), "small": (1_468_036, 1_468_036)}  # all, trained
LOGITS = np.array([[0, 0], [1, -1], [-1, 1], [2, 0.0]])
BOXES = np.array([[0.5, 0.5, 0.2, 0.2], [0.3, 0.3, 0.1, 0.1], [0.7, 0.6, 0.2, 0.3], [0.52, 0.5, 0.25, 0.2]])
OBJECTS = np.array([[0.5, 0.5, 0.25, 0.25], [0.3, 0.32, 0.12, 0.1]])


def targets_of(places: np.ndarray, rows: int = 4, aside: np.ndarray = NONE) -> dict[str, np.ndarray]:
    """Lay out objects of class 0 for one picture, with the batch axis."""
    labels, filled = np.full((1, rows), NOBODY, np.int32), np.zeros((1, rows, 4), np.float32)
    labels[0, : len(places)], filled[0, : len(places)] = 0, places
    regions = np.zeros((1, REGIONS, 4), np.float32)
    regions[0, : len(aside)] = aside
    return {"labels": labels, "places": filled, "aside": regions}


def losses_of(framework: str, outputs: dict, targets: dict, config) -> dict[str, float]:
    module = import_module(f"zoo.models.covid_detection_transformer.loss_{framework}")
    if framework == "torch":
        wrap = import_module("torch").from_numpy
    else:
        import_module("zoo.engines.backends_mindspore").prepare("cpu")
        wrap = import_module("mindspore").Tensor
    outputs = {name: wrap(np.asarray(value, np.float32)) for name, value in outputs.items()}
    targets = {name: wrap(np.ascontiguousarray(value)) for name, value in targets.items()}
    return {name: float(value) for name, value in module.losses(outputs, targets, config).items()}


@pytest.mark.parametrize("variant", COUNTS)
def test_parameters_are_counted_as_published(variant, framework):
    model = zoo.load("Covid-Detection-Transformer", backend=framework, checkpoint=None, variant=variant)
    model.engine.start_training(model.recipe(), model.algorithm.head)

    net = model.engine.net
    trained = net.trainable_params() if framework == "mindspore" else [p for p in net.parameters() if p.requires_grad]
    shapes = {n: s for n, s in model.engine.shapes().items() if ".bn" not in n and ".downsample.1." not in n}
    counted = {n: s for n, s in shapes.items() if not n.endswith(("running_mean", "running_var"))}

    assert sum(int(np.prod(shape)) for shape in counted.values()) == COUNTS[variant][0]
    assert sum(int(np.prod(tuple(p.shape))) for p in trained) == COUNTS[variant][1]


def test_loss_has_the_published_values(framework):
    outputs = {"logits": LOGITS[None, None], "boxes": BOXES[None, None]}

    terms = losses_of(framework, outputs, targets_of(OBJECTS), PAPER)

    by_hand = {"class": 0.152665, "distance": 5 * 0.055, "overlap": 2 * 0.389717}
    assert terms == pytest.approx(by_hand, abs=PRECISION)
    assert sum(terms.values()) == pytest.approx(1.207099, abs=PRECISION)


def test_loss_without_objects_has_the_published_values(framework):
    outputs = {"logits": LOGITS[None, None], "boxes": BOXES[None, None]}

    terms = losses_of(framework, outputs, targets_of(NONE), PAPER)

    assert terms == pytest.approx({"class": 1.268483, "distance": 0, "overlap": 0}, abs=PRECISION)


def test_every_layer_has_a_match_of_its_own(framework):
    turned = [3, 2, 1, 0]
    outputs = {"logits": np.stack([LOGITS, LOGITS[turned]])[None], "boxes": np.stack([BOXES, BOXES[turned]])[None]}

    terms = losses_of(framework, outputs, targets_of(OBJECTS), PAPER)

    assert sum(terms.values()) == pytest.approx(2 * 1.207099, abs=2 * PRECISION)


def test_the_match_is_the_published_one():
    found = match(LOGITS[None, None], BOXES[None, None], targets_of(OBJECTS), PAPER)

    assert found["is_matched"][0, 0].tolist() == [0, 1, 0, 1]
    np.testing.assert_allclose(found["place"][0, 0, [3, 1]], OBJECTS, atol=1e-7)


def test_infinite_answers_do_not_break_the_match():
    boxes = np.where(np.arange(4)[:, None] == 0, np.nan, BOXES)

    found = match(LOGITS[None, None], boxes[None, None], targets_of(OBJECTS), PAPER)

    assert found["is_matched"][0, 0].tolist() == [0, 1, 0, 1]


def test_a_query_in_an_ignored_region_costs_nothing(framework):
    target = encode(np.zeros((0, 5)), np.array([[20, 20, 28, 28.0]]), (32, 32), TINY)
    batch = {name: value[None] for name, value in target.items()}
    places = np.array([[24, 24, 6, 6.0]] * 6) / TINY.distance_px
    outputs = {"logits": np.full((1, 1, 6, 1), 9.0), "boxes": places[None, None]}  # as sure as it can be
    maps = {"hm": np.full((1, 1, 8, 8), -9.0), "reg": np.zeros((1, 2, 8, 8)), "wh": np.zeros((1, 2, 8, 8))}
    outside = {**outputs, "boxes": outputs["boxes"] / 4}

    inside, beside = (losses_of(framework, o | maps, batch, TINY)["class"] for o in (outputs, outside))

    assert inside == 0 < 1 < beside


def test_heat_in_an_ignored_region_costs_nothing_but_for_objects():
    boxes, region = np.array([[0, 22, 22, 26, 26.0]]), np.array([[14, 14, 34, 34.0]])

    with_object, without = (encode(rows, region, (64, 64), SMALL)["heat_weight"] for rows in (boxes, boxes[:0]))

    assert without[6, 6] == without[5, 5] == 0
    assert with_object[6, 6] == 1
    assert with_object[5, 5] == 0


@pytest.mark.parametrize("config", [PAPER, SMALL], ids=["paper", "small"])
def test_boxes_return_from_their_targets(config):
    boxes = np.array([[0, 10, 20, 17, 30.0], [0, 100, 200, 140, 230], [0, 0, 0, 5, 5]])
    target = encode(boxes, NONE, config.input_size, config)
    sure = np.where(target["labels"] == 0, 9.0, -9.0)
    logits = np.column_stack([sure, -sure]) if config.is_plain else sure[:, None]

    found, labels, scores = decode({"logits": logits[None], "boxes": target["places"][None]}, config)
    best = scores > 0.5

    assert (labels == 0).all()
    np.testing.assert_allclose(found[best], boxes[:, 1:], atol=1e-3)


def test_of_more_boxes_than_queries_the_largest_are_kept():
    rng = np.random.default_rng(0)
    low, sides = rng.uniform(0, 50, (500, 2)), rng.uniform(1, 12, (500, 2))
    boxes = np.column_stack([np.zeros(500), low, low + sides])

    target = encode(boxes, NONE, (64, 64), TINY)

    areas = np.sort((target["places"][:, 2:] * TINY.distance_px).prod(axis=1))
    np.testing.assert_allclose(areas, np.sort(sides.prod(axis=1))[-TINY.queries :], rtol=1e-5)


def test_a_picture_without_objects_has_targets():
    target = encode(np.zeros((0, 5)), NONE, (64, 64), SMALL)

    assert (target["labels"] == NOBODY).all()
    assert target["hm"].max() == target["mask"].max() == 0


def test_mirrored_picture_gives_mirrored_maps():
    boxes, mirrored = np.array([[0, 21, 20, 36, 34.0]]), np.array([[0, 64 - 36, 20, 64 - 21, 34.0]])

    first, second = (encode(rows, NONE, (64, 64), SMALL) for rows in (boxes, mirrored))

    np.testing.assert_allclose(second["hm"], first["hm"][..., ::-1], atol=1e-6)
    np.testing.assert_allclose(second["wh"], first["wh"][..., ::-1], atol=1e-6)


def test_peaks_are_chosen_before_what_surrounds_them():
    heat = np.zeros((1, 1, 5, 6), np.float32)
    heat[0, 0, 1, 1:3] = 5, 4  # a peak, and its slope
    heat[0, 0, 3, 4] = 2

    assert choose(heat, 2)[0].tolist() == [1 * 6 + 1, 3 * 6 + 4]


def test_equal_cells_are_chosen_in_their_order():
    noise = 1e-6 * np.random.default_rng(0).standard_normal((2, 1, 6, 6))  # what two frameworks differ by

    assert choose(noise, 4).tolist() == [[0, 1, 2, 3]] * 2


def test_the_highest_class_chooses():
    heat = np.full((1, 3, 4, 4), -5.0)
    heat[0, 2, 2, 2] = 3

    assert choose(heat, 1).tolist() == [[10]]


def test_cells_lie_where_their_middles_are():
    centres = cell_centres(2, 3, 0.5)

    np.testing.assert_allclose(
        centres[0], [[0.25, 0.25], [0.75, 0.25], [1.25, 0.25], [0.25, 0.75], [0.75, 0.75], [1.25, 0.75]]
    )


def test_prediction_has_more_queries_than_training(framework):
    model = zoo.load("Covid-Detection-Transformer", backend=framework, checkpoint=None, variant="tiny")

    outputs = model.engine.forward({"image": np.zeros((1, 1, 64, 64), np.float32)})

    assert outputs["boxes"].shape == (1, TINY.decoder_layers, TINY.queries_whole, 4)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([[1, 2, 2, 6, 6]], "class 1; expected 0..0"),
        ([[0, 6, 2, 6, 6]], "empty"),
        ([[0, 8, 2, 6, 6]], "empty"),
        ([[0, np.nan, 2, 6, 6]], "finite"),
    ],
)
def test_odd_boxes_are_refused_by_the_picture_s_name(boxes, message):
    sample = Sample(Image(np.zeros((1, 64, 64), np.float32), name="slice 7"), {"boxes": np.array(boxes, float)})

    with pytest.raises(DataError, match=f"slice 7.*{message}"):
        CovidDetectionTransformer(TINY).targets(sample)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"body": "vgg"}, "residual_unet or resnet50"),
        ({"dim": 15}, "multiple of the heads"),
        ({"input_size": (60, 64)}, "multiples of 8"),
        ({"queries": 65}, "queries=65"),
        ({"queries_whole": 257}, "queries_whole=257"),
        ({"stride": 3}, "stride=3"),
    ],
)
def test_configurations_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        CovidDetectionTransformer(replace(TINY, **changes))


def test_plain_detr_learns_from_whole_pictures_alone():
    with pytest.raises(ConfigError, match="patch_size"):
        CovidDetectionTransformer(replace(PAPER, patch_size=(96, 96)))


def test_published_recipe_teaches_the_body_a_tenth_as_fast():
    assert dict(RECIPES["paper"].rates) == {"detr.backbone.": 0.1}
    assert RECIPES["paper"].freeze == ("detr.backbone.conv1.", "detr.backbone.layer1.")


def test_a_disc_through_three_slices_is_one_nodule_of_the_volume():
    algorithm = CovidDetectionTransformer(replace(TINY, threshold=0.5))
    box = np.array([[0, 30, 30, 42, 42.0]])
    target = encode(box, NONE, (64, 64), TINY)
    seen = {"logits": np.where(target["labels"] == 0, 9.0, -9.0)[None, :, None], "boxes": target["places"][None]}
    empty = {"logits": np.full_like(seen["logits"], -9.0), "boxes": seen["boxes"]}
    outputs = {name: np.stack([empty[name], seen[name], seen[name], seen[name], empty[name]], axis=1) for name in seen}
    volume = Image(np.full((1, 5, 64, 64), 50, np.float32), (1.0, 1.0, 1.0), name="scan")

    found = algorithm.postprocess(outputs, volume)

    np.testing.assert_allclose(found.boxes, [[30, 30, 42, 42, 1, 4]], atol=1e-3)
