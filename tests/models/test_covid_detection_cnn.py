"""Covid-Detection-CNN: published counts, assignment and losses by their vectors, there and back, odd labels."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

import zoo
from zoo.common.boxes import from_centre_size
from zoo.common.errors import ConfigError
from zoo.common.types import Image, Sample
from zoo.models.covid_detection_cnn.algorithm import CovidDetectionCNN
from zoo.models.covid_detection_cnn.config import VARIANTS, Config
from zoo.models.covid_detection_cnn.targets import decode, encode, outputs_of

PAPER, SMALL, TINY = VARIANTS["paper"], VARIANTS["small"], VARIANTS["tiny"]
NONE = np.zeros((0, 4))
COUNTS = {"paper": 20_871_318, "nano": 1_764_118}
SMALL_INPUT = replace(PAPER, input_size=(64, 64))


def shares(*rows: tuple[float, float, float, float]) -> np.ndarray:
    """Turn centres and sizes as shares of 64 px into boxes of class 0."""
    return np.column_stack([np.zeros(len(rows)), from_centre_size(np.array(rows) * 64)])


def tensors(framework: str, arrays: dict[str, np.ndarray]) -> dict:
    if framework == "torch":
        wrap = import_module("torch").from_numpy
    else:
        import_module("zoo.engines.backends_mindspore").prepare("cpu")
        wrap = import_module("mindspore").Tensor
    return {
        k: wrap(np.asarray(v, np.int32 if np.asarray(v).dtype.kind == "i" else np.float32)[None])
        for k, v in arrays.items()
    }


def losses_of(framework: str, outputs: dict, targets: dict, config: Config) -> dict[str, float]:
    module = import_module(f"zoo.models.covid_detection_cnn.loss_{framework}")
    terms = module.losses(tensors(framework, outputs), tensors(framework, targets), config)
    return {name: float(value) for name, value in terms.items()}


@pytest.mark.parametrize("variant", COUNTS)
def test_parameters_are_counted_as_published(variant, framework):
    model = zoo.load("Covid-Detection-CNN", backend=framework, checkpoint=None, variant=variant)

    trained = {n: s for n, s in model.engine.shapes().items() if not n.endswith(("running_mean", "running_var"))}
    assert sum(int(np.prod(shape)) for shape in trained.values()) == COUNTS[variant]


def test_a_box_is_assigned_as_published():
    target = encode(shares((0.53, 0.41, 0.1, 0.12)), NONE, (64, 64), SMALL_INPUT)

    places = {tuple(map(int, place)) for place in np.argwhere(target["count0"])}
    assert places == {(a, y, x) for a in (0, 1) for y, x in ((3, 4), (3, 3), (2, 4))}
    assert not target["count1"].any()
    assert not target["count2"].any()
    np.testing.assert_allclose(target["box0"][0, 3, 4], [0.24, 0.28, 0.8, 0.96], atol=1e-6)
    np.testing.assert_allclose(target["box0"][0, 3, 3], [1.24, 0.28, 0.8, 0.96], atol=1e-6)
    np.testing.assert_allclose(target["box0"][0, 2, 4], [0.24, 1.28, 0.8, 0.96], atol=1e-6)


def test_a_centre_on_a_corner_counts_its_cell_three_times():
    target = encode(shares((0.5, 0.5, 0.25, 0.25)), NONE, (64, 64), SMALL_INPUT)

    assert [int(target[f"count{i}"].sum()) for i in range(3)] == [15, 10, 0]


@pytest.mark.parametrize(
    ("box", "expected"),
    [(True, {"box": 0.080681, "objectness": 3.742995}), (False, {"box": 0.0, "objectness": 3.742995})],
)
def test_losses_of_zero_logits_have_the_published_values(framework, box, expected):
    boxes = shares((0.5, 0.5, 0.25, 0.25)) if box else np.zeros((0, 5))
    target = encode(boxes, NONE, (64, 64), SMALL_INPUT)
    outputs = {f"level{i}": np.zeros((18, 64 // s, 64 // s)) for i, s in enumerate(PAPER.strides)}

    assert losses_of(framework, outputs, target, SMALL_INPUT) == pytest.approx(expected, abs=2e-6)


def test_complete_iou_has_the_published_value(framework):
    module = import_module(f"zoo.models.covid_detection_cnn.loss_{framework}")
    boxes = {
        "a": np.reshape([50, 50, 40, 20.0], (1, 4, 1, 1)),
        "b": np.reshape([55, 47, 36, 24.0], (1, 4, 1, 1)),
    }
    wrapped = tensors(framework, boxes)

    assert float(module.complete_iou(wrapped["a"], wrapped["b"]).reshape(-1)[0]) == pytest.approx(0.590788, abs=1e-5)


@pytest.mark.parametrize("config", [replace(PAPER, input_size=(256, 256)), SMALL], ids=["paper", "small"])
def test_boxes_return_from_their_targets(config):
    rng = np.random.default_rng(0)
    middles = np.array([[40, 40], [40, 130], [150, 60], [150, 170.0]]) + rng.uniform(-3, 3, (4, 2))
    half = rng.uniform(4, 10, (4, 2))
    boxes = np.column_stack([np.zeros(4), middles - half, middles + half])

    found, labels, scores = decode(outputs_of(encode(boxes, NONE, (256, 256), config), config), config)

    order = np.lexsort(found.T), np.lexsort(boxes[:, 1:].T)
    np.testing.assert_allclose(found[order[0]], boxes[order[1], 1:], atol=1e-3)
    assert (labels == 0).all()
    assert (scores > 0.99).all()


def test_boxes_of_two_classes_may_lie_on_each_other():
    config = replace(SMALL, classes=("a", "b"))
    boxes = np.array([[0, 20, 20, 30, 30], [1, 20.5, 20, 36, 36.0]])

    found, labels, _ = decode(outputs_of(encode(boxes, NONE, (64, 64), config), config), config)

    assert sorted(labels) == [0, 1]
    assert len(found) == 2


def test_ignored_regions_cost_nothing(framework):
    region = np.array([[20, 20, 28, 28.0]])
    values = np.full((3, 6, 32, 32), -9.0)
    values[:, 4, 12, 12] = 9  # a confident answer inside the region
    outputs = {"level0": values.reshape(18, 32, 32)}

    with_region = losses_of(framework, outputs, encode(np.zeros((0, 5)), region, (64, 64), SMALL), SMALL)
    without = losses_of(framework, outputs, encode(np.zeros((0, 5)), NONE, (64, 64), SMALL), SMALL)

    assert with_region["objectness"] < 0.01 < without["objectness"]


def test_classes_are_learned_where_boxes_are(framework):
    config = replace(SMALL, classes=("a", "b"))
    target = encode(np.array([[1, 20, 20, 30, 30.0]]), NONE, (64, 64), config)

    right = outputs_of(target, config)
    wrong = outputs_of({**target, "label0": 1 - target["label0"]}, config)

    assert losses_of(framework, right, target, config)["class"] < 0.01
    assert losses_of(framework, wrong, target, config)["class"] > 1


def test_five_hundred_boxes_and_none_are_trained_on():
    algorithm, rng = CovidDetectionCNN(TINY), np.random.default_rng(0)
    corner = rng.uniform(0, 56, (500, 2))
    for boxes in (np.zeros((0, 5)), np.column_stack([np.zeros(500), corner, corner + 6])):
        sample = Sample(Image(rng.uniform(0, 255, (1, 64, 64)).astype(np.float32)), {"boxes": boxes})

        target = algorithm.targets(algorithm.augment(sample, rng))

        assert all(np.isfinite(values).all() for values in target.values())


@pytest.mark.parametrize(
    "change",
    [
        {"body": "v8"},
        {"strides": (2, 4)},
        {"strides": (3,)},  # the network would answer at a stride of 2
        {"anchors_px": ((),)},
        {"balance": ()},
        {"input_size": (50, 64)},
    ],
)
def test_wrong_settings_are_refused(change):
    with pytest.raises(ConfigError):
        CovidDetectionCNN(replace(TINY, **change))


def test_no_file_of_ultralytics_is_imported_by_a_prediction(framework, tmp_path):
    import subprocess
    import sys

    code = (
        "import sys, numpy as np, zoo\n"
        f"m = zoo.load('Covid-Detection-CNN', backend={framework!r}, device='cpu', checkpoint=None, variant='tiny')\n"
        "s = type(m.algorithm).example(m.config, np.random.default_rng(0))\n"
        "m.predict(s.image).plot()\n"
        "print(sorted(n for n in sys.modules if 'ultralytics' in n or 'yolov5' in n))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=300)

    assert done.stdout.strip().splitlines()[-1] == "[]", done.stderr
