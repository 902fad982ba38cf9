"""A folder with images and their masks side by side: a data set for training, and images alone for prediction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from typer.testing import CliRunner

import zoo
from zoo.cli import app
from zoo.common.datasets import open_dataset
from zoo.common.errors import DataError, ZooWarning
from zoo.common.io.nifti_write import write_nifti
from zoo.common.types import Image
from zoo.prediction.sources import images

RNG = np.random.default_rng(0)


def write_volume(path: Path, array: np.ndarray) -> None:
    write_nifti(path, array, Image(array[None].astype(np.float32), spacing_mm=(1.0, 1.0, 1.0)))


def drawn() -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros((4, 16, 16), np.uint8)
    mask[1:3, 4:12, 4:12] = 1
    return (RNG.integers(0, 40, mask.shape) + 100 * mask).astype(np.int16), mask


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for i, end in enumerate(("_seg", "_mask", "_label", "-seg", "_seg", "_seg")):
        image, mask = drawn()
        write_volume(folder / f"p{i}.nii.gz", image)
        write_volume(folder / f"p{i}{end}.nii.gz", mask)
    (folder / "classes.txt").write_text("background\nliver")
    return folder


def test_masks_beside_their_images_are_a_data_set(scans: Path) -> None:
    data = open_dataset(scans, "segmentation")

    assert [record.name for record in data.records] == [f"p{i}" for i in range(6)]
    assert data.classes == ("background", "liver") and data.drawn == {"seed": 0}
    np.testing.assert_array_equal(data[0].labels["mask"], drawn()[1])


def test_channels_beside_their_mask_are_one_case(tmp_path: Path) -> None:
    for i in range(3):
        image, mask = drawn()
        for channel in range(2):
            write_volume(tmp_path / f"c{i}_000{channel}.nii.gz", image)
        write_volume(tmp_path / f"c{i}_seg.nii.gz", mask)

    data = open_dataset(tmp_path, "segmentation")

    assert [(sample.image.name, len(sample.image.array)) for sample in data] == [("c0", 2), ("c1", 2), ("c2", 2)]


def test_an_image_without_a_mask_is_named(scans: Path) -> None:
    (scans / "p3-seg.nii.gz").unlink()

    with pytest.raises(DataError, match="1 of 6 images have no mask: p3; masks without an image: nothing"):
        open_dataset(scans, "segmentation")


def test_a_table_of_the_split_is_not_passed_over(scans: Path) -> None:
    (scans / "split.csv").write_text("id,split\np0,test\n")

    with pytest.raises(DataError, match=r"split.csv is not read .* Move the images to images/"):
        open_dataset(scans, "segmentation")


def test_masks_beside_their_images_are_not_predicted_and_are_told_of(scans: Path) -> None:
    model = zoo.load("3D-UNet", checkpoint=None, variant="tiny", backend="torch")

    with pytest.warns(ZooWarning, match="6 left out .*p0_seg.nii.gz: a mask by its name, of p0.nii.gz"):
        found = model.predict(scans)

    assert [Path(answer.name).name for answer in found] == [f"p{i}.nii.gz" for i in range(6)]
    assert len(found.left_out) == 6


@pytest.mark.parametrize("how", ["pattern", "list"])
def test_a_pattern_is_read_like_its_folder(how: str, scans: Path) -> None:
    found = images(str(scans / "*.nii.gz") if how == "pattern" else sorted(scans.glob("*.nii.gz")))

    assert len(found) == 6 and len(found.left_out) == 6


def test_a_mask_that_is_named_alone_is_predicted(scans: Path) -> None:
    assert images(scans / "p0_seg.nii.gz").names() == [str(scans / "p0_seg.nii.gz")]


@pytest.mark.parametrize("pair", [("images", "masks"), ("imagesTr", "labelsTr"), ("images", "annotations")])
def test_a_folder_of_masks_beside_one_of_images_is_not_predicted(pair: tuple[str, str], tmp_path: Path) -> None:
    for folder in pair:
        (tmp_path / folder).mkdir()
        Pillow.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / folder / "a.png")

    found = images(tmp_path)

    assert found.names() == [str(tmp_path / pair[0] / "a.png")]
    assert found.left_out == [(str(tmp_path / pair[1] / "a.png"), f"a mask by its folder, beside {pair[0]}/")]


def test_the_shell_trains_on_such_a_folder(scans: Path, tmp_path: Path) -> None:
    asked = [
        "train",
        "3D-UNet",
        "--data",
        scans,
        "--checkpoint",
        "none",
        "--variant",
        "tiny",
        "--out",
        tmp_path / "run",
    ]

    told = CliRunner().invoke(app, [str(each) for each in (*asked, "--epochs", 1, "--backend", "torch")])

    assert told.exit_code == 0, told.output
    assert (tmp_path / "run" / "best.safetensors").is_file()
