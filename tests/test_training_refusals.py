"""Runs that are refused, broken or damaged: the model stays as it was, nothing is lost, nothing is left behind."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.common.datasets import Dataset, open_dataset
from zoo.common.errors import ConfigError, DataError, OutputError, TrainingError, ZooError, ZooWarning
from zoo.common.weights import read_weights, write_weights
from zoo.training.claim import Claim
from zoo.training.folder import RunFolder

from .conftest import skip_without
from .test_training import tiny, write_folder

OTHERS = ("a", "b", "c")  # classes that the model does not have
SHORT: dict[str, Any] = {"epochs": 2, "batch_size": 4}


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of three other classes."""
    return write_folder(tmp_path_factory.mktemp("others"), OTHERS)


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of the model's own classes."""
    return write_folder(tmp_path_factory.mktemp("same"), ("normal", "covid"))


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZooWarning)
        yield


class Held:
    """What a model is, to compare with later."""

    def __init__(self, model: zoo.Model) -> None:
        self.model, self.weights = model, model.engine.weights()
        self.told = (model.config, model.source, model.algorithm.augmentation)

    def is_unchanged(self) -> bool:
        now = self.model.engine.weights()
        told = (self.model.config, self.model.source, self.model.algorithm.augmentation)
        return told == self.told and all(np.array_equal(now[name], value) for name, value in self.weights.items())


def without_validation(data: Path) -> Dataset:
    opened = open_dataset(data, "classification")
    return Dataset([r for r in opened.records if r.split != "val"], opened.origin, opened.classes)


def unreadable(data: Path) -> Dataset:
    """The first picture that is read cannot be."""
    opened = open_dataset(data, "classification")

    def fail() -> Any:
        raise DataError("this picture cannot be read")

    records = [type(r)(**{**vars(r), "load": fail}) for r in opened.records]
    return Dataset(records, opened.origin, opened.classes)


@pytest.mark.parametrize(
    ("error", "options"),
    [
        (ConfigError, {"epochz": 1}),
        (ConfigError, {"optimiser": "adagrad"}),
        (ConfigError, {"freeze": ("nosuch.",)}),
        (ConfigError, {"rates": (("nosuch.", 0.1),)}),
        (ConfigError, {"freeze": ("conv1.", "bn1.", "layer", "fc.")}),
        (ConfigError, {"augment": {"mirrored": False}}),
        (DataError, {"layout": "hc18"}),
        (DataError, {"layout": "nosuch"}),
        (DataError, {"data": without_validation}),
        (DataError, {"data": unreadable}),
        (TrainingError, {"resume": True}),
    ],
    ids=lambda value: str(value).split(" at 0x")[0][:40],
)
@pytest.mark.parametrize("kind", ["same", "others"])
def test_a_refused_run_changes_nothing_and_leaves_no_folder(
    error: type[ZooError], options: dict[str, Any], kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    data, options = request.getfixturevalue(kind), dict(options)
    make: Callable[[Path], Any] = options.pop("data", lambda path: path)
    model = tiny("torch")
    held = Held(model)

    with pytest.raises(error):
        model.train(make(data), out=tmp_path / "runs" / "mine", **options)

    assert held.is_unchanged()
    assert not (tmp_path / "runs").exists()


def test_a_taken_folder_stays_as_it_is_and_so_does_the_model(others: Path, tmp_path: Path) -> None:
    tiny("torch").train(others, out=tmp_path, **SHORT | {"epochs": 1})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    model = tiny("torch")
    held = Held(model)

    with pytest.raises(TrainingError, match="already holds a run"):
        model.train(others, out=tmp_path, **SHORT)
    with pytest.raises(TrainingError, match="seed was 0, is 5"):
        model.train(others, out=tmp_path, resume=True, seed=5, **SHORT | {"epochs": 1})

    assert held.is_unchanged()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("framework", "error", "kind"),
    [
        ("torch", KeyboardInterrupt, "same"),
        ("torch", MemoryError, "others"),
        ("mindspore", TrainingError, "same"),
        ("mindspore", KeyboardInterrupt, "others"),
    ],
)
def test_a_run_that_breaks_off_leaves_the_model_as_it_was(
    framework: str, error: type[BaseException], kind: str, request: pytest.FixtureRequest, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    skip_without(framework)
    model = tiny(framework)
    held, step, count = Held(model), type(model.engine).step, []

    def breaks(self: Any, *arguments: Any, **options: Any) -> Any:
        count.append(1)
        if len(count) == 4:
            raise error("on purpose")
        return step(self, *arguments, **options)

    monkeypatch.setattr(type(model.engine), "step", breaks)
    with pytest.raises(error):
        model.train(request.getfixturevalue(kind), out=tmp_path / "run", **SHORT)

    assert held.is_unchanged()
    assert RunFolder(tmp_path / "run").records()[0]["event"] == "start"  # three steps were taken


def _train_slowly(data: Path, out: Path, started: Any, go: Any) -> None:
    with Claim(out):
        started.set()
        go.wait(60)


def test_a_folder_in_use_is_refused_by_the_holders_number(same: Path, tmp_path: Path) -> None:
    spawned = multiprocessing.get_context("spawn")
    started, go = spawned.Event(), spawned.Event()
    other = spawned.Process(target=_train_slowly, args=(same, tmp_path / "run", started, go))
    other.start()
    try:
        assert started.wait(60)
        with pytest.raises(TrainingError, match=f"in use by process {other.pid}"):
            tiny("torch").train(same, out=tmp_path / "run", **SHORT)
    finally:
        go.set()
        other.join()


def test_a_dead_process_lock_is_taken_over_with_a_word_and_its_parts_go(same: Path, tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / ".holder.json").write_text(json.dumps({"pid": 4194305, "host": "elsewhere", "since": "yesterday"}))
    (tmp_path / ".state.safetensors.abc.part").write_bytes(b"half")

    with pytest.warns(ZooWarning, match="process 4194305 on elsewhere"), Claim(tmp_path) as claim:
        claim.keep()

    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_run_does_not_remove_what_it_did_not_make(same: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(DataError):
        tiny("torch").train(unreadable(same), out=tmp_path, **SHORT)

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "", "file/run", "file"])
def test_impossible_folders_are_refused_with_a_remedy(same: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("a file")
    out = f"{tmp_path}/{name}" if name else ""

    for act in (
        lambda: tiny("torch").train(same, out=out, **SHORT),
        lambda: tiny("torch").save(out + "/w.safetensors"),
    ):
        if name or act.__code__.co_names[-1] == "train":
            with pytest.raises(OutputError):
                act()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    assert tiny("torch").save("~/mine.safetensors") == tmp_path / "mine.safetensors"


def test_a_full_disk_loses_nothing_and_the_run_resumes(
    same: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny("torch").train(same, out=tmp_path / "whole", **SHORT)
    sync, calls = os.fsync, []

    def full(handle: int) -> None:
        calls.append(1)
        if len(calls) == 8:  # settings, start; best, last, log, state of the first epoch; best or last of the second
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrainingError, match=r"No space left on device.*Free some space.*resume"):
        tiny("torch").train(same, out=tmp_path / "cut", **SHORT)
    monkeypatch.undo()
    tiny("torch").train(same, out=tmp_path / "cut", resume=True, **SHORT)

    expected, found = (read_weights(tmp_path / f / "last.safetensors")[0] for f in ("whole", "cut"))
    assert all(np.array_equal(expected[key], found[key]) for key in expected)
    assert not list((tmp_path / "cut").glob(".*.part"))


@pytest.fixture(scope="module")
def finished(same: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch."""
    out = tmp_path_factory.mktemp("finished")
    tiny("torch").train(same, out=out, epochs=1, batch_size=4)
    return out


def copy_of(run: Path, out: Path) -> RunFolder:
    out.mkdir()
    for path in run.iterdir():
        if path.is_file():
            (out / path.name).write_bytes(path.read_bytes())
    return RunFolder(out)


def resume(data: Any, folder: RunFolder, **options: Any) -> None:
    tiny("torch").train(data, out=folder.path, resume=True, **{"epochs": 1, "batch_size": 4} | options)


def damage_state(folder: RunFolder) -> str:
    content = bytearray(folder.state.read_bytes())
    content[-1000] ^= 1
    folder.state.write_bytes(bytes(content))
    return "checksum"


def drop_optimiser(folder: RunFolder) -> str:
    arrays, told = read_weights(folder.state)
    told.pop("sha256")  # as in a state written before there were checksums
    write_weights(folder.state, {n: v for n, v in arrays.items() if n.startswith("weights/")}, told)
    return "optimiser"


def drop_weight(folder: RunFolder) -> str:
    arrays, told = read_weights(folder.state)
    told.pop("sha256")
    write_weights(folder.state, {n: v for n, v in arrays.items() if n != "weights/fc.bias"}, told)
    return r"fc\.bias"


def drop_best(folder: RunFolder) -> str:
    folder.best.unlink()
    return "best.safetensors is gone"


def shorten_log(folder: RunFolder) -> str:
    folder.log.write_text("")
    return "shorter"


def break_settings(folder: RunFolder) -> str:
    folder.settings.write_text("{")
    return "cannot be read"


@pytest.mark.parametrize(
    "damage",
    [damage_state, drop_optimiser, drop_weight, drop_best, shorten_log, break_settings],
    ids=lambda f: f.__name__,
)
def test_a_damaged_run_is_not_resumed(
    same: Path, finished: Path, damage: Callable[[RunFolder], str], tmp_path: Path
) -> None:
    folder = copy_of(finished, tmp_path / "copy")
    message = damage(folder)
    before = {path: path.read_bytes() for path in folder.path.iterdir()}

    with pytest.raises(ZooError, match=message):
        resume(same, folder)

    assert {path: path.read_bytes() for path in folder.path.iterdir()} == before


@pytest.mark.parametrize("change", ["content", "size"])
def test_other_pictures_under_the_same_names_are_not_resumed(tmp_path: Path, change: str) -> None:
    data = write_folder(tmp_path / "data", ("normal", "covid"))
    tiny("torch").train(data, out=tmp_path / "run", epochs=1, batch_size=4)
    resume(data, RunFolder(tmp_path / "run"))  # the same
    picture = next((data / "train" / "covid").iterdir())
    content = bytearray(picture.read_bytes())
    if change == "size":
        content += b"x"
    else:
        content[-1] ^= 1
    picture.write_bytes(bytes(content))

    with pytest.raises(TrainingError, match="files or what they hold are others"):
        resume(data, RunFolder(tmp_path / "run"))


def test_a_run_from_before_these_options_is_resumed(same: Path, finished: Path, tmp_path: Path) -> None:
    folder = copy_of(finished, tmp_path / "copy")
    settings = folder.stored_settings()
    del settings["augmentation"], settings["recipe"]["final_factor"]
    settings["data"].pop("sha256_of_files", None)
    folder.settings.write_text(json.dumps(settings))

    resume(same, folder)

    for options in ({"augment": {"mirror": False}}, {"final_factor": 0.5}):
        with pytest.raises(TrainingError, match="other settings"):
            resume(same, folder, **options)
