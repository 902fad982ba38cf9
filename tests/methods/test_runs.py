"""Whole runs by a method: what they log, ship and resume."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

import zoo
from zoo.common.datasets import Dataset
from zoo.common.errors import ConfigError, HeadReinitialisedWarning, ZooWarning
from zoo.common.weights import read_weights, write_weights
from zoo.training.curves import plot_curves
from zoo.training.loop import Interrupted, Trainer

from .harness import draw_dataset, open_model, scribbled

QUICK = {"epochs": 2, "batch_size": 4, "warmup_epochs": 0.0, "augment": False}


def records_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_run_counts_its_images_and_tells_its_own_terms(tmp_path: Path) -> None:
    model = open_model("torch")

    model.train(draw_dataset(model, 4, 6), out=tmp_path, method="mean-teacher", method_options={"weight": 1}, **QUICK)

    start, *epochs = [r for r in records_of(tmp_path) if r["event"] in ("start", "epoch")]
    assert start["data"]["cases"] == {"train": 4, "val": 2, "test": 0, "unlabelled": 6}
    assert start["method"]["name"] == "mean-teacher" and start["method"]["weight"] == 1
    assert all(epoch["training"]["consistency"] > 0 and 0 < epoch["method"]["ramp"] <= 1 for epoch in epochs)


@pytest.mark.parametrize("name", ["cps", "mc-net"])
@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_what_is_shipped_is_an_ordinary_checkpoint_of_the_entry(name: str, ema_decay: float, tmp_path: Path) -> None:
    model = open_model("torch")
    names = set(model.engine.shapes())

    report = model.train(draw_dataset(model), out=tmp_path, method=name, ema_decay=ema_decay, **QUICK)

    again = zoo.load("2D-UNet", checkpoint=report.best, backend="torch")
    weights = model.engine.weights()
    assert set(read_weights(report.best)[0]) == set(read_weights(tmp_path / "last.safetensors")[0]) == names
    assert all(np.array_equal(value, weights[key]) for key, value in again.engine.weights().items())


def test_a_checkpoint_that_holds_the_further_networks_of_a_method_loads(tmp_path: Path) -> None:
    model = open_model("torch")
    arrays, metadata = read_weights(model.save(tmp_path / "a.safetensors"))

    write_weights(tmp_path / "b.safetensors", arrays | {f"partner1/{key}": v for key, v in arrays.items()}, metadata)

    assert (
        zoo.load("2D-UNet", checkpoint=tmp_path / "b.safetensors", backend="torch").engine.shapes().keys()
        == arrays.keys()
    )


def test_the_better_network_is_shipped(tmp_path: Path) -> None:
    model = open_model("torch")

    model.train(draw_dataset(model), out=tmp_path, method="cps", **QUICK)

    assert {r["shipped_network"] for r in records_of(tmp_path) if r["event"] == "epoch"} <= {"the first", "partner1"}


@pytest.mark.parametrize(
    ("name", "backend"),
    [("cps", "torch"), ("mean-teacher", "torch"), pytest.param("cps", "mindspore", marks=pytest.mark.slow)],
)
def test_an_interrupted_run_ends_as_if_it_had_not_been(
    name: str, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(backend)
    whole, broken = open_model(backend), open_model(backend)
    data = draw_dataset(whole)
    whole.train(data, out=tmp_path / "whole", method=name, ema_decay=0.9, **QUICK)
    finish = Trainer._finish_epoch

    def finish_once(trainer: Trainer) -> None:
        finish(trainer)
        raise Interrupted("stopped")

    monkeypatch.setattr(Trainer, "_finish_epoch", finish_once)
    with pytest.raises(KeyboardInterrupt):
        broken.train(data, out=tmp_path / "broken", method=name, ema_decay=0.9, **QUICK)
    monkeypatch.setattr(Trainer, "_finish_epoch", finish)
    broken.train(data, out=tmp_path / "broken", method=name, ema_decay=0.9, resume=True, **QUICK)

    expected, found = whole.engine.weights(), broken.engine.weights()
    assert all(np.array_equal(value, found[key]) for key, value in expected.items())


def test_a_run_is_not_resumed_by_another_method(tmp_path: Path) -> None:
    model = open_model("torch")
    model.train(draw_dataset(model), out=tmp_path, method="mean-teacher", **QUICK)

    with pytest.raises(zoo.ZooError, match=r"method: .*name was 'mean-teacher', is 'uamt'"):
        model.train(draw_dataset(model), out=tmp_path, method="uamt", resume=True, **QUICK)


def test_scribbles_teach_the_whole_object(tmp_path: Path) -> None:
    model = open_model("torch")
    data = draw_dataset(model, 8, 0, change=lambda sample: scribbled(sample, 0.1))

    course = {**QUICK, "epochs": 3, "repeats": 10, "learning_rate": 1e-2, "augment": None}
    report = model.train(data, out=tmp_path, method="partial-cross-entropy", **course)

    assert report.best_score > 0.6  # of masks of which it saw a tenth


def test_an_entry_that_cannot_serve_a_method_says_so_by_name(tmp_path: Path) -> None:
    slices = zoo.load("Covid-ResNet", backend="torch", checkpoint=None, variant="tiny")
    transformer = zoo.load("UNETR", backend="torch", checkpoint=None, variant="tiny")

    with pytest.raises(ConfigError, match="Covid-ResNet cannot be trained by cps, which needs a mask"):
        slices.train(tmp_path, out=tmp_path / "run", method="cps")
    with pytest.raises(ConfigError, match="UNETR cannot be trained by cct: its network has no further decoder"):
        transformer.train(tmp_path, out=tmp_path / "run", method="cct")


def test_a_loss_is_chosen_by_name(tmp_path: Path) -> None:
    model = open_model("torch")

    model.train(draw_dataset(model, unlabelled=0), out=tmp_path, loss="focal-dice+gce", **QUICK)

    epoch = next(r for r in records_of(tmp_path) if r["event"] == "epoch")
    assert set(epoch["training"]) == {"focal_dice", "gce", "grad_norm"}
    assert set(epoch["validation_loss"]) == {"focal_dice", "gce"}


def test_classes_are_weighed_and_the_log_says_so(tmp_path: Path) -> None:
    model = open_model("torch")
    classes = len(model.config.classes)
    weights = (0.0, *(1.0,) * (classes - 1))

    model.train(draw_dataset(model, unlabelled=0), out=tmp_path, loss="cross-entropy", class_weights=weights, **QUICK)

    assert records_of(tmp_path)[0]["recipe"]["class_weights"] == list(weights)
    first = next(r for r in records_of(tmp_path) if r["event"] == "epoch")
    assert first["training"]["cross_entropy"] > 0


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"class_weights": (1.0, 2.0)}, "given without a loss"),
        ({"loss": "dice", "class_weights": (1.0, 0.0)}, "leaves only the background"),
        ({"loss": "dice", "method": "gated-crf"}, "gated-crf compares pixels by a loss of its own"),
        ({"loss": "dice", "method": "co-teaching"}, "co-teaching compares pixels by a loss of its own"),
    ],
)
def test_a_loss_that_would_not_be_used_is_refused(asked: dict, told: str, tmp_path: Path) -> None:
    model = zoo.load("2D-UNet", backend="torch", checkpoint=None, variant="tiny", classes=("background", "heart"))

    with pytest.raises(ConfigError, match=told):
        model.train(tmp_path, out=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


def test_weights_are_those_of_the_classes_that_are_trained(tmp_path: Path) -> None:
    classes = ("background", "heart", "lung")
    data = draw_dataset(open_model("torch", classes=classes), unlabelled=0)
    named = Dataset(data.records, "drawn", classes)
    model = open_model("torch")  # of two classes, before it is trained

    with pytest.raises(ConfigError, match=r"expected 3 numbers, one for each of background, heart, lung"):
        model.train(named, out=tmp_path, loss="dice", class_weights=(1.0, 2.0), **QUICK)
    with pytest.warns(HeadReinitialisedWarning):
        model.train(named, out=tmp_path, loss="dice", class_weights=(1.0, 2.0, 3.0), **QUICK)

    other = open_model("torch", classes=("background", "lung", "heart"))
    with pytest.warns(ZooWarning, match=r"order of the model, not of drawn: background 1, lung 2, heart 3"):
        other.train(named, out=tmp_path / "other", loss="dice", class_weights=(1.0, 2.0, 3.0), **QUICK)


def test_a_loss_that_would_leave_coarse_outputs_untrained_is_refused(tmp_path: Path) -> None:
    model = zoo.load("3D-UNet", backend="torch", checkpoint=None, variant="tiny", deep_supervision=True)

    with pytest.raises(ConfigError, match="expected deep_supervision=False"):
        model.train(tmp_path, out=tmp_path / "run", loss="dice")


def test_what_a_method_tells_of_its_steps_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *a, **k: figures.append(figure))
    epoch = {"event": "epoch", "training": {"cross_entropy": 1.0}, "validation": {"dice": 0.5}, "learning_rate": 0.1}
    records = [{**epoch, "epoch": n, "method": {"ramp": n / 2, "kept_share": 1 - n / 10}} for n in (1, 2)]

    plot_curves(records, "dice", tmp_path / "curves.png")

    drawn = {line.get_label(): list(line.get_ydata()) for line in figures[0].axes[3].lines}
    assert drawn["ramp"] == [0.5, 1.0] and drawn["kept share"] == [0.9, 0.8]
