"""An adversarial pair trains through the contract: each phase moves its own weights, and the critic is not shipped."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.errors import TrainingError
from zoo.common.phases import ALL, Phase, share_out
from zoo.common.weights import read_weights
from zoo.model import Model

from .models.harness import batch_of, samples_of
from .toy.install import RIVALS, install_plugin, write_data


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages with the pair in it."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    install_plugin(tmp_path / "site", registry=f"models:{RIVALS}")
    yield tmp_path / "site"
    for name in [n for n in sys.modules if n.split(".")[0] == "toy_zoo"]:
        del sys.modules[name]


def rivals(framework: str, **changes: object) -> Model:
    """Open the pair, ready to train."""
    model = zoo.load("Toy-Rivals", backend=framework, checkpoint=None, variant="tiny")
    recipe = replace(model.recipe(), **changes)
    model.engine.start_training(recipe, model.algorithm.head, (), model.algorithm.phases)
    return model


def moved(model: Model, steps: int = 1, rate: float = 0.05) -> set[str]:
    """Take steps; name the weights that are others now, but for running statistics."""
    before = model.engine.weights()
    for seed in range(steps):
        model.engine.step(*batch_of(model, samples_of(model, 2)), rate, seed)
    after = model.engine.weights()
    return {n for n in before if "running" not in n and not np.array_equal(before[n], after[n])}


def test_a_weight_belongs_to_exactly_one_phase() -> None:
    assert share_out(["a.w", "b.w"], (Phase("x", ("b.",)), Phase("y", ("a.",)))) == [["b.w"], ["a.w"]]
    assert share_out(["a.w", "b.w"], ALL) == [["a.w", "b.w"]]
    with pytest.raises(TrainingError, match=r"b\.w: trained by no phase"):
        share_out(["a.w", "b.w"], (Phase("x", ("a.",)),))
    with pytest.raises(TrainingError, match=r"a\.w: trained by x, y"):
        share_out(["a.w"], (Phase("x"), Phase("y", ("a.",))))


def test_a_frozen_phase_leaves_the_other_alone(framework: str) -> None:
    assert moved(rivals(framework, freeze=("judge.",))) == {
        n for n in rivals(framework).engine.weights() if "running" not in n and not n.startswith("judge.")
    }
    assert moved(rivals(framework, freeze=("body.", "norm.", "place.", "presence."))) == {"judge.weight", "judge.bias"}


def test_the_loss_of_one_phase_reaches_no_weight_of_the_other(framework: str) -> None:
    plain = {"optimiser": "sgd", "momentum": 0.0, "weight_decay": 0.0}
    both, without_critic, unfooled = rivals(framework, **plain), rivals(framework, **plain), rivals(framework, **plain)
    for model in (both, without_critic):  # the finder first, so that it meets the same critic
        changed = {**plain, "freeze": ("judge.",) if model is without_critic else ()}
        recipe = replace(model.recipe(), **changed)
        model.engine.start_training(recipe, model.algorithm.head, (), model.algorithm.phases[::-1])
    objective = unfooled.engine._objective
    unfooled.engine._objective = lambda *given: {n: v for n, v in objective(*given).items() if n != "fooled"}

    for model in (both, without_critic, unfooled):
        moved(model)
    finder, judge = both.engine.weights(), rivals(framework, **plain)
    moved(judge)

    names = [n for n in finder if "running" not in n]
    others = without_critic.engine.weights()
    assert all(np.array_equal(finder[n], others[n]) for n in names if not n.startswith("judge."))
    assert np.array_equal(judge.engine.weights()["judge.weight"], unfooled.engine.weights()["judge.weight"])


def test_both_frameworks_take_the_same_steps(both_frameworks: tuple[str, ...]) -> None:
    first, second = (rivals(f, optimiser="sgd", momentum=0.9, clip_norm=0.5) for f in both_frameworks)

    names = moved(first, 4, 1e-3), moved(second, 4, 1e-3)  # small steps: a ReLU that flips changes all that follow

    assert names[0] == names[1]
    found = second.engine.weights()
    for name, value in first.engine.weights().items():
        np.testing.assert_allclose(found[name], value, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_a_resumed_pair_takes_the_steps_of_one_that_was_not_stopped(framework: str, optimiser: str) -> None:
    whole = rivals(framework, optimiser=optimiser, ema_decay=0.9)
    moved(whole, 2)
    weights, state = whole.engine.weights(), whole.engine.training_state()
    moved(whole, 3)

    resumed = rivals(framework, optimiser=optimiser, ema_decay=0.9)
    resumed.engine.load(weights)
    resumed.engine.load_training_state(state)
    moved(resumed, 3)

    for averaged in (False, True):
        found = resumed.engine.weights(averaged=averaged)
        assert all(np.array_equal(found[n], v) for n, v in whole.engine.weights(averaged=averaged).items())


def test_a_pair_is_trained_and_its_critic_is_not_shipped(tmp_path: Path, framework: str) -> None:
    data = write_data(tmp_path / "data")
    model = zoo.load("Toy-Rivals", backend=framework, checkpoint=None, variant="tiny")

    report = model.train(data, out=tmp_path / "run", epochs=25)
    saved = model.save(tmp_path / "pair.safetensors")
    again = zoo.load("Toy-Rivals", backend=framework, checkpoint=saved)

    for file in (report.best, saved):
        names = set(read_weights(file)[0])
        assert names == {n for n in model.engine.weights() if not n.startswith("judge.")}
    result = again.evaluate(data)
    assert result.metrics == report.test.metrics
    assert result.metrics["dice"] > result.baseline["dice"]
    record = (tmp_path / "run" / "log.jsonl").read_text()
    assert all(f'"{term}"' in record for term in ("judged", "fooled", "presence", "place"))


def test_a_shipped_pair_goes_on_with_a_critic_drawn_anew(tmp_path: Path) -> None:
    first = zoo.load("Toy-Rivals", backend="torch", checkpoint=None, variant="tiny", seed=1)
    again = zoo.load("Toy-Rivals", backend="torch", checkpoint=first.save(tmp_path / "pair.safetensors"))

    weights = first.engine.weights()
    kept = {n for n, v in again.engine.weights().items() if np.array_equal(v, weights[n]) and v.any() and "1" not in n}

    assert not any(n.startswith("judge.weight") for n in kept)
    assert {"body.weight", "place.weight", "presence.weight"} <= kept
    report = again.train(write_data(tmp_path / "data"), out=tmp_path / "run", epochs=1)
    assert report.best_epoch == 1
