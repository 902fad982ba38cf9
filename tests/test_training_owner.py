"""What a run leaves of its owner's: the network's mode, what may learn, random numbers, a run that gets more epochs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.datasets import open_dataset
from zoo.common.errors import ConfigError, TrainingError
from zoo.prediction.folders import list_images
from zoo.prediction.sources import images
from zoo.training.folder import RunFolder
from zoo.weights.changed import is_changed

from .conftest import skip_without
from .test_training import data as data
from .test_training import tiny, write_folder

SHORT = {"epochs": 1, "batch_size": 8, "seed": 3}


def learns(model: zoo.Model) -> list[bool]:
    parameters = model.net.parameters() if model.backend == "torch" else model.net.get_parameters()
    return [bool(parameter.requires_grad) for parameter in parameters]


@pytest.mark.parametrize("ends", ["well", "badly"])
@pytest.mark.parametrize("framework", ["torch", "mindspore"])
def test_a_network_is_as_free_to_learn_after_a_run_as_before_and_in_its_mode(
    framework: str, ends: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without(framework)
    model = tiny(framework)
    before, was_training = learns(model), model.net.training
    if ends == "badly":
        monkeypatch.setattr("zoo.training.loop.Trainer._finish_epoch", lambda self: 1 / 0)

    try:
        model.train(data, out=tmp_path / "run", freeze=("conv1", "layer1"), **SHORT)
    except ZeroDivisionError:
        assert ends == "badly"

    assert learns(model) == before and model.net.training == was_training is False


def test_a_weight_that_was_frozen_by_hand_is_refused_unless_the_recipe_freezes_it(data: Path, tmp_path: Path) -> None:
    model = tiny("torch")
    model.net.layer1.requires_grad_(False)

    with pytest.raises(ConfigError, match=r"weights, such as layer1\S+, have requires_grad=False.*freeze="):
        model.train(data, out=tmp_path / "run", **SHORT)
    model.train(data, out=tmp_path / "run", freeze=("layer1",), **SHORT)

    assert not any(parameter.requires_grad for parameter in model.net.layer1.parameters())


@pytest.mark.parametrize("framework", ["torch", "mindspore"])
def test_random_numbers_after_a_run_are_those_of_the_owners_seed(framework: str, data: Path, tmp_path: Path) -> None:
    skip_without(framework)
    torch = pytest.importorskip("torch")
    torch.manual_seed(11)
    np.random.seed(11)
    expected = float(torch.rand(1)), np.random.random()
    model = tiny(framework)
    torch.manual_seed(11)
    np.random.seed(11)

    model.train(data, out=tmp_path / "run", **SHORT)

    assert (float(torch.rand(1)), np.random.random()) == expected


@pytest.mark.parametrize("source", ["the model that was trained", "its best weights"])
def test_a_finished_run_gets_more_epochs_from_the_model_that_it_made(source: str, data: Path, tmp_path: Path) -> None:
    model = tiny("torch")
    report = model.train(data, out=tmp_path / "run", **SHORT)
    chosen = model.config.threshold
    assert chosen != tiny("torch").config.threshold  # else the test shows nothing
    if source == "its best weights":
        model = zoo.load("Covid-ResNet", checkpoint=report.best, backend="torch")

    model.train(data, out=tmp_path / "run", resume=True, **{**SHORT, "epochs": 2})

    other = tiny("torch")
    other.train(data, out=tmp_path / "whole", **SHORT)
    other = tiny("torch")
    other.train(data, out=tmp_path / "whole", resume=True, **{**SHORT, "epochs": 2})
    assert model.config == other.config
    for name, value in other.engine.weights().items():
        np.testing.assert_array_equal(model.engine.weights()[name], value)
    with pytest.raises(TrainingError, match=r"threshold was 0\.5, is 0\.9"):
        another = zoo.load("Covid-ResNet", checkpoint=report.best, backend="torch", threshold=0.9)
        another.train(data, out=tmp_path / "run", resume=True, **{**SHORT, "epochs": 2})


def test_a_run_that_is_not_the_same_is_told_where_to_go_on(data: Path, tmp_path: Path) -> None:
    tiny("torch").train(data, out=tmp_path / "run", **SHORT)

    with pytest.raises(TrainingError, match=r"batch_size was 8, is 4.*or train in another folder.*last\.safetensors"):
        tiny("torch").train(data, out=tmp_path / "run", resume=True, **{**SHORT, "batch_size": 4})


def test_a_run_inside_its_data_is_no_data(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "data", ("normal", "covid")) / "train"
    data = open_dataset(root, "classification")
    tiny("torch").train(root, out=root / "run", snapshots=1, **SHORT)

    again = open_dataset(root, "classification")

    assert [record.name for record in again.records] == [record.name for record in data.records]
    assert again.classes == data.classes == ("covid", "normal")
    assert len(list_images(root).found) == len(images(str(root / "**" / "*.*"))) == len(data)
    assert len(images(str(root / "*"))) == len(data)
    assert len(images(str(root / "run" / "*.png"))) == 1  # the curves, asked for by name
    tiny("torch").train(root, out=root / "run", resume=True, **{**SHORT, "epochs": 2})


@pytest.mark.parametrize("source", ["random numbers", "a checkpoint"])
def test_weights_that_an_owner_put_in_are_not_taken_for_those_of_their_source(
    source: str, data: Path, tmp_path: Path
) -> None:
    model = tiny("torch")
    if source == "a checkpoint":
        model = zoo.load("Covid-ResNet", backend="torch", checkpoint=model.save(tmp_path / "start.safetensors"))
    assert not is_changed(model)
    named = Path(model.source).name

    model.engine.load({name: value + 0.01 for name, value in model.engine.weights().items()})
    model.train(data, out=tmp_path / "run", **SHORT)

    start, before, *_ = RunFolder(tmp_path / "run").records()
    assert start["weights"].endswith(f"{named}, changed since") and start["began_as"]["changed"]
    assert before["event"] == "before"  # whatever they are, they may answer
    assert not is_changed(model)
