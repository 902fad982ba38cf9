"""A study with all that hospitals put into it becomes one image per series, and says what it leaves out."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree, move

import numpy as np
import pytest
from pydicom.fileset import FileSet
from pydicom.uid import generate_uid
from typer.testing import CliRunner

import zoo
from zoo.cli import app
from zoo.common.errors import ConfigError, InputError, ZooWarning
from zoo.common.types import Image
from zoo.prediction.sources import images
from zoo.registry import load_registry

from .common.dicom_files import SPACING, VALUES, positions, write_enhanced, write_series, write_slice

LUNG, LIVER = "1.2.826.0.1.1", "1.2.826.0.1.2"
DATED = {"StudyDate": "20250102", "StudyTime": "101112"}  # an index of a disc needs them


def add_series(folder: Path, uid: str, number: int, names: str = "{}.dcm", **tags: object) -> Path:
    """Write VALUES, turned by the number, as slices that do not lie in the order of their names."""
    order = np.random.default_rng(number).permutation(len(VALUES))
    for name, i in zip(order, range(len(VALUES)), strict=True):
        more = {"SeriesInstanceUID": uid, "SeriesNumber": number, "InstanceNumber": i + 1, **DATED, **tags}
        write_slice(folder / names.format(f"{number}-{name}"), VALUES[i] + number, positions()[i], **more)
    return folder


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = add_series(tmp_path / "study", LUNG, 2, SeriesDescription="Lung 1.0 B60f")
    add_series(folder, LIVER, 3, names="{}", SeriesDescription="Liver venous")
    localiser = {**DATED, "SeriesInstanceUID": generate_uid(), "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    write_slice(folder / "scout.dcm", VALUES[0], positions()[0], InstanceNumber=1, **localiser)
    write_slice(folder / "report.dcm", VALUES[0], positions()[0], Modality="SR", SeriesInstanceUID=generate_uid())
    return folder


def read(source: object, **asked: object) -> dict[str, Image | Exception]:
    return dict(images(source, **asked))  # type: ignore[arg-type]


def test_every_series_of_a_folder_is_an_image(study: Path) -> None:
    found = read(study)

    assert list(found) == [f"{study}/series_2", f"{study}/series_3"]
    for number, image in zip((2, 3), found.values(), strict=True):
        np.testing.assert_array_equal(image.array[0], VALUES + number)
        assert image.spacing_mm == pytest.approx(SPACING)


def test_a_choice_that_nothing_meets_is_told_with_what_was_there(study: Path) -> None:
    with pytest.raises(InputError) as caught:
        images([str(study)], series={"description": "head"})

    said = str(caught.value)
    assert said.startswith(f"'{study}' holds no image that is wanted; expected at least one: 4 left out")
    assert "description 'Lung 1.0 B60f', asked for head" in said and ".png" not in said


def test_what_is_no_image_is_left_out_with_a_reason(study: Path) -> None:
    left_out = {Path(name).name: reason for name, reason in images(study).left_out}

    assert left_out == {"scout.dcm": "a localiser", "report.dcm": "SR, which describes other images"}


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ({"description": "*lung*"}, 2),
        ({"description": ["nothing", "liver*"]}, 3),
        ({"uid": LIVER}, 3),
        ({"modality": "ct", "description": "Lung*"}, 2),
    ],
)
def test_series_are_chosen_by_what_they_say_of_themselves(wanted: dict[str, object], number: int, study: Path) -> None:
    found = images(study, series=wanted)  # type: ignore[arg-type]

    assert found.names() == [f"{study}/series_{number}"]
    assert "asked for" in dict(found.left_out)[f"{study}/series_{5 - number}"]


def test_where_nothing_is_left_the_refusal_says_what_there_was(study: Path) -> None:
    with pytest.raises(InputError, match="modality CT, asked for MR"):
        images(study, series={"modality": "MR"})
    with pytest.raises(ConfigError, match="some of modality, description, uid"):
        images(study, series={"Modality": "MR"})


def test_answers_may_be_called_by_patient_and_series(study: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    write_enhanced(
        tmp_path / "one" / "e.dcm", list(range(6)), SeriesInstanceUID="1.5", SOPInstanceUID="1.6", PatientID="a/b"
    )

    assert images(study, name_by="series").names() == [f"p1/{LUNG}", f"p1/{LIVER}"]
    (name,) = images(tmp_path / "one" / "e.dcm", name_by="series").names()
    assert name.split("/")[1:] == ["1.5", "1.6"] and name.startswith("a_b~")


def test_copies_of_a_series_are_told_and_not_numbered(study: Path, tmp_path: Path) -> None:
    copytree(study, tmp_path / "copy")

    by_path, by_series = images(tmp_path), images(tmp_path, name_by="series")

    assert len(by_path) == 4 and len(by_series) == 2
    assert [reason.split(" as ")[0] for _, reason in by_series.left_out][-2:] == ["the same series"] * 2


def test_a_series_whose_slices_are_spread_over_folders_is_one_image(tmp_path: Path) -> None:
    folder = add_series(tmp_path / "disc" / "0001", LUNG, 2)
    for i, path in enumerate(sorted(folder.iterdir())):
        (tmp_path / "disc" / f"000{i % 3}").mkdir(exist_ok=True)
        move(path, tmp_path / "disc" / f"000{i % 3}" / path.name)

    ((name, image),) = images(tmp_path / "disc")

    assert name == str(tmp_path / "disc")
    np.testing.assert_array_equal(image.array[0], VALUES + 2)


def test_a_disc_is_read_by_its_index(study: Path, tmp_path: Path) -> None:
    (study / "report.dcm").unlink()  # an index needs whole objects, and this one is none
    disc = FileSet()
    for path in sorted(study.iterdir()):
        disc.add(path)
    disc.write(tmp_path / "disc")
    (tmp_path / "disc" / "not-listed.png").write_text("")

    found = images(tmp_path / "disc" / "DICOMDIR", name_by="series")

    assert found.names() == [f"p1/{LUNG}", f"p1/{LIVER}"]
    assert all(isinstance(image, Image) for _, image in found)


def test_broken_files_cost_their_series_and_no_other(study: Path) -> None:
    (study / "2-0.dcm").write_bytes((study / "2-0.dcm").read_bytes()[:-20])
    (study / "broken.dcm").write_text("no DICOM")

    found = read(study)

    kinds = {Path(name).name: isinstance(image, Image) for name, image in found.items()}
    assert kinds == {"broken.dcm": False, "series_2": False, "series_3": True}


def test_a_broken_slice_of_the_only_series_is_not_left_out_quietly(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "series")
    write_slice(folder / "contours.dcm", VALUES[0], positions()[0], Modality="RTSTRUCT", SeriesInstanceUID="1.9")
    (folder / "5.dcm").write_text("lost")

    ((_, told),) = images(folder)

    assert isinstance(told, InputError) and "5.dcm" in str(told)


def test_an_image_says_whose_it_is(study: Path) -> None:
    image = next(iter(read(study).values()))

    assert isinstance(image, Image)
    assert (image.dicom["patient_id"], image.dicom["series_uid"]) == ("p1", LUNG)
    assert image.dicom["series_description"] == "Lung 1.0 B60f" and "instance_uid" not in image.dicom


def test_a_model_answers_series_by_series_and_warns_of_the_rest(study: Path) -> None:
    model = zoo.load("3D-UNet", checkpoint=None, variant="tiny")

    with pytest.warns(ZooWarning, match="2 left out .*a localiser"):
        found = model.predict(study)

    assert [Path(answer.name).name for answer in found] == ["series_2", "series_3"]
    assert len(found.left_out) == 2


def test_the_command_line_chooses_and_lists_what_it_leaves_out(study: Path, tmp_path: Path) -> None:
    weights = zoo.load("3D-UNet", checkpoint=None, variant="tiny", backend="torch").save(tmp_path / "w.safetensors")
    options = ("--checkpoint", weights, "--out", tmp_path / "out", "--series-description", "*lung*", "--no-overlays")

    told = CliRunner().invoke(app, ["predict", "3D-UNet", str(study), *map(str, options)])

    assert told.exit_code == 0 and "1 of 1 images predicted" in told.stderr, told.stderr
    assert "scout.dcm: a localiser" in told.stderr and "series_3: description 'Liver venous'" in told.stderr
    document = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert [entry["mask"] for entry in document["predictions"]] == ["masks/series_2.nii.gz"]
    assert len(document["left_out"]) == 3 and len(document["model"]["sha256"]) == 64
    again = CliRunner().invoke(app, ["predict", "3D-UNet", str(study), *map(str, options), "--skip-existing"])
    assert again.exit_code == 0 and "1 of 1 images predicted, 1 of them earlier" in again.stderr


def test_codes_of_classes_are_those_of_the_public_dictionary() -> None:
    from pydicom.sr._concepts_dict import concepts

    meanings: dict[str, set[str]] = {}
    for entry in concepts["SCT"].values():
        for value, (meaning, *_) in entry.items():
            meanings.setdefault(value, set()).add(meaning)

    codes = {kind.type for entry in load_registry().values() for kind in entry.codes.values()}
    found = [code for code in codes if code.value in meanings]
    assert len(found) >= 9 and [code for code in found if code.meaning not in meanings[code.value]] == []
