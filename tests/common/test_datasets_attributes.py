"""What is known of a case beside its labels is found wherever people write it down."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from zoo.common.datasets import open_dataset
from zoo.common.datasets.attributes import attribute
from zoo.common.errors import DataError

from . import official_layouts as layouts
from .dicom_files import write_slice


def pictures(folder: Path, count: int = 6) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{i:02}.png" for i in range(count)]
    for i, name in enumerate(names):
        Pillow.fromarray(np.full((8, 8), i, np.uint8)).save(folder / name)
    return names


def manifest(folder: Path, sexes: str = "") -> Path:
    """Write two pictures of each of three patients, whose sexes a column tells where they are given."""
    lines = [f"image,label,patient{',Sex' * bool(sexes)}"]
    for i, name in enumerate(pictures(folder)):
        lines.append(f"{name},{i % 2},p{i // 2}{',' + sexes[i // 2] if sexes else ''}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_column_of_the_manifest(tmp_path: Path):
    data = open_dataset(manifest(tmp_path, "FMF"), "classification")

    assert attribute(data, "sex") == attribute(data, "Gender") == ["F", "F", "M", "M", "F", "F"]
    assert attribute(open_dataset(tmp_path / "manifest.csv", "classification"), "sex") == attribute(data, "sex")


def test_a_table_of_patients_beside_the_manifest(tmp_path: Path):
    data = open_dataset(manifest(tmp_path), "classification")
    (tmp_path / "patients.csv").write_text("patient;scanner\np0;A\np1;B\n")

    assert attribute(data, "scanner") == ["A", "A", "B", "B", "", ""]


def test_a_column_of_the_split_of_images_beside_masks_stays_with_the_chosen_split(tmp_path: Path):
    names = pictures(tmp_path / "images")
    for name in pictures(tmp_path / "masks"):
        Pillow.fromarray(np.ones((8, 8), np.uint8)).save(tmp_path / "masks" / name)
    lines = [f"{Path(name).stem},{'train' if i < 4 else 'test'},kind{i}" for i, name in enumerate(names)]
    (tmp_path / "split.csv").write_text("\n".join(["id,split,kind", *lines]) + "\n")

    assert attribute(open_dataset(tmp_path, "segmentation").split("test"), "kind") == ["kind4", "kind5"]


def test_a_sidecar_as_bids_writes_it(tmp_path: Path):
    data = open_dataset(manifest(tmp_path), "classification")
    (tmp_path / "00.json").write_text(json.dumps({"ManufacturersModelName": "Prisma", "EchoTime": 0.03}))

    assert attribute(data, "scanner")[:2] == ["Prisma", ""]
    assert attribute(data, "EchoTime")[0] == "0.03"


def test_an_unknown_column_is_refused_with_those_that_there_are(tmp_path: Path):
    with pytest.raises(DataError, match=r"nothing says 'hair' .*there are label, patient, sex.*patients\.csv"):
        attribute(open_dataset(manifest(tmp_path, "FMF"), "classification"), "hair")


def test_lines_that_disagree_say_nothing(tmp_path: Path):
    data = open_dataset(manifest(tmp_path), "classification")
    (tmp_path / "visits.csv").write_text("patient,site\np0,A\np0,B\np1,A\n")

    assert attribute(data, "site") == ["", "", "A", "A", "", ""]


def test_the_table_of_a_bids_folder(tmp_path: Path):
    layouts.bids(tmp_path)
    (tmp_path / "participants.tsv").write_text("participant_id\tsite\n01\tA\n02\tB\n03\tA\n")

    assert attribute(open_dataset(tmp_path, "segmentation"), "site") == ["A", "B", "A"]


def test_tags_of_dicom_files(tmp_path: Path):
    lines = ["image,label"]
    for i, age in enumerate(("045Y", "007Y", "")):
        values = np.full((5, 7), i, np.uint16)
        write_slice(tmp_path / f"{i}.dcm", values, (0, 0, i), PatientAge=age, ManufacturerModelName="Force")
        lines.append(f"{i}.dcm,{i % 2}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    data = open_dataset(tmp_path, "classification")

    assert attribute(data, "age") == ["45", "7", ""]
    assert attribute(data, "scanner") == attribute(data, "ManufacturerModelName") == ["Force"] * 3
