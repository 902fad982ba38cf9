"""Which weights a run keeps and ships, what it says of its scores, and what the log and the curves show."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.common.batches import training_batches
from zoo.common.datasets import open_dataset
from zoo.common.errors import BelowBaselineWarning, ZooWarning
from zoo.common.types import Image, Sample
from zoo.common.weights import read_weights
from zoo.training.curves import plot_curves
from zoo.training.folder import Progress, RunFolder
from zoo.training.loop import is_better
from zoo.training.validation import validate

from .test_training import CLASSES, tiny, write_folder

AVERAGED: dict[str, Any] = {"batch_size": 8, "ema_decay": 0.5}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("data"), CLASSES)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZooWarning)
        yield


def watch(model: zoo.Model, monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], dict[str, Any], Any]]:
    """Note before and after each step the raw weights, and after it the average."""
    engine, seen = model.engine, []
    step = engine.step

    def noting(*arguments: Any, **options: Any) -> Any:
        before = engine.weights()
        result = step(*arguments, **options)
        seen.append((before, engine.weights(), engine.weights(averaged=True)))
        return result

    monkeypatch.setattr(engine, "step", noting)
    return seen


def are_equal(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def score_by(model: zoo.Model, scores: Sequence[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the validations have these scores, one per epoch, and the test none."""
    given = iter(scores)
    monkeypatch.setattr(model.algorithm, "summarise", lambda rows: {"roc_auc": next(given, 1.0)})


def test_the_average_is_shipped(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny("torch")
    steps = watch(model, monkeypatch)

    model.train(data, out=tmp_path, epochs=1, **AVERAGED)

    _, raw, average = steps[-1]
    assert not are_equal(raw, average)
    for name in ("best.safetensors", "last.safetensors"):
        assert are_equal(read_weights(tmp_path / name)[0], average), name


def test_training_goes_on_from_the_raw_weights(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny("torch")
    steps = watch(model, monkeypatch)

    model.train(data, out=tmp_path, epochs=2, **AVERAGED)

    for (_, after, _), (before, _, _) in pairwise(steps):
        assert are_equal(after, before)  # also where an epoch with its validation lies between


def test_the_best_and_not_the_last_weights_are_kept(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny("torch")
    steps = watch(model, monkeypatch)
    score_by(model, [0.9, 0.1], monkeypatch)

    report = model.train(data, out=tmp_path, epochs=2, batch_size=8)

    after_first = steps[len(steps) // 2 - 1][1]
    assert report.best_epoch == 1
    assert are_equal(read_weights(tmp_path / "best.safetensors")[0], after_first)
    assert are_equal(model.engine.weights(), after_first)
    assert are_equal(read_weights(tmp_path / "last.safetensors")[0], steps[-1][1])


class Drawing:
    """An algorithm whose copy of a sample is the number that it drew."""

    def check_labelled(self, image: Image, trains: bool) -> None:
        pass

    def enter(self, image: Image) -> Image:
        return image

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return Sample(Image(np.full((1, 1, 1), rng.random())), sample.labels)

    def preprocess(self, image: Image) -> dict[str, np.ndarray]:
        return {"image": image.array}

    def targets(self, sample: Sample) -> dict[str, np.ndarray]:
        return dict(sample.labels)


def test_every_sample_of_every_epoch_has_a_random_stream_of_its_own() -> None:
    samples = [Sample(Image(np.zeros((1, 1, 1))), {"index": np.array(i)}) for i in range(8)]

    def drawn(batch_size: int, epoch: int, skip: int = 0) -> dict[int, float]:
        batches = training_batches(Drawing(), samples, batch_size, 3, epoch, skip)  # type: ignore[arg-type]
        pairs = [(int(i), float(x)) for a, b in batches for i, x in zip(b["index"], a["image"].ravel(), strict=True)]
        return dict(pairs)

    both = [*drawn(4, 0).values(), *drawn(4, 1).values()]
    assert len(set(both)) == 16
    assert drawn(4, 0) == drawn(2, 0)  # whatever the batches
    assert drawn(4, 0, skip=1).items() <= drawn(4, 0).items()  # and where a resumed run starts


def test_a_repeated_sample_is_drawn_so_often_each_time_changed_by_itself() -> None:
    samples = [Sample(Image(np.zeros((1, 1, 1))), {"index": np.array(i)}) for i in range(4)]

    def drawn(repeats: int, skip: int = 0) -> list[tuple[int, float]]:
        batches = training_batches(Drawing(), samples, 2, 3, 0, skip, repeats)  # type: ignore[arg-type]
        return [(int(i), float(x)) for a, b in batches for i, x in zip(b["index"], a["image"].ravel(), strict=True)]

    thrice = drawn(3)
    assert sorted(index for index, _ in thrice) == sorted([0, 1, 2, 3] * 3)
    assert len({value for _, value in thrice}) == 12
    assert set(drawn(1)) <= set(thrice)  # once is the first of the draws
    assert drawn(3, skip=4) == thrice[8:]  # where a resumed run goes on


@pytest.mark.parametrize(
    ("scores", "best"),
    [([math.nan, 0.2, 0.1], 2), ([0.1, math.nan, 0.2], 3), ([math.nan, math.nan], 2), ([0.3, math.nan], 1)],
)
def test_an_undefined_score_is_worse_than_any(scores: list[float], best: int) -> None:
    progress = Progress()

    for epoch, score in enumerate(scores, start=1):
        if is_better(score, progress):
            progress.best_epoch, progress.best_score = epoch, None if math.isnan(score) else score

    assert progress.best_epoch == best


def test_one_class_in_validation_is_told_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_folder(tmp_path / "data", CLASSES)
    for picture in (data / "val" / CLASSES[1]).iterdir():
        picture.unlink()

    report = tiny("torch").train(data, out=tmp_path / "run", epochs=2, batch_size=8)

    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    records = [json.loads(line, parse_constant=pytest.fail) for line in lines]  # NaN is no JSON
    epochs = [record for record in records if record["event"] == "epoch"]
    assert [epoch["validation"]["roc_auc"] for epoch in epochs] == [None, None]
    assert "at least two classes; there are 4 of normal, 0 of covid" in epochs[0]["undefined"]["roc_auc"]
    assert "roc_auc is not defined: roc_auc needs cases of at least two" in capsys.readouterr().out
    assert report.best_epoch == 2 and math.isnan(report.best_score)
    assert not any(record["event"] == "operating_point" for record in records)  # nothing to choose it on
    assert (tmp_path / "run" / "curves.png").exists()


@pytest.mark.parametrize("split", ["test", "val"])
def test_a_run_below_the_trivial_baseline_says_so(tmp_path: Path, split: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_folder(tmp_path / "data", CLASSES)
    if split == "val":
        for picture in (data / "test").glob("*/*"):
            picture.unlink()
    monkeypatch.setattr("zoo.training.run.score_baseline", lambda *arguments: {"roc_auc": 1.5})

    with pytest.warns(BelowBaselineWarning, match=f"on the {split} split is below the trivial baseline, 1.5"):
        tiny("torch").train(data, out=tmp_path / "run", epochs=1, batch_size=8)

    below = RunFolder(tmp_path / "run").records()[-1]["below_baseline"]
    assert (below["split"], below["baseline"]) == (split, 1.5)
    assert 0 <= below["score"] <= 1


def test_a_run_above_the_baseline_says_nothing(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny("torch")
    score_by(model, [], monkeypatch)

    with warnings.catch_warnings():
        warnings.simplefilter("error", BelowBaselineWarning)
        model.train(data, out=tmp_path, epochs=1, batch_size=8)

    assert "below_baseline" not in RunFolder(tmp_path).records()[-1]


@pytest.mark.parametrize("epochs", [1, 3, 40])
def test_curves_show_whole_epochs_and_the_rate(epochs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *a, **k: (figure.canvas.draw(), figures.append(figure)))
    records = [
        {"event": "epoch", "epoch": n, "training": {"a": 1 / n, "b": 0.0, "grad_norm": 9.0}, "learning_rate": 0.1 / n,
         "validation": {"dice": None if n == 2 else n / 100}}
        for n in range(1, epochs + 1)
    ]  # fmt: skip

    plot_curves(records, "dice", tmp_path / "curves.png")

    (figure,) = figures
    for axes in figure.axes:
        ticks = [tick for tick in axes.get_xticks() if 0.5 <= tick <= epochs + 0.5]
        assert ticks and all(tick == round(tick) for tick in ticks)
    assert [axes.get_title() for axes in figure.axes][1:] == [
        "validation dice",
        "learning rate at the end of the epoch",
    ]
    assert {line.get_label() for line in figure.axes[0].lines} == {"sum", "a", "b"}


@pytest.mark.parametrize("unseen", [[None, None], [0.5, 0.7], [None, 0.7]])
def test_curves_draw_the_validation_loss_of_logs_that_have_it(
    unseen: list[float | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.figure import Figure

    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *a, **k: figures.append(figure))
    records = [
        {"event": "epoch", "epoch": n, "training": {"a": 1.0}, "validation": {"dice": 0.5}, "learning_rate": 0.1}
        | ({} if value is None else {"validation_loss": {"a": value, "b": 0.25}})
        for n, value in enumerate(unseen, start=1)
    ]

    plot_curves(records, "dice", tmp_path / "curves.png")

    drawn = {line.get_label(): list(line.get_ydata()) for line in figures[0].axes[0].lines}
    sums = [math.nan if value is None else value + 0.25 for value in unseen]
    assert drawn.pop("a") == [1.0, 1.0]
    if any(value is not None for value in unseen):
        np.testing.assert_array_equal(drawn.pop("validation, sum"), sums)
    assert not drawn


def test_the_validation_loss_is_of_the_shipped_weights_over_all_cases(
    framework: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tiny(framework)
    model.train(data, out=tmp_path, epochs=2, batch_size=5, ema_decay=0.9)  # the last batch of 8 cases is smaller

    epochs = [record for record in RunFolder(tmp_path).records() if record["event"] == "epoch"]
    model.engine.load(read_weights(tmp_path / "last.safetensors")[0])
    samples = list(open_dataset(data, "classification").split("val"))
    images = np.stack([model.algorithm.preprocess(sample.image)["image"] for sample in samples])
    logits = model.engine.forward({"image": images})["logits"].astype(float)
    labels = [int(sample.labels["label"]) for sample in samples]
    smoothing = model.config.label_smoothing
    chosen = (1 - smoothing) * logits[np.arange(8), labels] + smoothing * logits.mean(axis=1)
    expected = np.mean(np.log(np.exp(logits).sum(axis=1)) - chosen)
    assert [list(record["validation_loss"]) for record in epochs] == [["cross_entropy"]] * 2
    assert epochs[-1]["validation_loss"]["cross_entropy"] == pytest.approx(expected, rel=1e-4)
    assert f", validation loss {expected:.4g}"[:-2] in capsys.readouterr().out


def test_a_resumed_run_logs_the_same_validation_loss(framework: str, data: Path, tmp_path: Path) -> None:
    for out, stops in (("whole", False), ("parts", True)):
        model = tiny(framework)
        options: dict[str, Any] = {"out": tmp_path / out, "epochs": 2, "batch_size": 8}
        if stops:
            step = model.engine.step
            model.engine.step = stop_at(4, step)  # type: ignore[method-assign]
            with pytest.raises(RuntimeError, match="pulled"):
                model.train(data, **options)
            model = tiny(framework)
        model.train(data, **options, resume=stops)

    logs = [[r.get("validation_loss") for r in RunFolder(tmp_path / out).records() if r["event"] == "epoch"]
            for out in ("whole", "parts")]  # fmt: skip
    assert logs[0] == logs[1] and all(logs[0])


def stop_at(number: int, step: Any) -> Any:
    """Let the step of this number fail."""
    seen: list[int] = []

    def stopping(*arguments: Any, **options: Any) -> Any:
        seen.append(0)
        if len(seen) > number:
            raise RuntimeError("the plug was pulled")
        return step(*arguments, **options)

    return stopping


def test_what_is_seen_in_windows_has_no_validation_loss() -> None:
    model = zoo.load("U-CSRNet", backend="torch", checkpoint=None, variant="tiny")
    sample = type(model.algorithm).example(model.config, np.random.default_rng(0))

    cases, loss = validate(model.algorithm, model.engine, [sample], batch_size=2)

    assert len(cases) == 1 and loss == {}


def test_shipped_logs_are_read_as_they_are() -> None:
    for path in sorted((Path(__file__).parents[1] / "checkpoints").rglob("*.log.jsonl")):
        records = [json.loads(line) for line in path.read_text().splitlines()]
        assert any(record["event"] == "epoch" for record in records), path
