"""Own data is read under the names that people give it: other folders, endings of masks, channels in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from zoo.common.datasets import open_dataset
from zoo.common.errors import DataError


def write(root: Path, images: str, masks: str, folder: str = "masks", channels: int = 0, count: int = 3) -> Path:
    """Write pictures and masks whose every pixel is the number of the case; names have the case in braces."""
    for i in range(1, count + 1):
        for channel in range(max(channels, 1)):
            path = root / "images" / f"{images.format(f'case{i}', channel)}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Pillow.fromarray(np.full((6, 5), 10 * i + channel, np.uint8)).save(path)
        (root / folder).mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(np.full((6, 5), i, np.uint8)).save(root / folder / f"{masks.format(f'case{i}')}.png")
    return root


@pytest.mark.parametrize("folder", ["masks", "labels", "segmentations", "annotations"])
@pytest.mark.parametrize(
    ("images", "masks"), [("{}", "{}"), ("{}", "{}_seg"), ("{}", "{}_mask"), ("{}_img", "{}_label")]
)
def test_each_image_gets_its_own_mask(tmp_path: Path, folder: str, images: str, masks: str):
    data = open_dataset(write(tmp_path, images, masks, folder), "segmentation")

    assert [(int(s.image.array[0, 0, 0]), int(s.labels["mask"][0, 0])) for s in data] == [(10, 1), (20, 2), (30, 3)]


@pytest.mark.parametrize("masks", ["{}", "{}_seg"])
def test_numbered_channels_become_one_image(tmp_path: Path, masks: str):
    data = open_dataset(write(tmp_path, "{}_{:04}", masks, channels=2), "segmentation")

    assert [record.name for record in data.records] == ["case1", "case2", "case3"]
    assert data[1].image.array[:, 0, 0].tolist() == [20, 21] and data[1].labels["mask"].max() == 2
    assert [path.name for path in data.records[0].files][:2] == ["case1_0000.png", "case1_0001.png"]


def test_a_single_channel_is_called_after_its_case(tmp_path: Path):
    data = open_dataset(write(tmp_path, "{}_{:04}", "{}", channels=1), "segmentation")

    assert [record.name for record in data.records] == ["case1", "case2", "case3"]


def test_numbers_that_only_count_the_images_are_no_channels(tmp_path: Path):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        for i in range(4):
            Pillow.fromarray(np.full((6, 5), i, np.uint8)).save(tmp_path / folder / f"img_{i:04}.png")

    assert [record.name for record in open_dataset(tmp_path, "segmentation").records] == [
        f"img_{i:04}" for i in range(4)
    ]


def test_a_folder_of_annotations_without_pictures_is_no_folder_of_masks(tmp_path: Path):
    write(tmp_path, "{}", "{}", "masks")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "notes.txt").write_text("none")

    assert len(open_dataset(tmp_path, "segmentation")) == 3


def test_names_that_do_not_fit_are_shown_from_both_sides(tmp_path: Path):
    write(tmp_path, "scan-{}", "{}-roi", count=5)

    with pytest.raises(DataError) as found:
        open_dataset(tmp_path, "segmentation")

    text = str(found.value)
    assert "Images without one: scan-case1, scan-case2, scan-case3 and 2 more" in text
    assert "masks without an image: case1-roi, case2-roi, case3-roi and 2 more" in text
    assert "scan-case1_seg" in text
