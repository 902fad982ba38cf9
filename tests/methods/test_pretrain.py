"""Learning from images alone: what is spoilt, what comes out, and who may start from it."""

from __future__ import annotations

import warnings
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

import zoo
from zoo.common.errors import ConfigError, DataError, ScopeWarning, ZooWarning
from zoo.common.methods import find_method
from zoo.common.methods.spoiling import fused, shuffled_blocks, swapped_patches
from zoo.common.methods.vox2vec.method import Vox2Vec
from zoo.training.description import describe_data
from zoo.training.pretrain import images_of

from ..common.dicom_files import VALUES, positions, write_slice
from ..common.official_layouts import volume
from .harness import draw_dataset, open_model
from .test_data import draw_folder
from .test_runs import QUICK, records_of


def picture() -> np.ndarray:
    return np.random.default_rng(0).random((1, 32, 32)).astype(np.float32)


@pytest.mark.parametrize("change", [lambda x, r: shuffled_blocks(x, r, 9), lambda x, r: swapped_patches(x, r, 5, 0.2)])
def test_moving_pixels_loses_none(change) -> None:  # type: ignore[no-untyped-def]
    before = picture()
    kept = before.copy()

    after = change(before, np.random.default_rng(1))

    assert np.array_equal(before, kept) and not np.array_equal(after, before)
    np.testing.assert_array_equal(np.sort(after, axis=None), np.sort(before, axis=None))


@pytest.mark.parametrize("name", ["models-genesis", "patch-swapping"])
def test_an_image_is_spoilt_within_its_intensities(name: str) -> None:
    images = np.stack([picture(), 2 * picture()])

    spoilt = find_method(name).spoil(images, np.random.default_rng(0))

    assert spoilt.shape == images.shape and spoilt.dtype == np.float32
    assert all(one.min() >= was.min() and one.max() <= was.max() for one, was in zip(spoilt, images, strict=True))


def test_a_mixture_is_what_its_map_says() -> None:
    images = np.stack([np.zeros((1, 16, 16)), np.ones((1, 16, 16))]).astype(np.float32)

    mixed, share = fused(images, np.random.default_rng(0), 4, 6)

    np.testing.assert_allclose(mixed[0, 0], share[0] / 4)
    np.testing.assert_allclose(mixed[1, 0], 1 - share[1] / 4)


def test_places_of_both_views_show_the_same() -> None:
    images = np.random.default_rng(0).random((2, 1, 16, 16)).astype(np.float32)

    views, first, second = Vox2Vec(places=50).views(images, np.random.default_rng(3))

    one, other = views[:2].ravel()[first], views[2:].ravel()[second]
    assert not np.array_equal(first, second) and set((second - first).tolist()) == {int(second[0] - first[0])}
    for part in (slice(0, 50), slice(50, 100)):  # bent intensities keep their order, or are turned round
        likeness = spearmanr(one[part], other[part]).statistic
        assert abs(likeness) > 0.99


@pytest.mark.parametrize("name", ["models-genesis", "volume-fusion"])
def test_a_training_starts_from_what_images_taught(name: str, tmp_path: Path) -> None:
    model = open_model("torch")
    draw_folder(tmp_path / "data", "abcdefghijkl", "")

    report = model.pretrain(tmp_path / "data", out=tmp_path / "run", method=name, **QUICK)

    start = next(r for r in records_of(tmp_path / "run") if r["event"] == "start")
    assert start["data"]["cases"] == {"train": 10, "val": 2, "test": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = zoo.load("2D-UNet", checkpoint=report.best, backend="torch", classes=("background", "a", "b"))
    body = "unet.encoder.0.conv1.weight"
    assert np.array_equal(again.engine.weights()[body], model.engine.weights()[body])


def test_masks_beside_images_are_not_looked_at_and_the_test_split_is_left_alone(tmp_path: Path) -> None:
    first, second = open_model("torch"), open_model("torch")
    wrong = lambda sample: sample.__class__(sample.image, {"mask": 0 * sample.labels["mask"]}, sample.group)  # noqa: E731

    first.pretrain(draw_dataset(first), out=tmp_path / "a", **QUICK)
    second.pretrain(draw_dataset(second, change=wrong), out=tmp_path / "b", **QUICK)

    weights = second.engine.weights()
    assert all(np.array_equal(value, weights[key]) for key, value in first.engine.weights().items())


def test_a_method_that_needs_labels_does_not_pretrain(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="method 'cps' needs labels; expected one of models-genesis"):
        open_model("torch").pretrain(tmp_path, method="cps")
    with pytest.raises(DataError, match="0 images; expected a folder with two or more"):
        open_model("torch").pretrain(tmp_path)


def test_masks_and_images_of_the_test_split_are_no_images_to_learn_from(tmp_path: Path) -> None:
    draw_folder(tmp_path, "abcdef", "abcde")
    (tmp_path / "split.csv").write_text("id,split\na,train\nb,val\nc,test\nd,test\ne,train\nf,unlabelled\n")

    with pytest.warns(ZooWarning, match=r"7 left out .*images/c.png: of the test split.*a mask by its folder"):
        found = images_of(tmp_path)

    assert [record.name for record in found.records] == [f"images/{name}.png" for name in "abef"]


def test_channels_in_files_of_their_own_are_one_image_to_learn_from(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((3, 2, 4, 5, 6)).astype(np.float32)
    for case, channels in zip("abc", values, strict=True):
        for number, channel in enumerate(channels):
            volume(tmp_path / f"{case}_{number:04}.nii.gz", channel)

    found = images_of(tmp_path, channels=2)

    assert [record.name for record in found.records] == ["a.nii.gz", "b.nii.gz", "c.nii.gz"]
    assert all(np.array_equal(sample.image.array, case) for sample, case in zip(found, values, strict=True))
    assert [path.name for path in found.records[0].files] == ["a_0000.nii.gz", "a_0001.nii.gz"]


def test_a_changed_second_channel_is_not_resumed(tmp_path: Path) -> None:
    for case, number in product("abcd", range(2)):
        volume(tmp_path / f"{case}_{number:04}.nii.gz", np.full((2, 4, 4), number, np.float32))
    before = describe_data(images_of(tmp_path, channels=2))

    volume(tmp_path / "b_0001.nii.gz", np.full((2, 4, 4), 7, np.float32))

    assert describe_data(images_of(tmp_path, channels=2))["sha256_of_files"] != before["sha256_of_files"]


def test_two_series_of_one_folder_are_two_images_with_files_of_their_own(tmp_path: Path) -> None:
    for name, number in product("ab", range(3)):
        tags = {"SeriesInstanceUID": f"1.2.{ord(name)}", "SeriesNumber": ord(name)}
        write_slice(tmp_path / f"{name}{number}.dcm", VALUES[number], positions()[number], **tags)

    records = images_of(tmp_path).records

    assert [len(record.files) for record in records] == [3, 3]
    assert not {*records[0].files} & {*records[1].files}


def test_an_answer_of_weights_that_learned_from_images_alone_says_so(tmp_path: Path) -> None:
    model = open_model("torch")
    report = model.pretrain(draw_dataset(model), out=tmp_path / "run", **QUICK)
    start = zoo.load("2D-UNet", checkpoint=report.best, backend="torch")

    for taught in (model, start):
        with pytest.warns(ScopeWarning, match=r"learned from images alone \(models-genesis\).*train before use"):
            answer = taught.predict(np.zeros((32, 32), np.uint8))
        assert any("models-genesis" in reason for reason in answer.out_of_scope)

    start.train(draw_dataset(model), out=tmp_path / "trained", **QUICK)

    assert not any("models-genesis" in reason for reason in start.predict(np.zeros((32, 32), np.uint8)).out_of_scope)


def test_more_levels_of_mixing_than_classes_are_refused(tmp_path: Path) -> None:
    model = open_model("torch")

    with pytest.raises(ConfigError, match="levels=2: 2D-UNet tells 2 classes apart; expected at most 1"):
        model.pretrain(draw_dataset(model), out=tmp_path, method="volume-fusion", method_options={"levels": 2})


def test_a_series_of_the_test_split_is_no_image_to_learn_from(tmp_path: Path) -> None:
    lines = ["image,mask,split"]
    for case, split in zip("abcd", ("train", "train", "val", "test"), strict=True):
        for number in range(3):
            tags = {"SeriesInstanceUID": f"1.2.{ord(case)}"}
            write_slice(tmp_path / "images" / case / f"{number}.dcm", VALUES[number], positions()[number], **tags)
        volume(tmp_path / "masks" / f"{case}.nii.gz", np.zeros(VALUES[:3].shape, np.uint8))
        lines.append(f"images/{case},masks/{case}.nii.gz,{split}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")

    with pytest.warns(ZooWarning, match="images/d: of the test split"):
        found = images_of(tmp_path)

    assert [record.name for record in found.records] == ["images/a", "images/b", "images/c"]
