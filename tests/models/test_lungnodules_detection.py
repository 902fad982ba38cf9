"""LungNodules-Detection: published counts, targets and losses by hand, there and back, odd labels."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

import zoo
from zoo.common.errors import ConfigError, DataError
from zoo.common.types import Image, Sample
from zoo.models.lungnodules_detection.algorithm import LungNodulesDetection
from zoo.models.lungnodules_detection.config import VARIANTS
from zoo.models.lungnodules_detection.targets import decode, encode

PAPER, SMALL, TINY = VARIANTS["paper"], VARIANTS["small"], VARIANTS["tiny"]
NONE = np.zeros((0, 4))
COUNTS = {"paper": 19_613_861, "small": 1_017_797}  # 19,655,589 with the weights of the published code that do nothing


def perfect(target: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the outputs of a network that has learned its targets."""
    heat = np.clip(target["hm"], 1e-6, 1 - 1e-6)
    return {"hm": np.log(heat / (1 - heat)), "reg": target["reg"], "wh": target["wh"]}


def losses_of(framework: str, outputs: dict, targets: dict, config) -> dict[str, float]:
    module = import_module(f"zoo.models.lungnodules_detection.loss_{framework}")
    if framework == "torch":
        wrap = import_module("torch").from_numpy
    else:
        import_module("zoo.engines.backends_mindspore").prepare("cpu")
        wrap = import_module("mindspore").Tensor
    batched = [{k: wrap(np.asarray(v, np.float32)[None]) for k, v in values.items()} for values in (outputs, targets)]
    return {name: float(value) for name, value in module.losses(*batched, config).items()}


@pytest.mark.parametrize("variant", COUNTS)
def test_parameters_are_counted_as_published(variant, framework):
    model = zoo.load("LungNodules-Detection", backend=framework, checkpoint=None, variant=variant)

    trained = {n: s for n, s in model.engine.shapes().items() if not n.endswith(("running_mean", "running_var"))}
    assert sum(int(np.prod(shape)) for shape in trained.values()) == COUNTS[variant]


@pytest.mark.parametrize("config", [PAPER, SMALL], ids=["paper", "small"])
def test_boxes_return_from_their_targets(config):
    rng = np.random.default_rng(0)
    middles = np.array([[40, 40], [40, 130], [150, 60], [150, 170.0]]) + rng.uniform(-3, 3, (4, 2))
    half = rng.uniform(3, 12, (4, 2))
    boxes = np.column_stack([np.zeros(4), middles - half, middles + half])

    found, labels, scores = decode(perfect(encode(boxes, NONE, (256, 352), config)), config)
    best = scores > 0.99

    order = np.lexsort(found[best].T), np.lexsort(boxes[:, 1:].T)
    np.testing.assert_allclose(found[best][order[0]], boxes[order[1], 1:], atol=1e-3)
    assert (labels == 0).all()


def test_peak_of_radius_one_is_the_published_one():
    config = replace(PAPER, input_size=(20, 20))
    target = encode(np.array([[0, 9, 9, 11, 11.0]]), NONE, (20, 20), config)

    around = target["hm"][0, 1:4, 1:4]
    np.testing.assert_allclose(around[1], [0.135335, 1, 0.135335], atol=1e-6)
    np.testing.assert_allclose(around[0], [0.018316, 0.135335, 0.018316], atol=1e-6)


@pytest.mark.parametrize(
    ("logits", "objects", "expected"), [(0.0, True, 3.977070), (-2.19, True, 1.880726), (-2.19, False, 0.026868)]
)
def test_heat_loss_has_the_published_values(framework, logits, objects, expected):
    boxes = np.array([[0, 9, 9, 11, 11.0]]) if objects else np.zeros((0, 5))
    target = encode(boxes, NONE, (20, 20), PAPER)
    outputs = {**perfect(target), "hm": np.full((1, 5, 5), logits)}

    assert losses_of(framework, outputs, target, PAPER)["hm"] == pytest.approx(expected, abs=1e-5)


def test_size_loss_has_the_published_value(framework):
    target = encode(np.array([[0, 9, 9, 11, 11.0]]), NONE, (20, 20), PAPER)
    target["wh"][:, 2, 2] = (10, 40)
    outputs = {**perfect(target), "wh": np.zeros((2, 5, 5)) + np.reshape((12.0, 37.0), (2, 1, 1))}

    assert losses_of(framework, outputs, target, PAPER)["wh"] == pytest.approx(0.1 * 2.499875, abs=1e-5)


def test_ignored_regions_cost_nothing(framework):
    region = np.array([[20, 20, 28, 28.0]])
    heat = np.full((1, 32, 32), -9.0)
    heat[0, 12, 12] = 9  # a confident answer inside the region
    outputs = {"hm": heat, "reg": np.zeros((2, 32, 32)), "wh": np.zeros((2, 32, 32))}

    with_region = losses_of(framework, outputs, encode(np.zeros((0, 5)), region, (64, 64), SMALL), SMALL)
    without = losses_of(framework, outputs, encode(np.zeros((0, 5)), NONE, (64, 64), SMALL), SMALL)

    assert with_region["hm"] < 1e-3 < 1 < without["hm"]


def test_an_object_inside_an_ignored_region_is_still_to_be_found():
    target = encode(np.array([[0, 22, 22, 26, 26.0]]), np.array([[20, 20, 28, 28.0]]), (64, 64), SMALL)

    assert target["weight"][12, 12] == 1
    assert target["weight"][11, 12] == 0


def test_of_two_close_peaks_the_better_stays():
    target = encode(np.array([[0, 20, 20, 36, 36.0]]), NONE, (64, 64), SMALL)
    outputs = perfect(target)
    outputs["hm"][0, 14, 16] = 20  # beside the true peak at (14, 14), inside the disc
    outputs["reg"][:, 14, 16], outputs["wh"][:, 14, 16] = (0, 0), outputs["wh"][:, 14, 14]

    _, _, scores = decode(outputs, SMALL)

    assert (scores > 0.5).sum() == 1


def test_mirrored_picture_gives_mirrored_targets():
    boxes = np.array([[0, 21, 20, 36, 34.0]])
    mirrored = np.array([[0, 64 - 36, 20, 64 - 21, 34.0]])

    first, second = (encode(rows, NONE, (64, 64), SMALL) for rows in (boxes, mirrored))

    np.testing.assert_allclose(second["hm"], first["hm"][..., ::-1], atol=1e-6)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([[1, 2, 2, 6, 6]], "class 1; expected 0..0"),
        ([[0, 6, 2, 6, 6]], "empty"),
        ([[0, 8, 2, 6, 6]], "empty"),
        ([[0, np.nan, 2, 6, 6]], "finite"),
        ([[0, 2, 2, 6]], r"\(k, 5\)"),
    ],
)
def test_odd_boxes_are_refused_by_the_picture_s_name(boxes, message):
    sample = Sample(Image(np.zeros((1, 64, 64), np.float32), name="slice 7"), {"boxes": np.array(boxes, float)})

    with pytest.raises(DataError, match=f"slice 7.*{message}"):
        LungNodulesDetection(TINY).targets(sample)


def test_a_picture_without_boxes_and_one_with_five_hundred_are_trained_on():
    algorithm = LungNodulesDetection(TINY)
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 56, (500, 2))
    many = np.column_stack([np.zeros(500), corner, corner + 6])
    for boxes in (np.zeros((0, 5)), many):
        sample = Sample(Image(rng.uniform(0, 255, (1, 64, 64)).astype(np.float32)), {"boxes": boxes})

        target = algorithm.targets(algorithm.augment(sample, rng))

        assert all(np.isfinite(values).all() for values in target.values())


@pytest.mark.parametrize(
    "change",
    [
        {"body": "resnet"},
        {"sizes": "px"},
        {"input_size": (50, 64)},
        {"classes": ()},
        {"threshold": 1.0},
        {"stride": 3},  # the network would answer at a stride of 2
        {"body": "dla34", "stride": 2},
        {"patch_size": (32,)},
        {"window_hu": (400.0, -1000.0)},
        {"pixel_mm": -1.0},
    ],
)
def test_wrong_settings_are_refused(change):
    with pytest.raises(ConfigError):
        LungNodulesDetection(replace(TINY, **change))


def test_threshold_of_a_call_decides_what_is_shown(framework):
    model = zoo.load("LungNodules-Detection", backend=framework, checkpoint=None, variant="tiny")
    image = type(model.algorithm).example(model.config, np.random.default_rng(0)).image

    everything, nothing = model.predict(image, threshold=0.0), model.predict(image, threshold=0.99)

    assert len(everything.boxes) > 0 == len(nothing.boxes)
    assert len(nothing.candidates.boxes) == len(everything.boxes)


def test_a_disc_through_three_slices_is_one_nodule_of_the_volume():
    algorithm = LungNodulesDetection(replace(TINY, threshold=0.5))
    box = np.array([[0, 30, 30, 42, 42.0]])
    seen, empty = (perfect(encode(rows, NONE, (64, 64), TINY)) for rows in (box, box[:0]))
    outputs = {name: np.stack([empty[name], seen[name], seen[name], seen[name], empty[name]], axis=1) for name in seen}
    volume = Image(np.full((1, 5, 64, 64), 50, np.float32), (1.0, 1.0, 1.0), name="scan")

    found = algorithm.postprocess(outputs, volume)

    np.testing.assert_allclose(found.boxes, [[30, 30, 42, 42, 1, 4]], atol=1e-3)


def test_mirrored_views_give_a_mirrored_picture_mirrored_boxes(framework):
    model = zoo.load("LungNodules-Detection", backend=framework, checkpoint=None, variant="tiny")
    image = type(model.algorithm).example(replace(model.config, crop_dark=False), np.random.default_rng(0)).image
    mirrored = replace(image, array=image.array[..., ::-1].copy())

    a, b = (model.predict(picture, tta=True, threshold=0.0) for picture in (image, mirrored))

    assert len(a.boxes) > 3
    expected = np.column_stack(
        [image.size[1] - a.boxes[:, [2]], a.boxes[:, [1]], image.size[1] - a.boxes[:, [0]], a.boxes[:, [3]]]
    )
    order = [np.lexsort(np.round(boxes, 1).T) for boxes in (expected, b.boxes)]
    np.testing.assert_allclose(b.boxes[order[1]], expected[order[0]], atol=0.01)


def test_hounsfield_units_are_in_scope_as_the_pictures_made_of_them_are(tmp_path):
    model = zoo.load("LungNodules-Detection", backend="torch")
    rng = np.random.default_rng(0)
    grey = np.zeros((1, 256, 256), np.float32)  # lungs: dark, noisy, with vessels, everything around them black
    grey[:, 60:200, 30:220] = 30 + 12 * rng.random((140, 190)) + 180 * (rng.random((140, 190)) > 0.97)
    picture = Image(grey, (1.0, 1.0), name="slice.png")
    hounsfield = replace(picture, array=grey * (1400 / 255) - 1000)

    reasons = [model.scope.reasons(image) for image in (picture, hounsfield, replace(picture, array=grey * 40))]

    assert reasons[0] == reasons[1]
    assert not any("intensities" in reason for reason in reasons[0])
    assert any("intensities" in reason for reason in reasons[2])
