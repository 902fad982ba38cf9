"""HC18 is read in both layouts, with ellipses whose circumference is the recorded one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from zoo.common.datasets import open_dataset
from zoo.common.ellipses import geometry
from zoo.common.errors import DataError

TASK = "ellipse-detection"
HEAD = np.array([0, 80.3, 50.7, 36, 28, 0.7])
PIXEL_MM = 0.1


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """Four frames of three examinations as the challenge gives them: outlines drawn with a pen of 3 pixels."""
    folder = tmp_path / "training_set"
    folder.mkdir()
    names = ["000_HC", "010_HC", "010_2HC", "011_HC"]
    outline = geometry.fill(HEAD, (108, 160), 1.5) & ~geometry.fill(HEAD, (108, 160), -1.5)
    for name in names:
        Picture.fromarray(np.full((108, 160), 90, np.uint8)).save(folder / f"{name}.png")
        Picture.fromarray(outline.astype(np.uint8) * 255).save(folder / f"{name}_Annotation.png")
    hc_mm = geometry.circumference(HEAD)[0] * PIXEL_MM
    lines = ["filename,pixel size(mm),head circumference (mm)", *(f"{n}.png,{PIXEL_MM},{hc_mm:.2f}" for n in names)]
    (tmp_path / "training_set_pixel_size_and_HC.csv").write_text("\n".join(lines))
    return tmp_path


@pytest.fixture
def reduced(tmp_path: Path) -> Path:
    """Two frames with measured ellipses, too large by 0.64 pixels of pen."""
    (tmp_path / "images").mkdir()
    hc_mm = geometry.circumference(HEAD)[0] * PIXEL_MM
    lines = ["id,split,exam,w,h,pixel_mm,hc_mm,cx,cy,a,b,theta,hc_from_ellipse_mm"]
    for name, split in (("000_HC", "train"), ("001_HC", "test")):
        Picture.fromarray(np.full((108, 160), 90, np.uint8)).save(tmp_path / "images" / f"{name}.jpg")
        lines.append(f"{name},{split},{name[:3]},160,108,{PIXEL_MM},{hc_mm},80.3,50.7,36.64,28.64,3.84159,0")
    (tmp_path / "split.csv").write_text("\n".join(lines))
    return tmp_path


def test_official_layout_gives_the_outline_back(official: Path) -> None:
    sample = open_dataset(official, TASK)[0]

    np.testing.assert_allclose(sample.labels["ellipses"], [HEAD], atol=0.1)  # a pen of whole pixels
    assert sample.image.spacing_mm == (PIXEL_MM, PIXEL_MM)
    assert sample.image.array.shape == (1, 108, 160)


def test_official_layout_keeps_an_examination_on_one_side(official: Path) -> None:
    records = {record.name: record for record in open_dataset(official, TASK).records}

    assert records["010_HC"].group == records["010_2HC"].group == "010"
    assert records["010_HC"].split == records["010_2HC"].split


def test_reduced_layout_takes_the_pen_off(reduced: Path) -> None:
    sample = open_dataset(reduced, TASK).split("train")[0]

    np.testing.assert_allclose(sample.labels["ellipses"], [[*HEAD[:5], 3.84159 - np.pi]], atol=1e-3)


def test_picture_that_is_missing_is_named(reduced: Path) -> None:
    (reduced / "images" / "001_HC.jpg").unlink()

    with pytest.raises(DataError, match="001_HC"):
        open_dataset(reduced, TASK).split("test")[0]


def test_outline_that_is_no_ellipse_is_named(official: Path) -> None:
    blank = official / "training_set" / "000_HC_Annotation.png"
    Picture.fromarray(np.zeros((108, 160), np.uint8)).save(blank)

    with pytest.raises(DataError, match="000_HC_Annotation"):
        open_dataset(official, TASK)[0]


def test_other_tasks_are_refused(reduced: Path) -> None:
    with pytest.raises(DataError, match="ellipse-detection"):
        open_dataset(reduced, "classification")


def test_the_real_set_is_complete_and_its_circumferences_are_the_recorded_ones() -> None:
    root = Path(__file__).resolve().parents[3] / "shared" / "data" / "hc18"
    if not root.is_dir():
        pytest.skip("the reduced HC18 set is not on this machine")
    dataset = open_dataset(root, TASK)

    assert [len(dataset.split(name)) for name in ("train", "val", "test")] == [550, 85, 166]
    sample = dataset[0]
    assert sample.image.name == "000_HC"
    length_mm = geometry.circumference(sample.labels["ellipses"])[0] * sample.image.spacing_mm[0]
    assert length_mm == pytest.approx(44.3, abs=1e-3)
