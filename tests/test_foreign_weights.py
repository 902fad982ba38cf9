"""Weights of other programs become checkpoints if they fit, and nothing in their files is ever executed."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from safetensors.numpy import save_file
from typer.testing import CliRunner

import zoo
from zoo.cli import app
from zoo.common.errors import ConfigError, HeadReinitialisedWarning, WeightsError

NAME = "Covid-ResNet"


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    return dict(zoo.load(NAME, checkpoint=None, variant="tiny", seed=3).engine.weights())


def load(state_dict: object, **more: object) -> zoo.Model:
    return zoo.load(NAME, variant="tiny", state_dict=state_dict, **more)  # type: ignore[arg-type]


def same(model: zoo.Model, weights: dict[str, np.ndarray]) -> bool:
    own = model.engine.weights()
    return own.keys() == weights.keys() and all(np.array_equal(own[name], value) for name, value in weights.items())


def test_a_file_of_safetensors_and_arrays_in_memory(tmp_path: Path, weights: dict[str, np.ndarray]) -> None:
    save_file(weights, tmp_path / "w.safetensors")

    assert same(load(tmp_path / "w.safetensors"), weights) and same(load(weights), weights)


@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: {"epoch": 3, "model": d}, lambda d: {"state_dict": d}])
def test_a_file_of_torch(tmp_path: Path, weights: dict[str, np.ndarray], wrap) -> None:  # type: ignore[no-untyped-def]
    tensors = {name: torch.tensor(value) for name, value in weights.items()}
    torch.save(wrap({**tensors, "bn.num_batches_tracked": torch.tensor(7)}), tmp_path / "w.pt")

    assert same(load(tmp_path / "w.pt"), weights)


@pytest.mark.parametrize(("old", "new"), [("module.", ""), ("model.net.", "")])
def test_one_other_prefix_is_offered_and_taken(weights: dict[str, np.ndarray], old: str, new: str) -> None:
    foreign = {old + name: value for name, value in weights.items()}

    with pytest.raises(WeightsError, match=rf"rename={{'{old}': '{new}'}}"):
        load(foreign)
    assert same(load(foreign, rename={old: new}), weights)


def test_a_prefix_that_the_file_lacks_is_offered_too(weights: dict[str, np.ndarray]) -> None:
    first = next(iter(weights)).split(".")[0] + "."
    foreign = {name.removeprefix(first): value for name, value in weights.items() if name.startswith(first)}
    rest = {name: value for name, value in weights.items() if not name.startswith(first)}

    with pytest.raises(WeightsError, match="missing"):
        load({**foreign, **rest})
    assert same(load({**{"x." + k: v for k, v in foreign.items()}, **rest}, rename={"x.": first}), weights)


def test_what_does_not_fit_is_named_and_nothing_is_offered(weights: dict[str, np.ndarray]) -> None:
    name = next(name for name, value in weights.items() if value.ndim == 4)

    with pytest.raises(WeightsError, match=f"other shape: {name}") as found:
        load({**weights, name: weights[name][:1]})
    assert "rename=" not in str(found.value)
    with pytest.raises(WeightsError, match="unexpected: extra"):
        load({**weights, "extra": np.zeros(3, np.float32)})
    with pytest.raises(WeightsError, match="no tensor begins with 'modul'"):
        load(weights, rename={"modul": ""})
    with pytest.raises(ConfigError, match="one of them"):
        load(weights, init="imagenet")


def test_other_classes_start_their_head_anew(weights: dict[str, np.ndarray]) -> None:
    with pytest.warns(HeadReinitialisedWarning):
        model = load(weights, classes=("a", "b", "c"))

    assert model.config.classes == ("a", "b", "c")


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        import os

        return os.system, (f"touch {self.target}",)


def test_a_pickle_that_would_run_a_command_is_refused_and_does_not(tmp_path: Path) -> None:
    torch.save({"a": Bomb(tmp_path / "ran")}, tmp_path / "w.pt")

    with pytest.raises(WeightsError, match="weights_only"):
        load(tmp_path / "w.pt")
    assert not (tmp_path / "ran").exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    torch.save([torch.zeros(2)], tmp_path / "list.pth")
    (tmp_path / "w.npz").write_bytes(b"PK")

    for name, message in (("list.pth", "no tensors by name"), ("w.npz", "suffix"), ("none.pt", "no such file")):
        with pytest.raises(WeightsError, match=message):
            load(tmp_path / name)


def test_the_shell_makes_a_checkpoint_that_loads_like_any_other(tmp_path: Path, weights: dict[str, np.ndarray]) -> None:
    save_file({"module." + name: value for name, value in weights.items()}, tmp_path / "w.safetensors")
    command = ["adopt", str(tmp_path / "w.safetensors"), "--algorithm", NAME, "--variant", "tiny"]
    command += ["--out", str(tmp_path / "mine.safetensors")]

    refused = CliRunner().invoke(app, command)
    done = CliRunner().invoke(app, [*command, "--rename", "module.="])

    assert refused.exit_code == 1 and "--rename 'module.='" in " ".join(refused.stderr.split())
    assert done.exit_code == 0, done.output
    assert same(zoo.load(NAME, checkpoint=tmp_path / "mine.safetensors"), weights)


def test_an_adopted_checkpoint_says_what_it_was_adopted_from(tmp_path: Path, weights: dict[str, np.ndarray]) -> None:
    source = tmp_path / "theirs.safetensors"
    save_file({f"module.{name}": value for name, value in weights.items()}, source)
    asked = ["adopt", source, "--algorithm", NAME, "--variant", "tiny", "--out", tmp_path / "own.safetensors"]

    told = CliRunner().invoke(app, [str(each) for each in (*asked, "--rename", "module.=")])

    assert told.exit_code == 0, told.output
    adopted = zoo.load(NAME, checkpoint=tmp_path / "own.safetensors")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    origin = {
        "file": "theirs.safetensors",
        "bytes": source.stat().st_size,
        "sha256": digest,
        "renamed": {"module.": ""},
    }
    assert adopted.about == {"adopted": origin}
    again = zoo.load(NAME, checkpoint=adopted.save(tmp_path / "again.safetensors"))
    assert again.about == adopted.about


def test_a_training_says_what_it_began_as(tmp_path: Path, weights: dict[str, np.ndarray]) -> None:
    save_file(weights, tmp_path / "theirs.safetensors")
    own = load(tmp_path / "theirs.safetensors").save(tmp_path / "own.safetensors")
    network = zoo.load(NAME, checkpoint=own, backend="torch")
    digest = network.sha256
    for split, number in (("train", 4), ("val", 4), ("test", 2)):
        for i in range(number):
            folder = tmp_path / "data" / split / ("normal", "covid")[i % 2]
            folder.mkdir(parents=True, exist_ok=True)
            shade = np.random.default_rng(i).integers(0, 99, (32, 32)).astype(np.uint8) + 100 * (i % 2)
            Pillow.fromarray(shade.astype(np.uint8)).save(folder / f"{split}{i}.png")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # drawn squares are no lungs
        report = network.train(tmp_path / "data", out=tmp_path / "run", epochs=1, batch_size=4)

    began = network.about["trained"]["began_as"]
    assert (began["weights"], began["sha256"]) == ("own.safetensors", digest)
    assert began["adopted"]["file"] == "theirs.safetensors"
    assert zoo.load(NAME, checkpoint=report.best).about["trained"]["began_as"] == began
    page = (tmp_path / "run" / "test" / "report.html").read_text()
    assert f"own.safetensors {digest}" in page and "<h2>Data</h2>" in page
