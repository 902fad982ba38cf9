"""What a training step does: rates and decay by name, the moving average, its state; the same in both frameworks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.common.recipe import Recipe
from zoo.engines.engine import GRAD_NORM, Step, average_decay, decays, loss_terms, rate_factor

from .models.harness import NAMES, batch_of, samples_of

HEAD = ("head.",)


def tiny(framework: str, name: str = "Covid-ResNet") -> zoo.Model:
    """Open a tiny network with random weights."""
    return zoo.load(name, backend=framework, device="cpu", checkpoint=None, variant="tiny")


def train(model: zoo.Model, steps: int = 1, rate: float = 1e-2, **changes: Any) -> dict[str, np.ndarray]:
    """Take a few steps on one batch; return how far each weight went."""
    before = model.engine.weights()
    recipe = replace(Recipe(weight_decay=0.0), **changes)
    model.engine.start_training(recipe, model.algorithm.head, model.algorithm.undecayed)
    batch = batch_of(model, samples_of(model, 2))
    for seed in range(steps):
        model.engine.step(*batch, rate, seed)
    return {name: np.abs(value - before[name]).max() for name, value in model.engine.weights().items()}


def is_statistic(name: str) -> bool:
    return name.endswith(("running_mean", "running_var"))


def test_the_longest_prefix_sets_the_rate_before_head_and_body() -> None:
    recipe = Recipe(body_factor=0.1, rates=(("body.", 0.5), ("body.last.", 2.0), ("head.b", 3.0)))

    found = [rate_factor(n, recipe, HEAD) for n in ("stem.w", "body.w", "body.last.w", "head.weight", "head.bias")]

    assert found == [0.1, 0.5, 2.0, 1.0, 3.0]


def test_one_axis_and_named_parameters_do_not_decay() -> None:
    undecayed = ("pos_embed",)

    assert decays("a.weight", (3, 2), undecayed)
    assert not decays("a.bias", (3,), undecayed)
    assert not decays("pos_embed", (1, 4, 2), undecayed)
    assert decays("pos_embed", (1, 4, 2), ())


def test_rates_and_body_factor_reach_the_optimiser(framework: str) -> None:
    moved = train(tiny(framework), body_factor=0.0, rates=(("layer1.", 0.5), ("layer1.0.conv2.", 0.0)))

    went = {name for name, far in moved.items() if far > 0 and not is_statistic(name)}
    assert went == {n for n in moved if n.startswith(("fc.", "layer1.")) and not is_statistic(n)} - {
        "layer1.0.conv2.weight"
    }
    assert moved["fc.weight"] == pytest.approx(1e-2, rel=0.05)  # Adam's first step is the rate
    assert moved["layer1.0.conv1.weight"] == pytest.approx(5e-3, rel=0.05)


@pytest.mark.parametrize("name", ["Covid-ResNet", "Covid-Transformer", "TS-CAM", "UNETR"])
def test_decay_leaves_biases_norms_positions_and_tokens_alone(framework: str, name: str) -> None:
    """The two runs differ in decay alone, which a first step of Adam does not mix with the gradient."""
    ends = []
    for decay in (0.0, 0.5):
        model = tiny(framework, name)
        shifted = {n: v if is_statistic(n) else v + np.float32(0.1) for n, v in model.engine.weights().items()}
        model.engine.load(shifted)
        train(model, weight_decay=decay)
        ends.append(model.engine.weights())

    differ = {n for n in ends[0] if np.abs(ends[0][n] - ends[1][n]).max() > 1e-5}
    kernels = {n for n, v in ends[0].items() if v.ndim > 1 and n not in ("pos_embed", "cls_token")}
    assert differ == kernels


@pytest.mark.parametrize("name", NAMES)
def test_undecayed_names_existing_weights_and_every_embedding(name: str) -> None:
    pytest.importorskip("torch")
    model = tiny("torch", name)
    names = model.engine.shapes()

    assert all(any(n.startswith(prefix) for n in names) for prefix in model.algorithm.undecayed)
    embeddings = [n for n in names if "embed" in n.split(".")[-1] or "token" in n.split(".")[-1]]
    assert all(n.startswith(model.algorithm.undecayed) for n in embeddings)


def test_the_average_decay_rises_to_its_full_length() -> None:
    assert average_decay(0.99, 0) == 0.1
    assert average_decay(0.99, 90) == pytest.approx(0.91)
    assert average_decay(0.99, 10_000) == 0.99
    assert average_decay(0.05, 0) == 0.05


def test_a_short_run_does_not_ship_the_weights_it_started_from(framework: str) -> None:
    kept = 1.0
    for updates in range(36):
        kept *= average_decay(0.99, updates)
    model = tiny(framework)
    start = model.engine.weights()

    train(model, steps=12, rate=1e-3, ema_decay=0.99)

    now, shipped = model.engine.weights(), model.engine.weights(averaged=True)
    way = {name: np.abs(now[name] - start[name]).sum() for name in now}
    rest = {name: np.abs(now[name] - shipped[name]).sum() for name in now}
    assert kept < 1e-6 < 0.99**36
    assert sum(rest.values()) < 0.5 * sum(way.values())


def test_averages_are_equal_in_both_frameworks(both_frameworks: tuple[str, ...]) -> None:
    found = []
    for framework in both_frameworks:
        model = tiny(framework)
        train(model, steps=4, rate=1e-4, ema_decay=0.9, optimiser="sgd")
        found.append(model.engine.weights(averaged=True))

    for name, value in found[0].items():
        np.testing.assert_allclose(found[1][name], value, atol=1e-4 * max(1, np.abs(value).max()), err_msg=name)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_the_average_resumes_exactly(framework: str, optimiser: str) -> None:
    recipe = Recipe(ema_decay=0.99, optimiser=optimiser)
    whole = tiny(framework)
    batch = batch_of(whole, samples_of(whole, 2))
    whole.engine.start_training(recipe, whole.algorithm.head)
    for seed in range(3):
        whole.engine.step(*batch, 1e-3, seed)
    weights, state = whole.engine.weights(), whole.engine.training_state()
    whole.engine.step(*batch, 1e-3, 3)

    resumed = tiny(framework)
    resumed.engine.load(weights)
    resumed.engine.start_training(recipe, resumed.algorithm.head)
    resumed.engine.load_training_state(state)
    resumed.engine.step(*batch, 1e-3, 3)

    expected = whole.engine.weights(averaged=True)
    for name, value in resumed.engine.weights(averaged=True).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_a_state_without_a_count_goes_on_at_full_decay(framework: str) -> None:
    model = tiny(framework)
    train(model, ema_decay=0.75)
    state = {name: value for name, value in model.engine.training_state().items() if name != "updates."}
    before = model.engine.weights(averaged=True)
    model.engine.load_training_state(state)
    batch = batch_of(model, samples_of(model, 2))

    model.engine.step(*batch, 1e-2, 1)

    now, after = model.engine.weights(), model.engine.weights(averaged=True)
    for name, value in before.items():
        np.testing.assert_allclose(after[name], 0.75 * value + 0.25 * now[name], atol=1e-5, err_msg=name)


def test_a_step_is_recorded_as_terms_and_the_length_of_the_gradient() -> None:
    record = Step({"a": 1.0, "b": 2.0}, grad_norm=3.0).record()

    assert list(record) == ["a", "b", GRAD_NORM]
    assert loss_terms(record) == {"a": 1.0, "b": 2.0}
