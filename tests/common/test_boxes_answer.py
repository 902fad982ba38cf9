"""The answer of a detector: files that other programs read, sizes in millimetres, places in the patient."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zoo.common.answers.boxes import Boxes
from zoo.common.datasets.coco import read_coco
from zoo.common.errors import ConfigError
from zoo.common.metrics.froc import luna16_scan
from zoo.common.types import Image
from zoo.prediction.predictions import PredictionList

ROWS = np.array([[10, 20, 16, 30], [3, 4, 5, 8.0]])


def picture(spacing_mm: tuple[float, float] | None = None, rows: np.ndarray = ROWS) -> Boxes:
    image = Image(np.zeros((1, 40, 80), np.float32), spacing_mm, name="slice.png")
    count = len(rows)
    return Boxes(image, ("cell", "nodule"), rows, np.arange(count) % 2, np.linspace(0.9, 0.4, count))


def volume() -> Boxes:
    affine = np.array([[-0.5, 0, 0, 100], [0, -0.5, 0, 80], [0, 0, 2, -50], [0, 0, 0, 1.0]])
    image = Image(np.zeros((1, 6, 40, 80), np.float32), (2.0, 0.5, 0.5), affine, name="scan.nii.gz")
    return Boxes(image, ("nodule",), np.array([[18, 18, 23, 23, 2, 3.0]]), np.zeros(1, int), np.ones(1))


def test_json_is_a_coco_file_with_the_same_boxes(tmp_path: Path) -> None:
    coco = read_coco(picture().save(tmp_path / "found.json"))

    assert coco.classes == ("cell", "nodule")
    np.testing.assert_allclose(coco.boxes["slice.png"], np.column_stack([[0, 1], ROWS]))


def test_coco_file_is_read_by_pycocotools(tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco").COCO(str(picture().save(tmp_path / "found.json")))

    assert [annotation["bbox"] for annotation in coco.loadAnns(coco.getAnnIds())] == [[10, 20, 6, 10], [3, 4, 2, 4]]


def test_txt_holds_shares_of_the_picture(tmp_path: Path) -> None:
    lines = picture().save(tmp_path / "found.txt").read_text().splitlines()

    first = [float(value) for value in lines[0].split()]
    assert first == pytest.approx([0, 13 / 80, 25 / 40, 6 / 80, 10 / 40, 0.9])
    assert len(lines) == 2


def test_diameter_is_the_mean_of_the_sides_in_millimetres() -> None:
    assert picture().diameters_mm is None
    np.testing.assert_allclose(picture((2.0, 0.5)).diameters_mm, [(6 * 0.5 + 10 * 2) / 2, (2 * 0.5 + 4 * 2) / 2])


def test_world_place_is_that_of_the_middle_voxel() -> None:
    found = volume()

    # voxel 20, 20, 2 is the middle of 18..23 and of 2..3
    np.testing.assert_allclose(found.world_mm, [[100 - 0.5 * 20, 80 - 0.5 * 20, -50 + 2 * 2]])
    assert found.rows()[0]["z_mm"] == pytest.approx(-46)


@pytest.mark.parametrize("suffix", [".txt"])
def test_boxes_of_a_volume_are_not_written_as_those_of_a_picture(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ConfigError, match=r"volume.*\.csv"):
        volume().save(tmp_path / f"found{suffix}")


def test_volume_saves_its_plain_answer(tmp_path: Path) -> None:
    content = json.loads(volume().save(tmp_path / "found.json").read_text())

    assert content["boxes"][0]["z2_px"] == 3


def test_nothing_found_is_an_answer(tmp_path: Path) -> None:
    none = picture(rows=np.zeros((0, 4)))

    assert str(none) == "slice.png: nothing found"
    assert none.rows() == [{"name": "slice.png", "class": "", "score": 0.0}]
    assert none.save(tmp_path / "none.txt").read_text() == ""
    assert read_coco(none.save(tmp_path / "none.json")).boxes["slice.png"].shape == (0, 5)
    assert none.plot().size[0] > 0


@pytest.mark.parametrize("answer", [picture((1.0, 1.0)), volume(), picture(rows=np.tile(ROWS, (30, 1)))])
def test_every_answer_can_be_drawn(answer: Boxes) -> None:
    assert answer.plot().size[0] > 0


def test_submission_hits_the_nodule_by_luna16s_rule(tmp_path: Path) -> None:
    answer = replace(volume(), image=replace(volume().image, name="data/1.3.6.1.4.1.14519"))
    nodule = np.array([[-90.0, -70.0, -46.0, 4.0]])  # the middle voxel (20, 20, 2), counted to the left and the back

    path = answer.save(tmp_path / "scan.luna16.csv")

    header, row = path.read_text().splitlines()
    uid, *numbers = row.split(",")
    assert header == "seriesuid,coordX,coordY,coordZ,probability"
    assert uid == "1.3.6.1.4.1.14519"
    assert len(luna16_scan(nodule, nodule[:0], np.array([numbers], float)).hits) == 1


def test_submission_of_a_run_joins_all_scans_and_holds_what_is_below_the_threshold(tmp_path: Path) -> None:
    seen = replace(volume(), candidates=volume(), boxes=np.zeros((0, 6)), labels=np.zeros(0, int), scores=np.zeros(0))
    none = replace(seen, image=replace(seen.image, name="empty.mhd"), candidates=None)

    PredictionList([seen, none]).save(tmp_path / "out", overlays=False)
    rows = (tmp_path / "out" / "submission_luna16.csv").read_text().splitlines()
    PredictionList([none]).save(tmp_path / "none", overlays=False)

    assert [row.split(",")[0] for row in rows] == ["seriesuid", "scan"]
    assert len((tmp_path / "none" / "submission_luna16.csv").read_text().splitlines()) == 1


def test_a_picture_without_a_place_is_no_submission(tmp_path: Path) -> None:
    assert picture().submissions() == {}
    with pytest.raises(ConfigError, match="no place in the world"):
        picture().save(tmp_path / "scan.luna16.csv")
