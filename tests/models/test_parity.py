"""The two frameworks compute the same thing, for every entry of the registry: names, outputs, losses, training."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest

import zoo
from zoo.registry.package import Package

from .harness import NAMES, batch_of, samples_of, start_training

OUTPUT_TOLERANCE = 1e-4  # of the largest output, float32 on CPU
STEP_TOLERANCE = 1e-4  # absolute, in every weight after all steps
MOVEMENT_TOLERANCE = 0.05  # of the length of the way that all weights together went
STATISTIC_TOLERANCE = 1e-3  # the variance of eight values behind fifty layers, which repeats the noise of them all
STEPS = {"tiny": 6}
FEW_STEPS = 2  # of the larger variants: the second has momentum and running statistics of the first
RATES = {"tiny": 1e-4, "small": 1e-4, "paper": 1e-5}  # learning rates
RANDOM = ("drop_path", "dropout")  # what a network draws by itself; the frameworks' random numbers differ
INPUT_SIZES = {"paper": 64}  # paper-scale networks run on a reduced picture: the weights are the paper's


def pair_of(name: str, variant: str) -> tuple[zoo.Model, zoo.Model]:
    """Open one variant in both frameworks with the same random weights."""
    config = Package(zoo.info(name)).config.VARIANTS[variant]
    changes = {}
    if variant in INPUT_SIZES and hasattr(config, "input_size"):
        size = INPUT_SIZES[variant]
        axes = len(config.input_size) if isinstance(config.input_size, tuple) else 0
        changes["input_size"] = (size // max(1, axes - 1),) * axes if axes else size  # volumes: half the side
    changes |= {field: 0.0 for field in RANDOM if hasattr(config, field)}
    first = zoo.load(name, backend="torch", checkpoint=None, variant=variant, **changes)
    second = zoo.load(name, backend="mindspore", checkpoint=None, variant=variant, **changes)
    second.engine.load(first.engine.weights())
    return first, second


def variants_of(name: str) -> list[str]:
    """List the named configurations of an algorithm."""
    return list(Package(zoo.info(name)).config.VARIANTS)


CASES = [(name, variant) for name in NAMES for variant in variants_of(name)]


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_names_shapes_and_outputs_are_equal(name: str, variant: str, both_frameworks: tuple[str, ...]) -> None:
    first, second = pair_of(name, variant)
    inputs, _ = batch_of(first, samples_of(first, 2))

    expected, found = first.engine.forward(inputs), second.engine.forward(inputs)

    assert first.engine.shapes() == second.engine.shapes()
    assert list(expected) == list(found)
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, atol=OUTPUT_TOLERANCE * np.abs(value).max(), rtol=0, err_msg=key)


# One ReLU that flips changes a float32 gradient by a per cent, in PyTorch against its own float64 as well. Flips come
# from flat parts of a picture, so noise is laid over it, and from long steps, so the larger networks take short ones;
# that the movement agrees, however short, is asserted beside the weights.
# Each entry has a process of its own: late in the process of the whole suite the gradients of one tiny network came out
# different, which does not happen in a fresh one; why is not known yet.
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_training_steps_move_every_weight_alike(name: str, both_frameworks: tuple[str, ...]) -> None:
    with get_context("spawn").Pool(1) as pool:
        for variant in variants_of(name):
            if variant in RATES:
                pool.apply(compare_steps, (name, variant))


def compare_steps(name: str, variant: str) -> None:
    """Train in both frameworks from the same weights; AssertionError names the step or the weight that differs."""
    models = pair_of(name, variant)
    # plain descent: Adam divides by |gradient| and turns the last bit of a tiny gradient into a full step
    recipe = replace(models[0].recipe(), optimiser="sgd", momentum=0.9, clip_norm=1.0, weight_decay=1e-4)
    inputs, targets = batch_of(models[0], samples_of(models[0], 2))
    inputs = textured(inputs)
    before = models[0].engine.weights()

    steps = STEPS.get(variant, FEW_STEPS)
    losses = []
    for model in models:
        start_training(model, recipe)
        losses.append([model.engine.step(inputs, targets, RATES[variant], seed=step) for step in range(steps)])

    for step, (expected, found) in enumerate(zip(*losses, strict=True)):
        assert found.terms == pytest.approx(expected.terms, rel=1e-2, abs=1e-4), f"{variant}, step {step}"
        assert np.isfinite([expected.grad_norm, found.grad_norm]).all(), f"{variant}, step {step} changed no weight"
    first, second = (model.engine.weights() for model in models)
    for key, value in first.items():
        tolerance = STATISTIC_TOLERANCE if key.endswith(("running_mean", "running_var")) else STEP_TOLERANCE
        scale = max(1, np.abs(value).max())
        np.testing.assert_allclose(second[key], value, atol=tolerance * scale, err_msg=f"{variant}: {key}")
    moved = [np.concatenate([(w[key] - before[key]).ravel() for key in before]) for w in (first, second)]
    assert np.linalg.norm(moved[0] - moved[1]) < MOVEMENT_TOLERANCE * np.linalg.norm(moved[0]), variant


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_does_not_depend_on_how_many_images_the_step_before_had(
    name: str, both_frameworks: tuple[str, ...]
) -> None:
    models = pair_of(name, "tiny")
    for model in models:
        start_training(model, replace(model.recipe(), clip_norm=0.0))

    for count in (4, 2):  # an operator of MindSpore that remembers the first shape differs in the second step
        batch = batch_of(models[0], samples_of(models[0], count))
        expected, found = (model.engine.step(*batch, 0.0, 0).grad_norm for model in models)
        assert found == pytest.approx(expected, rel=5e-3), count


@pytest.mark.parametrize("name", NAMES)
def test_losses_of_what_a_prediction_sees_are_equal(name: str, both_frameworks: tuple[str, ...]) -> None:
    first, second = pair_of(name, "tiny")
    inputs, targets = batch_of(first, samples_of(first, 2))
    outputs = first.engine.forward(inputs)
    before = first.engine.weights()

    expected, found = first.engine.losses(outputs, targets), second.engine.losses(outputs, targets)

    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
    if Package(first.entry).losses("torch") is None:  # an objective needs the network itself
        assert expected == {}
        return
    assert expected and np.isfinite(list(expected.values())).all()
    assert all(np.array_equal(value, first.engine.weights()[key]) for key, value in before.items())


def textured(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Lay noise over the pictures of a batch."""
    rng = np.random.default_rng(0)
    return {k: (v + 0.3 * v.std() * rng.standard_normal(v.shape)).astype(v.dtype) for k, v in inputs.items()}


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_optimisers_take_the_same_steps(optimiser: str, both_frameworks: tuple[str, ...]) -> None:
    models = pair_of(NAMES[0], "tiny")
    recipe = replace(models[0].recipe(), optimiser=optimiser, weight_decay=0.1, ema_decay=0.5, clip_norm=0.1)
    inputs, targets = batch_of(models[0], samples_of(models[0], 4))
    batch = textured(inputs), targets

    for model in models:
        start_training(model, recipe)
        for step in range(3):
            model.engine.step(*batch, learning_rate=1e-4, seed=step)

    for averaged in (False, True):
        first, second = (model.engine.weights(averaged=averaged) for model in models)
        for key, value in first.items():
            np.testing.assert_allclose(second[key], value, atol=1e-4 * max(1, np.abs(value).max()), err_msg=key)


def test_both_frameworks_draw_the_same_first_weights(both_frameworks: tuple[str, ...]) -> None:
    for name in NAMES:
        first, second = (zoo.load(name, backend=b, checkpoint=None, variant="tiny", seed=3) for b in both_frameworks)
        expected, found = first.engine.weights(), second.engine.weights()

        assert all(np.array_equal(expected[key], found[key]) for key in expected)
