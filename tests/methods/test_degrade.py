"""Masks made worse on purpose: what is kept is right, what is wrong is near, and a seed repeats it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from zoo.cli import app
from zoo.common.datasets import open_dataset
from zoo.common.degrade import KINDS, degrade, degrade_mask
from zoo.common.degrade.folder import degrade_folder
from zoo.common.degrade.wrongly import narrowed, widened
from zoo.common.errors import ConfigError, DataError
from zoo.common.labels import UNKNOWN

from .harness import draw_dataset, open_model
from .test_data import draw_folder, save


def two_discs() -> np.ndarray:
    rows, columns = np.mgrid[:64, :64]
    mask = ((rows - 20) ** 2 + (columns - 20) ** 2 < 100).astype(np.int16)
    mask[(rows - 44) ** 2 + (columns - 40) ** 2 < 144] = 2
    return mask


@pytest.mark.parametrize("kind", ["scribbles", "points", "boxes"])
def test_what_is_kept_of_a_mask_is_right_and_holds_every_class(kind: str) -> None:
    mask = two_discs()

    kept = degrade_mask(mask, kind, np.random.default_rng(0))

    known = kept != UNKNOWN
    assert np.array_equal(kept[known], mask[known])
    assert {0, 1, 2} == {*kept[known].tolist()}
    assert known.mean() < (0.8 if kind == "boxes" else 0.2)


def test_scribbles_of_the_background_reach_far_places_too() -> None:
    mask = np.zeros((96, 96), np.int16)
    mask[20:28, 20:28] = 1
    away = ndimage.distance_transform_edt(mask == 0)

    for seed in range(10):
        kept = degrade_mask(mask, "scribbles", np.random.default_rng(seed))

        assert away[kept == 0].min() < 0.2 * 96
        assert away[kept == 0].max() > 0.5 * away.max()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("filled", [0, 62, 64])
def test_a_picture_without_an_object_or_full_of_one_can_be_made_worse(kind: str, filled: int) -> None:
    mask = np.zeros((64, 64), np.int16)
    mask[:filled, :filled] = 1

    kept = degrade_mask(mask, kind, np.random.default_rng(0))

    assert kept.shape == mask.shape and {*kept.flat} <= {0, 1, UNKNOWN}


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_unknown_before_stays_so_and_nothing_grows_from_it(kind: str) -> None:
    mask = two_discs()
    mask[:, 50:] = UNKNOWN

    worse = degrade_mask(mask, kind, np.random.default_rng(0))

    assert (worse[:, 50:] == UNKNOWN).all()
    assert kind != "noise" or (worse[:, :50] != UNKNOWN).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0, 1])
def test_a_mask_of_one_value_alone_is_changed_without_a_fault(kind: str, value: int) -> None:
    worse = degrade_mask(np.full((9, 5), value, np.int16), kind, np.random.default_rng(0))

    assert {*np.unique(worse).tolist()} <= {value, UNKNOWN, 0}
    assert (worse == value).any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_repeats_what_was_drawn(kind: str) -> None:
    first, again, other = (degrade_mask(two_discs(), kind, np.random.default_rng(seed)) for seed in (3, 3, 4))

    assert np.array_equal(first, again)
    assert kind == "boxes" or not np.array_equal(first, other)


def test_wrong_borders_are_wrong_and_near() -> None:
    mask = two_discs() > 0
    wrong = [degrade_mask(two_discs(), "noise", np.random.default_rng(seed)) > 0 for seed in range(8)]

    overlaps = [2 * (mask & one).sum() / (mask.sum() + one.sum()) for one in wrong]

    assert min(overlaps) > 0.4 and max(overlaps) < 0.97


def test_a_mask_grows_and_shrinks_by_so_many_pixels() -> None:
    mask = np.zeros((9, 9), np.int16)
    mask[3:6, 3:6] = 1

    assert widened(mask, 1).sum() == 21  # a cross of arms of one pixel around the square
    assert narrowed(mask, 1).sum() == 1


def test_a_share_of_the_patients_keeps_its_masks_and_the_test_split_all() -> None:
    data = draw_dataset(open_model("torch"), train=10, unlabelled=0)

    few, more = (degrade(data, None, labelled_share=share, seed=1) for share in (0.2, 0.5))

    kept = [{record.name for record in one.records if record.split == "train"} for one in (few, more)]
    assert [len(names) for names in kept] == [2, 5] and kept[0] < kept[1]
    assert len(few.split("val")) == 2 and len(few.split("unlabelled")) == 8
    with pytest.raises(ConfigError, match="share=0 given; expected more than 0"):
        degrade(data, "noise", share=0)


def test_the_command_writes_data_that_is_read_again(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    draw_folder(tmp_path / "data", "abcdef", "abcdef")
    command = [
        "degrade",
        str(tmp_path / "data"),
        "--out",
        str(tmp_path / "out"),
        "--scribbles",
        "--labelled-share",
        "0.5",
    ]

    result = CliRunner().invoke(app, command)

    assert result.exit_code == 0, result.output
    data = open_dataset(tmp_path / "out", "segmentation", unlabelled=True)
    assert len(data) == 6 and len(data.split("unlabelled")) == 2
    masks = [sample.labels["mask"] for sample in data.split("train")]
    assert all((mask == UNKNOWN).any() and (mask == 1).any() for mask in masks)


def test_a_folder_of_masks_alone_is_written_under_the_same_names(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    draw_folder(tmp_path, "ab", "ab")

    result = CliRunner().invoke(app, ["degrade", str(tmp_path / "masks"), "--out", str(tmp_path / "out"), "--points"])

    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]


def test_methods_and_losses_are_listed_by_the_command_line() -> None:
    from typer.testing import CliRunner

    listed = CliRunner().invoke(app, ["methods", "--kind", "noisy-labels", "--json"])
    shown = CliRunner().invoke(app, ["methods", "show", "uamt"])

    assert {"co-teaching", "trinet"} <= {row["name"] for row in json.loads(listed.stdout)}
    assert "noisy answers of the teacher" in shown.output


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--labelled-share", "0.5", "--tell"], "--tell is of changed masks"),
        (["--labelled-share", "0.5", "--share", "0.5"], "--share is of changed masks"),
        (["--noise", "--points"], "points and noise asked for"),
    ],
)
def test_options_that_would_change_nothing_are_refused(options: list[str], told: str, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    draw_folder(tmp_path / "data", "abcdef", "abcdef")

    result = CliRunner().invoke(app, ["degrade", str(tmp_path / "data"), "--out", str(tmp_path / "out"), *options])

    assert result.exit_code != 0 and told in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()


def test_a_folder_of_images_is_not_taken_for_masks(tmp_path: Path) -> None:
    photo = np.arange(256, dtype=np.uint8).reshape(16, 16)
    save(tmp_path / "scans" / "a.png", photo)

    with pytest.raises(DataError, match="256 different numbers, as an image does"):
        degrade_folder(tmp_path / "scans", tmp_path / "out", "points", 1.0, 0)


def test_weights_of_classes_are_given_one_by_one(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    asked = ["train", "2D-UNet", "--checkpoint", "none", "--data", str(tmp_path), "--out", str(tmp_path / "run")]

    result = CliRunner().invoke(app, [*asked, *("--class-weights", "0.5") * 3])

    assert "class_weights=(0.5, 0.5, 0.5) given without a loss" in " ".join(result.output.split())


def test_what_is_written_is_read_again_as_it_was(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    splits = ("train", "val", "test", "unlabelled", "train")
    draw_folder(tmp_path / "data", "abcde", "")
    lines = "".join(
        f"images/{name}.png,masks/{name}.png,{split},0.5\n" for name, split in zip("abcde", splits, strict=True)
    )
    (tmp_path / "data" / "manifest.csv").write_text("image,mask,split,pixel_mm\n" + lines)
    (tmp_path / "data" / "classes.txt").write_text("background\nheart\nunknown\n")
    masks = {name: np.zeros((8, 8), np.uint8) for name in "abcde"}
    masks["a"][2:5, 2:5], masks["b"][:4], masks["c"][2:4, 2:4] = 1, 2, 1  # b: background and unknown alone
    for name, mask in masks.items():
        save(tmp_path / "data" / "masks" / f"{name}.png", mask)

    CliRunner().invoke(app, ["degrade", f"{tmp_path / 'data'}", "--out", f"{tmp_path / 'out'}", "--boxes"])

    before, after = (open_dataset(tmp_path / name, "segmentation", unlabelled=True) for name in ("data", "out"))
    assert after.classes == before.classes == ("background", "heart")
    assert [record.split for record in after.records] == [record.split for record in before.records]
    for was, now in zip(before, after, strict=True):
        assert now.image.spacing_mm == was.image.spacing_mm == (0.5, 0.5)
    assert np.array_equal(after.split("val")[0].labels["mask"], np.where(masks["b"], UNKNOWN, 0))
    assert np.array_equal(after.split("test")[0].labels["mask"], masks["c"])
    assert not list((tmp_path / "out" / "masks").glob("*d.png"))  # of the image without a mask
