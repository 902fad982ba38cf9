"""Images with several channels: in files of their own, on one grid, and never in place of each other."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner

import zoo
from zoo.cli import app
from zoo.common.datasets.mask_names import read_channels
from zoo.common.errors import DataError, InputError, ZooWarning
from zoo.prediction.channels import with_channels
from zoo.prediction.scope import Scope
from zoo.prediction.sources import images

GRID = np.diag([1.0, 1.0, 2.0, 1.0])


def write(path: Path, array: np.ndarray, affine: np.ndarray = GRID) -> Path:
    nibabel.save(nibabel.Nifti1Image(array, affine), path)  # type: ignore[attr-defined,no-untyped-call]
    return path


def drawn(seed: int, size: tuple[int, ...] = (16, 16, 16)) -> np.ndarray:
    return np.random.default_rng(seed).random(size).astype(np.float32)


def test_channels_that_are_stored_in_another_direction_or_lie_elsewhere_are_refused(tmp_path: Path) -> None:
    turned, moved, spread = GRID.copy(), GRID.copy(), GRID * [2, 1, 1, 1]
    turned[0] = [-1, 0, 0, 15]  # the same places, from right to left
    moved[0, 3] = 7
    first = write(tmp_path / "a_0000.nii.gz", drawn(0))
    for name, affine in (("turned", turned), ("moved", moved), ("spread", spread)):
        second = write(tmp_path / f"{name}.nii.gz", drawn(0), affine)
        with pytest.raises(DataError, match="voxels away from its first channel"):
            read_channels((first, second), "a")


def test_channels_on_one_grid_keep_their_place(tmp_path: Path) -> None:
    header = GRID.copy()
    header[0, 3] = 0.1  # less than headers may round
    paths = write(tmp_path / "a_0000.nii.gz", drawn(0)), write(tmp_path / "a_0001.nii.gz", drawn(1), header)

    image = read_channels(paths, "a")

    assert image.array.shape == (2, 16, 16, 16) and image.name == "a" and image.files == paths
    assert image.nifti is not None and image.affine is not None and np.allclose(image.affine[:3, 3], 0)


def test_cases_in_files_by_channel_are_one_answer_each(tmp_path: Path) -> None:
    for case in ("a", "b"):
        for channel in (0, 1):
            write(tmp_path / f"{case}_000{channel}.nii.gz", drawn(channel))
    write(tmp_path / "lone_0000.nii.gz", drawn(3))
    model = zoo.load("3D-UNet", backend="torch", checkpoint=None, variant="tiny", input_channels=2)

    with pytest.warns(ZooWarning, match="1 of 3 images could not be used"):
        found = model.predict(tmp_path)
    whole = model.predict(read_channels((tmp_path / "a_0000.nii.gz", tmp_path / "a_0001.nii.gz"), "a"))

    assert [Path(one.image.name).name for one in found] == ["a.nii.gz", "b.nii.gz"]
    assert [Path(name).name for name, _ in found.failures] == ["lone_0000.nii.gz"]
    assert np.array_equal(found[0].mask, whole.mask)
    results = model.predict_into(tmp_path / "out", tmp_path, overlays=False)
    assert [Path(entry["mask"]).name for entry in results.predictions] == ["a.nii.gz", "b.nii.gz"]


def test_a_case_is_called_as_its_files_are_without_the_number_of_the_channel(tmp_path: Path) -> None:
    for name in ("x_00005_0000.nii.gz", "x_00005_0001.nii.gz"):
        (tmp_path / name).touch()

    assert with_channels(images(tmp_path), 2).names() == [str(tmp_path / "x_00005.nii.gz")]


@pytest.mark.parametrize(
    ("names", "channels"),
    [
        (["film_0000.png", "film_0001.png"], 2),  # pictures are counted
        (["a_0000.nii.gz", "a_0001.nii.gz"], 1),
        (["a_0000.nii.gz", "a_0001.nii.gz", "a_0002.nii.gz"], 2),
        (["a_0000.nii.gz", "a_0002.nii.gz"], 2),
        (["a_0000.nii.gz", "a_0001.nrrd"], 2),
        (["a/c_0000.nii.gz", "b/c_0001.nii.gz"], 2),
    ],
)
def test_nothing_else_is_joined(names: list[str], channels: int, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    found = with_channels(images(tmp_path), channels)

    assert found.names() == [str(tmp_path / name) for name in sorted(names)]


@pytest.mark.parametrize(("dimensions", "wanted", "given", "is_taken"), [
    (3, 1, 1, True), (3, 2, 2, True), (3, 2, 1, False), (3, 1, 2, False), (3, 1, 4, False), (3, 4, 1, False),
    (3, 3, 1, False), (3, 1, 3, False), (2, 3, 1, True), (2, 1, 4, False),
])  # fmt: skip
def test_no_sequence_of_a_volume_stands_for_another(dimensions: int, wanted: int, given: int, is_taken: bool) -> None:
    scope, volume = Scope("net", dimensions, True, wanted), zoo.Image(np.stack([drawn(c) for c in range(given)]))

    if is_taken:
        scope.check(volume)
    else:
        with pytest.raises(InputError, match=f"{given} channels given"):
            scope.check(volume)


def test_volumes_of_coloured_slices_and_pictures_are_made_grey() -> None:
    colours = np.round(drawn(0, (3, 4, 8, 8)) * 255)

    Scope("net", 3, False, 1).check(zoo.Image(colours))
    for wanted, given in ((1, 3), (1, 4), (3, 1), (3, 4)):
        Scope("net", 2, False, wanted).check(zoo.Image(drawn(1, (given, 8, 8))))
    with pytest.raises(InputError, match="2 channels given"):
        Scope("net", 2, False, 1).check(zoo.Image(drawn(1, (2, 8, 8))))
    with pytest.raises(InputError, match="expects 2"):
        Scope("net", 2, False, 2).check(zoo.Image(drawn(1, (1, 8, 8))))


def test_channels_of_a_data_set_are_trained_and_predicted_from_the_shell(tmp_path: Path) -> None:
    data = tmp_path / "Dataset001"
    for name in ("imagesTr", "labelsTr", "imagesTs"):
        (data / name).mkdir(parents=True)
    for i in range(4):
        for channel in (0, 1):
            write(data / ("imagesTr" if i < 3 else "imagesTs") / f"c{i}_000{channel}.nii.gz", drawn(10 * i + channel))
        if i < 3:
            write(data / "labelsTr" / f"c{i}.nii.gz", (drawn(i) > 0.5).astype(np.uint8))
    told = {"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "a": 1}, "file_ending": ".nii.gz"}
    (data / "dataset.json").write_text(json.dumps({**told, "numTraining": 3}))
    start = ["3D-UNet", "--checkpoint", "none", "--variant", "tiny", "--backend", "torch", "--data", str(data)]

    refused = CliRunner().invoke(app, ["train", *start, "--epochs", "1", "--out", str(tmp_path / "one")])
    trained = CliRunner().invoke(
        app, ["train", *start, "--option", "input_channels=2", "--epochs", "1", "--out", str(tmp_path / "two")]
    )
    weights = ["--checkpoint", str(tmp_path / "two" / "best.safetensors"), "--backend", "torch"]
    answered = CliRunner().invoke(
        app, ["predict", "3D-UNet", str(data / "imagesTs"), *weights, "--out", str(tmp_path / "found")]
    )

    assert refused.exit_code == 1 and "--option input_channels=2" in refused.output + str(refused.exception)
    assert trained.exit_code == 0, trained.output
    assert answered.exit_code == 0, answered.output
    assert [path.name for path in (tmp_path / "found" / "masks").iterdir()] == ["c3.nii.gz"]
