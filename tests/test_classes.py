"""A model and data whose classes have another order: the same scores, the same head; other classes are refused."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zoo.common.datasets import Dataset, open_dataset
from zoo.common.errors import DataError, HeadReinitialisedWarning, ZooWarning

from .test_cli import run
from .test_training import CLASSES, tiny, write_folder


def in_order(root: Path, classes: tuple[str, ...]) -> Path:
    """Write the same pictures under the same names, counted in another order."""
    write_folder(root, CLASSES)
    (root / "classes.txt").write_text("\n".join(classes))
    return root


def test_the_order_of_the_classes_does_not_change_the_scores(framework: str, tmp_path: Path) -> None:
    model = tiny(framework)
    expected = model.evaluate(in_order(tmp_path / "a", CLASSES), split="train")

    with pytest.warns(ZooWarning, match="renumbered to the model's normal, covid"):
        found = model.evaluate(in_order(tmp_path / "b", CLASSES[::-1]), split="train")

    assert found.metrics == pytest.approx(expected.metrics)
    assert found.baseline == pytest.approx(expected.baseline)


def test_training_keeps_the_head_where_only_the_order_differs(framework: str, tmp_path: Path) -> None:
    still = {"epochs": 1, "batch_size": 4, "learning_rate": 0.0, "weight_decay": 0.0}
    model = tiny(framework)
    before = model.engine.weights()

    with warnings.catch_warnings():
        warnings.simplefilter("error", HeadReinitialisedWarning)
        warnings.simplefilter("ignore", ZooWarning)
        model.train(in_order(tmp_path / "data", CLASSES[::-1]), out=tmp_path / "run", **still)

    after = model.engine.weights()
    assert model.config.classes == CLASSES
    assert all(np.array_equal(before[n], after[n]) for n in before if n.startswith("fc"))


@pytest.mark.parametrize("classes", [("Normal", "Covid"), ("normal ", "COVID")])
def test_classes_that_differ_in_spelling_alone_are_refused(classes: tuple[str, ...], tmp_path: Path) -> None:
    data = write_folder(tmp_path / "data", tuple(name.strip() for name in classes))
    model = tiny("torch")
    head = model.engine.weights()["fc.weight"]

    for refused in (lambda: model.evaluate(data), lambda: model.train(data, out=tmp_path / "run", epochs=1)):
        with pytest.raises(DataError, match="differ only in spelling"):
            refused()

    assert np.array_equal(model.engine.weights()["fc.weight"], head)
    assert not (tmp_path / "run").exists()


def test_other_classes_cannot_be_scored(tmp_path: Path) -> None:
    data = write_folder(tmp_path / "data", ("normal", "flu"))

    with pytest.raises(DataError, match="Missing: covid; too many: flu"):
        tiny("torch").evaluate(data)


def test_the_shell_says_how_the_split_came_about_and_renumbers_classes(tmp_path: Path) -> None:
    data = in_order(tmp_path / "data", CLASSES[::-1])
    model = tiny("torch")
    weights = model.save(tmp_path / "w.safetensors")

    result = run("evaluate", model.name, "--checkpoint", str(weights), "--data", str(data), "--backend", "torch")

    assert result.exit_code == 0, result.stderr
    assert "split: 24 train, 8 val, 8 test; from folders named after splits" in result.stderr
    assert "renumbered to the model's normal, covid" in result.stderr


def test_a_drawn_split_is_said_where_nobody_asked_for_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folder(tmp_path / "data", CLASSES)
    for split in ("val", "test"):
        for path in (tmp_path / "data" / split).rglob("*.png"):
            path.unlink()
    for name in CLASSES:
        (tmp_path / "data" / "train" / name).rename(tmp_path / "data" / name)

    tiny("torch").evaluate(tmp_path / "data")

    assert "drawn with seed 0, because the data brings no split; each image for itself" in capsys.readouterr().err


def test_equal_pictures_on_two_sides_are_warned_of_before_training(tmp_path: Path) -> None:
    data = write_folder(tmp_path / "data", CLASSES)
    one, other = (data / split / "normal" / f"{split}_normal_0.png" for split in ("train", "val"))
    other.write_bytes(one.read_bytes())

    with pytest.warns(ZooWarning, match="1 images have an equal file in another split"):
        tiny("torch").train(data, out=tmp_path / "run", epochs=1, batch_size=4)


def test_one_picture_under_two_names_is_refused_before_training(tmp_path: Path) -> None:
    data = open_dataset(write_folder(tmp_path / "data", CLASSES), "classification")
    path = data.records[0].files[0]
    again = replace(
        data.records[0], name="again", split="val", files=(path.parent / ".." / path.parent.name / path.name,)
    )
    twice = Dataset([*data.records, again], "here", data.classes)

    with pytest.raises(DataError, match="are one file"):
        tiny("torch").train(twice, out=tmp_path / "run", epochs=1)
    assert not (tmp_path / "run").exists()
