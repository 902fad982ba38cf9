"""Every entry of the registry, in each framework, keeps the contract of an algorithm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.common.answers.prediction import Prediction
from zoo.common.errors import ConfigError
from zoo.common.labels import TASKS
from zoo.registry.package import Package

from .harness import ANSWERS, NAMES, batch_of, perfect_prediction, samples_of, start_training

VARIANTS = [
    (name, variant) for name in NAMES for variant in Package(zoo.info(name)).config.VARIANTS if variant != "paper"
]  # drawing a sample of the papers' sizes takes long and shows no more


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest, framework: str) -> zoo.Model:
    """The tiny variant of each algorithm in each framework, with random weights."""
    return zoo.load(request.param, backend=framework, checkpoint=None, variant="tiny")


def test_prediction_is_of_the_task_and_plain(model: zoo.Model) -> None:
    (sample,) = samples_of(model, 1)

    prediction = model.predict(sample.image)

    assert isinstance(prediction, model.algorithm.answer_type)
    assert issubclass(model.algorithm.answer_type, ANSWERS.get(model.entry.task, Prediction))
    assert model.algorithm.task == model.entry.task
    assert json.loads(json.dumps(prediction.to_dict()))["name"] == sample.image.name


def test_a_sample_carries_the_labels_that_the_algorithm_declares(model: zoo.Model) -> None:
    (sample,) = samples_of(model, 1)

    assert model.algorithm.labels
    assert set(model.algorithm.labels) <= set(sample.labels)
    assert set(TASKS.get(model.entry.task, model.algorithm.labels)) <= set(model.algorithm.labels)


def test_batch_and_single_predictions_agree(model: zoo.Model) -> None:
    images = [sample.image for sample in samples_of(model, 3)]

    together = model.predict(images, batch_size=3)

    for alone, joint in zip([model.predict(image) for image in images], together, strict=True):
        _assert_close(alone.to_dict(), joint.to_dict())


@pytest.mark.parametrize("change", [{"mean": (0.1, 0.2)}, {"std": (0.1, 0.2)}, {"std": (0.0,)}, {"mean": ()}])
@pytest.mark.parametrize("name", NAMES)
def test_means_and_deviations_are_one_or_one_per_channel(name: str, change: dict[str, tuple[float, ...]]) -> None:
    package = Package(zoo.info(name))
    config = package.config.VARIANTS["tiny"]
    if not isinstance(getattr(config, "mean", None), tuple):
        return

    with pytest.raises(ConfigError, match=next(iter(change))):
        package.algorithm(replace(config, **change))


@pytest.mark.parametrize("name", ["EllipseNet", "EllipseNet-Fit"])
def test_an_example_has_no_ellipse_that_the_model_does_not_know(name: str) -> None:
    package = Package(zoo.info(name))
    algorithm = package.algorithm(replace(package.config.VARIANTS["tiny"], classes=("thorax",)))

    sample = type(algorithm).example(algorithm.config, np.random.default_rng(0))

    assert sample.labels["ellipses"][:, 0].tolist() == [0]
    algorithm.targets(sample)


@pytest.mark.parametrize("name", ["2D-UNet", "3D-UNet", "EllipseNet-Fit"])
def test_one_level_has_no_decoder_and_is_refused(name: str) -> None:
    package = Package(zoo.info(name))

    with pytest.raises(ConfigError, match="levels is 1; expected greater than or equal to 2"):
        package.algorithm(replace(package.config.VARIANTS["tiny"], levels=1))


@pytest.mark.parametrize("name", NAMES)
def test_twenty_steps_on_one_batch_lower_the_loss_of_each_phase(name: str) -> None:
    pytest.importorskip("torch")  # alone: MindSpore takes the same steps, see test_parity.py
    model = zoo.load(name, backend="torch", checkpoint=None, variant="tiny")
    inputs, targets = batch_of(model, samples_of(model, 4))
    recipe, start = model.recipe(), model.engine.weights()
    phases = model.algorithm.phases
    least = 0.9 if len(phases) == 1 else 1.0  # there may be little to gain from a rival who does not learn

    for phase in phases:
        others = tuple(prefix for other in phases if other != phase for prefix in other.trains)
        model.engine.load(start)
        start_training(model, replace(recipe, freeze=others))
        losses = [_total(model.engine.step(inputs, targets, recipe.learning_rate, 0).terms) for _ in range(20)]

        assert losses[-1] < least * losses[0], phase.name


def test_saved_weights_give_the_same_outputs_in_either_framework(
    model: zoo.Model, tmp_path: Any, both_frameworks: tuple[str, ...]
) -> None:
    inputs, _ = batch_of(model, samples_of(model, 2))
    path = model.save(tmp_path / "weights.safetensors")

    for name in both_frameworks:
        again = zoo.load(model.name, backend=name, checkpoint=path)
        for key, value in model.engine.forward(inputs).items():
            np.testing.assert_allclose(again.engine.forward(inputs)[key], value, atol=1e-4 * np.abs(value).max())


def test_same_seed_gives_the_same_losses(model: zoo.Model) -> None:
    inputs, targets = batch_of(model, samples_of(model, 2))
    start = model.engine.weights()

    runs = []
    for _ in range(2):
        model.engine.load(start)
        start_training(model, model.recipe())
        runs.append([_total(model.engine.step(inputs, targets, 1e-3, seed).terms) for seed in range(2)])

    assert runs[0] == runs[1]


@pytest.mark.parametrize("name", NAMES)
def test_perfect_outputs_are_of_the_form_of_the_networks(name: str) -> None:
    model = zoo.load(name, checkpoint=None, variant="tiny")
    (sample,) = samples_of(model, 1)

    perfect = model.algorithm.perfect_outputs(sample)

    outputs = model.engine.forward(batch_of(model, [sample])[0])
    assert set(perfect) <= set(outputs)
    dense = model.algorithm.dense_outputs
    assert [perfect[key].shape for key in dense] == [outputs[key].shape[1:] for key in dense]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_perfect_outputs_give_back_the_labels(name: str, variant: str) -> None:
    package = Package(zoo.info(name))
    algorithm = package.algorithm(package.config.VARIANTS[variant])
    seeds = range(12 if variant == "tiny" else 4)
    samples = [package.algorithm.example(algorithm.config, np.random.default_rng(seed)) for seed in seeds]

    predict = algorithm.baseline(samples[: len(samples) // 2])
    trivial = algorithm.summarise([algorithm.score(predict(sample.image), sample) for sample in samples])
    perfect = algorithm.summarise([algorithm.score(perfect_prediction(algorithm, s), s) for s in samples])

    assert perfect[algorithm.monitor] > 0.95
    assert perfect[algorithm.monitor] >= trivial[algorithm.monitor]  # brightness alone tells the drawn classes apart


def test_augmentation_changes_the_copy_and_not_the_sample(model: zoo.Model) -> None:
    (sample,) = samples_of(model, 1)
    before = sample.image.array.copy()

    changed = model.algorithm.augment(sample, np.random.default_rng(1))
    again = model.algorithm.augment(sample, np.random.default_rng(1))

    np.testing.assert_array_equal(sample.image.array, before)
    np.testing.assert_array_equal(changed.image.array, again.image.array)
    assert not np.array_equal(changed.image.array, before)


def test_head_names_existing_weights(model: zoo.Model) -> None:
    names = model.engine.shapes()

    for prefix in model.algorithm.head:
        assert any(name.startswith(prefix) for name in names), prefix


def test_frozen_weights_stay_and_the_rest_moves(model: zoo.Model) -> None:
    inputs, targets = batch_of(model, samples_of(model, 2))
    head = model.algorithm.head
    names = [name for name in model.engine.shapes() if not name.startswith(head)]
    body = tuple({name.rsplit(".", 1)[0] + "." if "." in name else name for name in names})
    before = model.engine.weights()

    start_training(model, replace(model.recipe(), freeze=body))
    for seed in range(2):
        model.engine.step(inputs, targets, 1e-3, seed)

    after = model.engine.weights()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed
    assert all(name.startswith(head) for name in changed)


def _total(terms: Mapping[str, float]) -> float:
    return sum(terms.values())


def _assert_close(a: Any, b: Any) -> None:
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            _assert_close(a[key], b[key])
    elif isinstance(a, list | tuple):
        for x, y in zip(a, b, strict=True):
            _assert_close(x, y)
    elif isinstance(a, float):
        assert a == pytest.approx(b, rel=1e-3, abs=1e-3)
    else:
        assert a == b
