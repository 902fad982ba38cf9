"""A run that is resumed may get more epochs, stays in its framework, and tells where it stands."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.errors import HeadReinitialisedWarning, TrainingError
from zoo.training.folder import RunFolder
from zoo.training.loop import learning_rate_at, schedule_change

from .test_training import data as data
from .test_training import tiny

SHORT = {"batch_size": 8, "seed": 3}


def events(folder: Path, kind: str) -> list[dict[str, object]]:
    return [record for record in RunFolder(folder).records() if record["event"] == kind]


def test_more_epochs_go_on_where_a_finished_run_ended(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny("torch").train(data, out=tmp_path / "run", epochs=1, **SHORT)
    first = events(tmp_path / "run", "epoch")

    model = tiny("torch")
    report = model.train(data, out=tmp_path / "run", epochs=3, resume=True, **SHORT)

    assert [record["epoch"] for record in events(tmp_path / "run", "epoch")] == [1, 2, 3]
    assert events(tmp_path / "run", "epoch")[:1] == first
    assert len(events(tmp_path / "run", "end")) == 1 and report.best.exists()
    assert RunFolder(tmp_path / "run").stored_settings()["recipe"]["epochs"] == 3
    (resumed,) = events(tmp_path / "run", "resume")
    assert resumed["schedule"] in capsys.readouterr().out and "1 epochs were planned, now 3" in str(resumed["schedule"])
    with pytest.raises(TrainingError, match="epochs was 3, is 2"):
        model.train(data, out=tmp_path / "run", epochs=2, resume=True, **SHORT)


def test_the_change_of_the_schedule_is_told_in_numbers(data: Path) -> None:
    recipe = tiny("torch").recipe(epochs=10, learning_rate=0.01, warmup_epochs=0, final_factor=0.0)

    told = schedule_change(recipe, 5, 5)

    assert f"{learning_rate_at(50, 10, recipe):.3g} from epoch 6 on instead of 0" in told


def test_another_framework_is_told_the_command_that_works(
    data: Path, tmp_path: Path, both_frameworks: tuple[str, ...]
) -> None:
    tiny("torch").train(data, out=tmp_path / "run", epochs=1, **SHORT)

    with pytest.raises(TrainingError) as told:
        tiny("mindspore").train(data, out=tmp_path / "run", epochs=1, resume=True, **SHORT)

    best = tmp_path / "run" / "best.safetensors"
    command = f"--backend mindspore --checkpoint {best} --data {data} --out {tmp_path / 'run'}-mindspore"
    assert str(told.value).endswith(command)


def test_a_resumed_run_does_not_speak_of_a_new_head(data: Path, tmp_path: Path) -> None:
    def three() -> zoo.Model:
        return zoo.load("Covid-ResNet", checkpoint=None, variant="tiny", backend="torch", classes=("a", "b", "c"))

    with pytest.warns(HeadReinitialisedWarning):
        three().train(data, out=tmp_path / "run", epochs=1, **SHORT)
    with warnings.catch_warnings():
        warnings.simplefilter("error", HeadReinitialisedWarning)
        three().train(data, out=tmp_path / "run", epochs=2, resume=True, **SHORT)


def test_the_console_tells_split_seed_and_the_score_before(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tiny("torch").save(tmp_path / "start.safetensors")
    model = zoo.load("Covid-ResNet", checkpoint=path, backend="torch")
    before = model.evaluate(data, split="val", baseline=False).metrics[model.algorithm.monitor]
    capsys.readouterr()

    model.train(data, out=tmp_path / "run", epochs=1, **SHORT)

    shown = capsys.readouterr()
    assert "seed 3, 1 epochs, from " in shown.err and "train" in shown.err
    assert f"before training: {model.algorithm.monitor} {before:.4f}" in shown.out
    (logged,) = events(tmp_path / "run", "before")
    np.testing.assert_allclose(logged["validation"][model.algorithm.monitor], before, rtol=1e-5)  # type: ignore[index]
