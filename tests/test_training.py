"""Training: schedule, resuming after a kill, stopping, fine-tuning, and what a run leaves behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import zoo
from zoo.common.datasets import open_dataset
from zoo.common.errors import ConfigError, DataError, HeadReinitialisedWarning, TrainingError, WeightsError
from zoo.common.recipe import Recipe
from zoo.common.weights import read_weights
from zoo.training.folder import RunFolder
from zoo.training.loop import learning_rate_at
from zoo.training.run import describe_data

from .common.known_answers import case

CLASSES = ("normal", "covid")
SCRIPT = """
import sys, zoo
model = zoo.load("Covid-ResNet", backend=sys.argv[1], checkpoint=None, variant="tiny", seed=1)
model.train(sys.argv[2], out=sys.argv[3], epochs=4, batch_size=4, seed=7, resume=sys.argv[4] == "resume")
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class folder with bright and dark squares."""
    return write_folder(tmp_path_factory.mktemp("data"), CLASSES)


def write_folder(root: Path, classes: tuple[str, ...]) -> Path:
    """Write root/<split>/<class>/<n>.png, the class told by brightness."""
    rng = np.random.default_rng(0)
    root.mkdir(parents=True, exist_ok=True)
    (root / "classes.txt").write_text("\n".join(classes))  # else they are numbered by the alphabet
    for split, count in (("train", 12), ("val", 4), ("test", 4)):
        for level, name in enumerate(classes):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 100, (40, 40)) + 70 * level
                Pillow.fromarray(pixels.astype(np.uint8)).save(folder / f"{split}_{name}_{i}.png")
    return root


def tiny(framework: str, seed: int = 1) -> zoo.Model:
    """Open the tiny network with random weights."""
    return zoo.load("Covid-ResNet", backend=framework, checkpoint=None, variant="tiny", seed=seed)


def run_script(framework: str, data: Path, out: Path, mode: str) -> subprocess.Popen[bytes]:
    """Train in a process of its own."""
    arguments = [sys.executable, "-c", SCRIPT, framework, str(data), str(out), mode]
    return subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)


def test_schedule_warms_up_then_falls_to_the_final_factor() -> None:
    recipe = Recipe(epochs=10, learning_rate=1.0, warmup_epochs=2, final_factor=0.1)

    rates = [learning_rate_at(step, 5, recipe) for step in range(51)]

    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[50] == pytest.approx(0.1)
    assert all(a >= b for a, b in pairwise(rates[10:]))


@pytest.mark.parametrize(("ramp", "warmup"), [("linear", 4.0), ("cosine", 0.0)])
def test_schedule_follows_the_known_ramps(ramp: str, warmup: float) -> None:
    steps = np.array([0, 100, 200, 300, 400])  # of 400 that a ramp from 100 to 500 takes
    known = case("windows_and_ramps", "ramps start=100,end=500")["expected"]
    recipe = Recipe(epochs=4, learning_rate=1.0, warmup_epochs=warmup, final_factor=0.0)

    if ramp == "linear":  # the first step of a warm-up has a rate already
        found = [0.0, *(learning_rate_at(int(step) - 1, 100, recipe) for step in steps[1:])]
    else:
        found = [1 - learning_rate_at(int(step), 100, recipe) for step in steps]

    assert found == pytest.approx(known[f"rampup_{ramp} at i=0,100,200,300,400,500,900"][1:-1])


def test_run_leaves_weights_log_curves_and_test_scores(framework: str, data: Path, tmp_path: Path) -> None:
    report = tiny(framework).train(data, out=tmp_path / "run", epochs=2, batch_size=4)

    records = RunFolder(tmp_path / "run").records()
    assert [record["event"] for record in records] == ["start", "epoch", "epoch", "operating_point", "end"]
    assert records[0]["recipe"]["epochs"] == 2
    assert "numpy" in records[0]["versions"]
    assert report.test is not None and len(report.test.rows) == 8
    assert records[-1]["test"]["metrics"] == report.test.metrics
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"best.safetensors", "last.safetensors", "settings.json", "curves.png", "test"} <= names
    assert any(name.startswith("events.out") for name in names)


def test_trained_checkpoint_opens_by_its_path_in_both(
    data: Path, tmp_path: Path, both_frameworks: tuple[str, ...]
) -> None:
    report = tiny("torch").train(data, out=tmp_path / "run", epochs=1, batch_size=4)

    answers = [
        zoo.load("Covid-ResNet", backend=b, checkpoint=report.best).predict(data / "val") for b in both_frameworks
    ]

    for first, second in zip(*answers, strict=True):
        np.testing.assert_allclose(first.probabilities, second.probabilities, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kill_after_saves", [1, 2, 3])
def test_killed_and_resumed_run_ends_with_the_same_weights(
    framework: str, data: Path, tmp_path: Path, kill_after_saves: int
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run_script(framework, data, whole, "new").wait() == 0
    process = run_script(framework, data, killed, "new")
    _wait_for_epochs(killed, kill_after_saves, process)
    process.kill()
    process.wait()

    assert run_script(framework, data, killed, "resume").wait() == 0

    for name in ("last.safetensors", "best.safetensors"):
        expected, found = read_weights(whole / name)[0], read_weights(killed / name)[0]
        for key in expected:  # bit for bit on the CPU, in both frameworks
            np.testing.assert_array_equal(found[key], expected[key], err_msg=key)
    scores = [[r["validation"] for r in RunFolder(f).records() if r["event"] == "epoch"] for f in (whole, killed)]
    assert scores[0] == scores[1]


@pytest.mark.slow
def test_interrupt_saves_and_says_how_to_resume(data: Path, tmp_path: Path) -> None:
    process = run_script("torch", data, tmp_path / "run", "new")
    _wait_for_epochs(tmp_path / "run", 1, process)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate()

    if process.returncode == 0:
        pytest.fail("the run was over before the interrupt; give it more epochs")
    assert b"resume" in message
    assert (tmp_path / "run" / "state.safetensors").exists()


def _wait_for_epochs(folder: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        log = folder / "log.jsonl"
        if log.exists() and log.read_text().count('"event": "epoch"') >= count:
            return
        time.sleep(0.005)


def test_resume_in_the_middle_of_an_epoch_is_exact(framework: str, data: Path, tmp_path: Path) -> None:
    options = {"epochs": 2, "batch_size": 8, "repeats": 2, "ema_decay": 0.9}  # six steps an epoch
    tiny(framework).train(data, out=tmp_path / "whole", **options)
    model = tiny(framework)
    step, calls = model.engine.step, []

    def interrupted(*args: object, **kwargs: object) -> dict[str, float]:
        if len(calls) == 8:
            raise MemoryError
        calls.append(1)
        if len(calls) == 4:  # what Ctrl-C does: a flag that is read after the step
            signal.raise_signal(signal.SIGINT)  # os.kill may reach another thread, and this one later
        return step(*args, **kwargs)

    model.engine.step = interrupted
    with pytest.raises(KeyboardInterrupt):
        model.train(data, out=tmp_path / "cut", **options)
    tiny(framework).train(data, out=tmp_path / "cut", resume=True, **options)

    expected, found = (read_weights(tmp_path / f / "last.safetensors")[0] for f in ("whole", "cut"))
    assert all(np.array_equal(expected[key], found[key]) for key in expected)


def test_nan_loss_stops_with_step_term_and_last_good_checkpoint(framework: str, data: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"step 2 .*not finite.*Last good checkpoint"):
        tiny(framework).train(data, out=tmp_path / "run", epochs=1, batch_size=4, learning_rate=1e30)


def test_a_run_that_repeats_its_samples_takes_so_many_more_steps(data: Path, tmp_path: Path) -> None:
    model = tiny("torch")
    step, calls = model.engine.step, []
    model.engine.step = lambda *args, **kwargs: calls.append(1) or step(*args, **kwargs)

    model.train(data, out=tmp_path / "run", epochs=2, batch_size=8, repeats=3)

    assert len(calls) == 2 * 3 * 24 // 8
    assert RunFolder(tmp_path / "run").stored_settings()["recipe"]["repeats"] == 3
    with pytest.raises(TrainingError, match="repeats was 3, is 1"):
        tiny("torch").train(data, out=tmp_path / "run", epochs=2, batch_size=8, resume=True)
    with pytest.raises(ConfigError, match="repeats is 0; expected"):
        tiny("torch").train(data, out=tmp_path / "other", repeats=0)


def test_a_folder_with_a_run_is_not_overwritten(data: Path, tmp_path: Path) -> None:
    tiny("torch").train(data, out=tmp_path, epochs=1, batch_size=4)

    with pytest.raises(TrainingError, match="already holds a run"):
        tiny("torch").train(data, out=tmp_path, epochs=1, batch_size=4)
    with pytest.raises(TrainingError, match="batch_size was 4, is 8"):
        tiny("torch").train(data, out=tmp_path, epochs=1, batch_size=8, resume=True)


def test_unknown_training_option_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="epoch"):
        tiny("torch").train(data, out=tmp_path, epoch=1)
    with pytest.raises(ConfigError, match="epochs is 'many'"):
        tiny("torch").train(data, out=tmp_path, epochs="many")


def test_data_without_validation_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path / "data", CLASSES)
    for split in ("val", "test"):
        for image in (tmp_path / "data" / split).rglob("*.png"):
            image.unlink()

    with pytest.raises(DataError):
        tiny("torch").train(tmp_path / "data", out=tmp_path / "run", epochs=1)


def test_other_classes_start_exactly_the_head_anew(framework: str, tmp_path: Path) -> None:
    data = write_folder(tmp_path / "data", ("a", "b", "c"))
    model = tiny(framework)
    before = model.engine.weights()

    with pytest.warns(HeadReinitialisedWarning, match=r"fc\.bias, fc\.weight"):
        model.train(data, out=tmp_path / "run", epochs=1, batch_size=4, learning_rate=0.0, weight_decay=0.0)

    after = model.engine.weights()
    assert model.config.classes == ("a", "b", "c")
    assert after["fc.weight"].shape[0] == 3
    kernels = [name for name in before if name.endswith("weight") and not name.startswith("fc")]
    assert all(np.array_equal(before[name], after[name]) for name in kernels)


def test_every_dropped_renamed_or_resized_weight_is_refused_by_name(framework: str, tmp_path: Path) -> None:
    from zoo.common.weights import check_fit

    model = tiny(framework)
    shapes, weights = model.engine.shapes(), model.engine.weights()

    for name in shapes:
        dropped = {n: v for n, v in weights.items() if n != name}
        changes = [
            dropped,
            dropped | {name + "x": weights[name]},
            weights | {name: np.zeros((1, 2, 3, 4, 5), np.float32)},
        ]
        for wrong in changes:
            with pytest.raises(WeightsError, match=name.replace(".", r"\.")):
                check_fit(shapes, wrong, "file")


def test_best_epoch_is_the_one_with_the_highest_score(data: Path, tmp_path: Path) -> None:
    report = tiny("torch").train(data, out=tmp_path, epochs=4, batch_size=4)

    scores = [r["validation"]["roc_auc"] for r in RunFolder(tmp_path).records() if r["event"] == "epoch"]
    assert report.best_score == max(scores)
    assert report.best_epoch == scores.index(max(scores)) + 1


def test_patience_ends_a_run_that_does_not_improve(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.1, 0.5, 0.4, 0.5, 0.9])  # the fourth equals the best, which is no improvement
    model = tiny("torch")
    monkeypatch.setattr(model.algorithm, "summarise", lambda rows: {"roc_auc": next(scores, 0.0)})

    report = model.train(data, out=tmp_path, epochs=9, batch_size=4, patience=2)

    epochs = [r["epoch"] for r in RunFolder(tmp_path).records() if r["event"] == "epoch"]
    assert epochs == [1, 2, 3, 4]
    assert (report.best_epoch, report.best_score) == (2, 0.5)


def test_operating_point_is_chosen_on_validation_and_shipped(data: Path, tmp_path: Path) -> None:
    model = tiny("torch")
    report = model.train(data, out=tmp_path, epochs=1, batch_size=4)

    chosen = next(r for r in RunFolder(tmp_path).records() if r["event"] == "operating_point")
    assert model.config.threshold == chosen["threshold"]
    assert zoo.load("Covid-ResNet", backend="torch", checkpoint=report.best).config.threshold == chosen["threshold"]
    tuned = model.evaluate(data, split="val").metrics["accuracy"]
    fixed = zoo.load("Covid-ResNet", backend="torch", checkpoint=report.best, threshold=0.5)
    assert tuned >= fixed.evaluate(data, split="val").metrics["accuracy"]


def test_settings_are_stored_with_the_run(data: Path, tmp_path: Path) -> None:
    tiny("torch").train(data, out=tmp_path, epochs=1, batch_size=4, freeze=("layer1.",))

    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings["recipe"]["freeze"] == ["layer1."]
    assert settings["data"]["cases"] == {"train": 24, "val": 8, "test": 8}


def test_log_says_how_a_split_was_drawn(data: Path, tmp_path: Path) -> None:
    given = open_dataset(data, "classification")
    for path in data.glob("*/*/*.png"):  # the same pictures without their split
        (tmp_path / path.parent.name).mkdir(exist_ok=True)
        (tmp_path / path.parent.name / path.name).symlink_to(path)
    drawn = open_dataset(tmp_path, "classification", seed=3)

    assert "split_drawn" not in describe_data(given)
    assert describe_data(drawn)["split_drawn"] == {"seed": 3}
    assert describe_data(drawn.fold(1, folds=4, seed=8))["split_drawn"] == {"seed": 8, "folds": 4, "fold": 1}


def test_one_fold_can_be_trained_and_evaluated(framework: str, data: Path, tmp_path: Path) -> None:
    turn = open_dataset(data, "classification").fold(0, folds=4, seed=2)
    model = tiny(framework)

    report = model.train(turn, out=tmp_path, epochs=1, batch_size=4)

    (start,) = [r for r in RunFolder(tmp_path).records() if r["event"] == "start"]
    assert start["data"]["split_drawn"] == {"seed": 2, "folds": 4, "fold": 0}
    assert report.test is not None and len(report.test.rows) == 10
    assert model.evaluate(turn).rows == report.test.rows
