"""Augmentation is an option of training: what is off stays off, sides of the body are not mixed, views follow."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from typer.testing import CliRunner

import zoo
from zoo.cli import app
from zoo.cli.recipe import read_augmentation
from zoo.common.algorithm import Algorithm
from zoo.common.augment.options import choose, names_a_side
from zoo.common.errors import ConfigError, ZooWarning
from zoo.common.records import remarks, shallow
from zoo.common.types import Sample
from zoo.loading import algorithm_of
from zoo.registry import load_registry
from zoo.training.folder import RunFolder

ENTRIES = list(load_registry().values())
every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
SIDED = ("background", "left lung", "right lung")


def sample_of(algorithm: Algorithm[Any], seed: int = 0) -> Sample:
    return type(algorithm).example(algorithm.config, np.random.default_rng(seed))


def copies(algorithm: Algorithm[Any], count: int = 12) -> list[np.ndarray]:
    """Draw copies of one sample with different seeds."""
    sample = sample_of(algorithm)
    return [algorithm.augment(sample, np.random.default_rng(seed)).image.array for seed in range(count)]


def pieces_of(algorithm: Algorithm[Any]) -> bool:
    """Tell whether training sees pieces of an image, which are drawn whatever the options say."""
    return algorithm.window is not None or bool(getattr(algorithm.config, "patch_size", ()))


@every_entry
def test_every_option_is_explained(entry: Any) -> None:
    record = algorithm_of(entry, "small").augmentation

    assert set(remarks(type(record))) == set(shallow(record)) and "mirror" in shallow(record)


@every_entry
def test_every_option_changes_the_copies(entry: Any) -> None:
    algorithm = algorithm_of(entry, "tiny")
    usual, off = copies(algorithm), shallow(algorithm.augmentation.off())

    for name in shallow(algorithm.augmentation):
        changed = dataclasses.replace(algorithm.augmentation, **{name: off[name]})
        other = copies(algorithm.with_augmentation(changed))
        assert any(not np.array_equal(a, b) for a, b in zip(usual, other, strict=True)), name


@every_entry
def test_without_augmentation_copies_are_alike(entry: Any) -> None:
    algorithm = algorithm_of(entry, "tiny")
    still = algorithm.with_augmentation(algorithm.augmentation.off())
    sample = sample_of(algorithm)

    first, second = (still.augment(sample, np.random.default_rng(seed)) for seed in (0, 1))

    if first.image.size == sample.image.size or not pieces_of(algorithm):
        np.testing.assert_allclose(first.image.array, second.image.array, atol=1e-4)
    elif "mask" in sample.labels:  # pieces lie anywhere in the image
        assert set(np.unique(first.labels["mask"])) <= set(np.unique(sample.labels["mask"]))
    else:
        assert first.image.array.max() <= sample.image.array.max() + 1e-3


@every_entry
def test_defaults_are_no_change_of_options(entry: Any) -> None:
    algorithm = algorithm_of(entry, "tiny")
    record, note = choose(algorithm.augmentation, {}, algorithm.config.classes)

    assert record == algorithm.augmentation and not note
    for a, b in zip(copies(algorithm), copies(algorithm.with_augmentation(record)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["left lung", "Right Lung", "lung_L", "kidney-r", "LeftLung", "femur (left)", "R"])
def test_names_with_a_side(name: str) -> None:
    assert names_a_side(name)


@pytest.mark.parametrize("name", ["lung", "L4", "leftover", "bright", "cleft", "liver", "relapse", "right5", "LV"])
def test_names_without_a_side(name: str) -> None:
    assert not names_a_side(name)


def test_sides_in_class_names_turn_mirroring_off_unless_it_is_asked_for() -> None:
    default = algorithm_of(zoo.info("2D-UNet"), "small").augmentation

    record, note = choose(default, {"rotation_deg": 3}, SIDED)
    asked, silent = choose(default, {"mirror": True}, SIDED)

    assert not record.mirror and "left lung, right lung" in note and record.rotation_deg == 3  # type: ignore[attr-defined]
    assert asked.mirror and not silent  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"miror": False}, "miror"),
        ({"rotation_deg": -1}, "rotation_deg is -1"),
        ({"scale": [1.2, 0.8]}, "smaller factor first"),
        ({"mirror": 1}, "mirror is 1"),
        ({"shift": float("nan")}, "shift is nan"),
        ("mirror", "expected a table"),
        (True, "expected a table"),
    ],
)
def test_wrong_options_are_refused_by_name(changes: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        choose(algorithm_of(zoo.info("2D-UNet"), "small").augmentation, changes, ())


def test_options_are_read_as_they_are_typed() -> None:
    assert read_augmentation("mirror=false, scale=[0.9,1.1],rotation-deg=0") == {
        "mirror": False,
        "scale": [0.9, 1.1],
        "rotation_deg": 0,
    }
    assert read_augmentation("mirror=False") == {"mirror": False}
    assert read_augmentation("none") is False
    assert read_augmentation(None) is None
    with pytest.raises(ConfigError, match="OPTION=VALUE"):
        read_augmentation("mirror")


def test_recipe_command_lists_options_with_their_meaning() -> None:
    result = CliRunner().invoke(app, ["recipe", "2D-UNet"])

    assert result.exit_code == 0
    for word in ("--learning-rate", "0.004", "rotation_deg", "largest turn, either way", "[0.8,1.25]"):
        assert word in result.stdout


@pytest.fixture
def lungs(tmp_path: Path) -> Path:
    """Pictures of two lungs that only their place tells apart."""
    (tmp_path / "classes.txt").write_text("\n".join(SIDED))
    lines = ["image,mask,split,group"]
    for number, split in enumerate(("train", "train", "val", "test")):
        mask = np.zeros((64, 64), np.uint8)
        mask[16:48, 8:28], mask[16:48, 36:56] = 1, 2
        noise = np.random.default_rng(number).integers(0, 60, (64, 64))
        Pillow.fromarray(((mask > 0) * 120 + noise).astype(np.uint8)).save(tmp_path / f"i{number}.png")
        Pillow.fromarray(mask).save(tmp_path / f"m{number}.png")
        lines.append(f"i{number}.png,m{number}.png,{split},p{number}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_a_run_without_mirroring_says_so_and_its_views_obey(lungs: Path, framework: str) -> None:
    model = zoo.load("2D-UNet", backend=framework, checkpoint=None, variant="tiny", classes=SIDED)

    with pytest.warns(ZooWarning, match="nothing is mirrored, because classes tell left from right"):
        report = model.train(lungs, out=lungs / "run", epochs=1, batch_size=2)

    assert RunFolder(lungs / "run").records()[0]["augmentation"]["mirror"] is False
    for trained in (model, zoo.load("2D-UNet", backend=framework, checkpoint=report.best)):
        assert trained.algorithm.views == ()
        with pytest.raises(ConfigError, match="trained without mirroring"):
            trained.predict(lungs / "i0.png", tta=True)
    saved = zoo.load("2D-UNet", backend=framework, checkpoint=model.save(lungs / "saved.safetensors"))
    assert saved.algorithm.augmentation == model.algorithm.augmentation


def test_weights_from_before_keep_their_views() -> None:
    assert len(zoo.load("2D-UNet", backend="torch", checkpoint="sunnybrook-lv-small").algorithm.views) == 2
    assert len(zoo.load("3D-UNet", backend="torch").algorithm.views) == 2
