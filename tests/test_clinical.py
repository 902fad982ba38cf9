"""Results are what an archive takes: valid DICOM objects with the values of the answer, under lasting names."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

import zoo
from zoo.common.answers.boxes import Boxes
from zoo.common.answers.classification import Classification
from zoo.common.answers.ellipses import Ellipses
from zoo.common.answers.instances import Instances
from zoo.common.answers.localisation import Localisation
from zoo.common.answers.points import Points
from zoo.common.answers.prediction import Prediction
from zoo.common.answers.segmentation import Segmentation
from zoo.common.errors import ConfigError, OutputError
from zoo.common.files.output_folder import Lines, read_lines
from zoo.common.io import read_image
from zoo.common.provenance import Code, Kind, Provenance
from zoo.prediction.many import Results

from .common.dicom_files import VALUES, positions, write_enhanced, write_series, write_slice
from .test_studies import add_series

hd = pytest.importorskip("highdicom")
pytestmark = pytest.mark.filterwarnings("ignore")  # of pydicom, about values that our tiny files leave empty
CLASSES = ("background", "lung", "lesion")
LABELS = (VALUES // 1400).astype(int)  # 0, 1 and 2
LUNG = Kind(Code("91723000", "Anatomical Structure"), Code("39607008", "Lung"))
MADE_BY = Provenance("3D-UNet", "ct-small", "ab" * 32, "0.1.0", "torch", "cpu", {"lung": LUNG})
PATIENT = {"PatientName": "Doe^Jane", "PatientID": "P-4711", "PatientBirthDate": "19500203", "AccessionNumber": "A99"}


def errors_of(path: Path) -> list[str]:
    """Return what dicom3tools' validator calls an error."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed (apt install dicom3tools)")
    told = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, check=False).stderr
    return [line for line in told.splitlines() if "Error" in line or "not a DICOM" in line]


def volume(folder: Path) -> Segmentation:
    image = read_image(write_series(folder / "series", **PATIENT))
    return Segmentation(image, CLASSES, LABELS, made_by=MADE_BY)


def picture(folder: Path):  # type: ignore[no-untyped-def]
    return read_image(write_slice(folder / "one.dcm", VALUES[0], positions()[0]))


def ellipse(folder: Path) -> Ellipses:
    found, measured = np.array([[0, 3, 2, 2, 1, 0.3]]), {"hc_mm": 200.0, "ctr": 0.4}
    return Ellipses(picture(folder), ("head",), found, np.array([0.9]), measured)


def points(folder: Path) -> Points:
    candidates = np.array([[0, 1, 2, 0.9], [1, 3, 2, 0.8]])
    return Points(picture(folder), classes=("negative", "positive"), candidates=candidates, index_class="positive")


def boxes(folder: Path) -> Boxes:
    corners = np.array([[1, 1, 3, 3, 1, 4], [1, 1, 3, 3, 2, 3.0]])
    image = read_image(write_series(folder / "series"))
    return Boxes(image, ("nodule",), corners, np.array([0, 0]), np.array([0.9, 0.4]))


def localisation(folder: Path) -> Localisation:
    mask = LABELS[0] == 1
    found, shares = np.array([[1, 1, 4, 4.0]]), np.array([0.3, 0.7])
    return Localisation(picture(folder), ("normal", "covid"), shares, mask / 1.0, "covid", found, np.array([0.7]), mask)


def one_class(folder: Path) -> Segmentation:
    image = read_image(write_series(folder / "series"))
    return Segmentation(image, CLASSES[:2], (LABELS == 1).astype(int), made_by=MADE_BY)


def frames(folder: Path) -> Segmentation:
    return Segmentation(read_image(write_enhanced(folder / "e.dcm", [3, 0, 5, 1, 4, 2])), CLASSES, LABELS)


def instances(folder: Path) -> Instances:
    return Instances(picture(folder), ("cell",), (LABELS[0] == 1).astype(np.int32), np.array([0]), np.ones(1))


ANSWERS: dict[str, Callable[[Path], Prediction]] = {
    "volume": volume,
    "multi-frame": frames,
    "one class": one_class,
    "slice": lambda folder: Segmentation(picture(folder), CLASSES, LABELS[0], made_by=MADE_BY),
    "empty": lambda folder: Segmentation(picture(folder), CLASSES, np.zeros_like(LABELS[0])),
    "ellipse": ellipse,
    "points": points,
    "boxes": boxes,
    "class": lambda folder: Classification(picture(folder), ("normal", "covid"), np.array([0.3, 0.7])),
    "localisation": localisation,
    "instances": instances,
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_objects_of_every_answer_are_valid(kind: str, tmp_path: Path) -> None:
    answer = ANSWERS[kind](tmp_path)
    mask = answer.save(tmp_path / "seg.dcm") if answer.segments is not None else None
    report, capture = answer.save_report(tmp_path / "sr.dcm", mask), answer.save_capture(tmp_path / "sc.dcm")

    found = {path.name: errors_of(path) for path in (mask, report, capture) if path is not None}

    assert {name: errors for name, errors in found.items() if errors} == {}


def test_a_name_of_one_part_is_no_warning(tmp_path: Path) -> None:
    image = read_image(write_series(tmp_path / "series", PatientName="Doe"))
    answer = Segmentation(image, CLASSES, LABELS, made_by=MADE_BY)

    with warnings.catch_warnings():
        warnings.filterwarnings("error", "The string")
        answer.save(tmp_path / "seg.dcm")
        answer.save_report(tmp_path / "report.dcm", tmp_path / "seg.dcm")
        answer.save_capture(tmp_path / "capture.dcm")


def test_a_mask_says_what_it_is_and_what_made_it(tmp_path: Path) -> None:
    seg = hd.seg.segread(volume(tmp_path).save(tmp_path / "seg.dcm"))

    lung, lesion = (seg.get_segment_description(i) for i in (1, 2))
    assert lung.segmented_property_type == hd.sr.CodedConcept("39607008", "SCT", "Lung")
    assert lesion.segmented_property_type.scheme_designator.startswith("99")
    (by,) = lung.algorithm_identification
    assert (by.AlgorithmName, by.AlgorithmVersion) == ("3D-UNet ct-small", "0.1.0")
    assert "ab" * 32 in str(by.AlgorithmParameters)
    assert (seg.SeriesNumber, seg.ContentDescription) == (1003, "lung, lesion by 3D-UNet ct-small")


def test_libraries_read_the_same_mask(tmp_path: Path) -> None:
    labels = np.random.default_rng(3).integers(0, 3, (4, 16, 8))  # frames end with a byte: GDCM asks for that
    for i, (values, place) in enumerate(zip(labels.astype(np.uint16), positions(), strict=False)):
        write_slice(tmp_path / "square" / f"{i}.dcm", values, place)
    path = Segmentation(read_image(tmp_path / "square"), CLASSES, labels).save(tmp_path / "seg.dcm")

    frames = pydicom.dcmread(path).pixel_array
    both = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    combined = hd.seg.segread(path).get_volume(combine_segments=True).flip_spatial(0).array

    np.testing.assert_array_equal(frames > 0, both > 0)
    np.testing.assert_array_equal(combined, labels)


def test_a_report_holds_the_measurements_and_refers_to_the_mask(tmp_path: Path) -> None:
    answer = volume(tmp_path)
    mask = answer.save(tmp_path / "seg.dcm")

    report = hd.sr.srread(answer.save_report(tmp_path / "sr.dcm", mask))

    groups = report.content.get_volumetric_roi_measurement_groups()
    firsts = [(group.finding_type.meaning, group.get_measurements()[0]) for group in groups]
    told = [(name, first.value, first.unit.value) for name, first in firsts]
    expected = [(str(row["class"]), float(row["size_ml"]), "ml") for row in answer.rows()]
    assert [(name.lower(), unit) for name, _, unit in told] == [(name, unit) for name, _, unit in expected]
    np.testing.assert_allclose([v for _, v, _ in told], [v for _, v, _ in expected], rtol=1e-6)
    assert all(pydicom.dcmread(mask).SOPInstanceUID in str(group) for group in groups)
    assert report.StudyInstanceUID == pydicom.dcmread(mask).StudyInstanceUID


def test_outlines_lie_where_the_answer_has_them(tmp_path: Path) -> None:
    report = hd.sr.srread(ellipse(tmp_path).save_report(tmp_path / "sr.dcm"))

    (group,) = report.content.get_planar_roi_measurement_groups()
    ends = group.roi.value
    np.testing.assert_allclose(ends.mean(axis=0), [3.5, 2.5])  # DICOM counts from the corner of the first pixel
    assert [np.linalg.norm(ends[i + 1] - ends[i]) for i in (0, 2)] == pytest.approx([4, 2])


@pytest.fixture(scope="module")
def model() -> zoo.Model:
    return zoo.load("3D-UNet", checkpoint=None, variant="tiny", backend="torch")


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    """Write ten series of one patient into one folder, two of them broken."""
    folder = tmp_path / "patient"
    for number in range(1, 11):
        add_series(folder, f"1.2.826.0.1.{number}", number, **PATIENT)
    for number in (4, 7):
        broken = folder / f"{number}-2.dcm"
        broken.write_bytes(broken.read_bytes()[:-30])
    return folder


WISHED = {"mask_format": "dcm", "report": True, "overlays": False, "name_by": "series"}


def entries(out: Path) -> list[dict[str, object]]:
    return sorted(
        ({k: v for k, v in e.items() if k != "dicom"} for e in read_lines(out / "predictions.jsonl")),
        key=lambda entry: (str(entry["name"]), "error" in entry),
    )


def test_two_broken_series_of_ten_are_failures_and_eight_are_pairs(
    model: zoo.Model, patient: Path, tmp_path: Path
) -> None:
    results = model.predict_into(tmp_path / "out", patient, **WISHED)

    assert isinstance(results, Results) and len(results.predictions) == 8
    assert sorted(name for name, _ in results.failures) == ["P-4711/1.2.826.0.1.4", "P-4711/1.2.826.0.1.7"]
    for entry in results.predictions:
        assert entry["mask"] == f"masks/{entry['name']}.dcm" and entry["report"] == f"reports/{entry['name']}.dcm"
        assert entry["dicom"]["series_uid"] == entry["name"].split("/")[1]
        assert entry["model"]["algorithm"] == "3D-UNet"
        assert [errors_of(tmp_path / "out" / entry[kind]) for kind in ("mask", "report")] == [[], []]


def test_a_batch_killed_five_times_ends_with_the_same_entries(model: zoo.Model, patient: Path, tmp_path: Path) -> None:
    def until_killed(operation: int) -> None:
        """Predict in a process that dies at a file operation, as by a power cut."""
        child = os.fork()
        if child == 0:
            left = [operation]

            def dying(call: Callable[..., object]) -> Callable[..., object]:
                def counted(*arguments: object) -> object:
                    left[0] -= 1
                    if left[0] == 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return call(*arguments)

                return counted

            os.replace, Lines.add = dying(os.replace), dying(Lines.add)  # type: ignore[method-assign, assignment]
            model.predict_into(tmp_path / "killed", patient, skip_existing=True, **WISHED)
            os._exit(0)
        os.waitpid(child, 0)

    model.predict_into(tmp_path / "whole", patient, **WISHED)
    for operation in np.random.default_rng(0).integers(1, 30, 5):
        until_killed(int(operation))
    results = model.predict_into(tmp_path / "killed", patient, skip_existing=True, **WISHED)

    assert results.complete and results.skipped > 0
    assert entries(tmp_path / "killed") == entries(tmp_path / "whole")
    files = [
        sorted(p.relative_to(tmp_path / name).as_posix() for p in (tmp_path / name).rglob("*.dcm"))
        for name in ("killed", "whole")
    ]
    assert files[0] == files[1] and len(files[0]) == 16
    documents = [json.loads((tmp_path / name / "predictions.json").read_text()) for name in ("killed", "whole")]
    assert documents[0]["predictions"] == documents[1]["predictions"]
    tables = [(tmp_path / name / "predictions.csv").read_text() for name in ("killed", "whole")]
    assert tables[0] == tables[1]


def test_another_model_or_format_does_not_continue_a_batch(model: zoo.Model, patient: Path, tmp_path: Path) -> None:
    model.predict_into(tmp_path / "out", patient / "1-0.dcm", overlays=False)

    with pytest.raises(OutputError, match="mask_format was '', is 'nrrd'"):
        model.predict_into(tmp_path / "out", patient, overlays=False, mask_format="nrrd", skip_existing=True)
    with pytest.raises(ConfigError, match="expected one"):
        model.predict_into(tmp_path / "out", patient, overwrite=True, skip_existing=True)


def test_nothing_in_a_deidentified_folder_names_the_patient(model: zoo.Model, tmp_path: Path) -> None:
    study = add_series(tmp_path / "Doe_Jane", "1.2.826.0.1.77", 5, SeriesDescription="for Dr Who", **PATIENT)
    (study / "Jane.dcm").write_text("broken")

    wished = {**WISHED, "capture": True, "overlays": True, "name_by": "path"}
    model.predict_into(tmp_path / "out", [study, tmp_path / "Jane.nii.gz"], deidentify="basic", **wished)

    secrets = (b"Doe", b"Jane", b"4711", b"19500203", b"A99", b"Dr Who", b"1.2.826.0.1.77", b"20250102")
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert {path.suffix for path in written} >= {".dcm", ".json", ".jsonl", ".csv", ".png"} or len(written) > 3
    for path in written:
        told = path.read_bytes() + str(path.relative_to(tmp_path / "out")).encode()
        assert [secret for secret in secrets if secret in told] == [], path


def test_the_same_patient_gets_the_same_pseudonym_and_uids_may_be_kept(model: zoo.Model, tmp_path: Path) -> None:
    first = add_series(tmp_path / "a", "1.2.826.0.1.1", 1, **PATIENT)
    second = add_series(tmp_path / "b", "1.2.826.0.1.2", 2, **PATIENT)

    hidden = model.predict_into(tmp_path / "x", [first, second], deidentify="basic", **WISHED).predictions
    kept = model.predict_into(tmp_path / "y", [first], deidentify="keep-uids", **WISHED).predictions

    patients = {entry["dicom"]["patient_id"] for entry in [*hidden, *kept]}
    assert len(patients) == 1 and "4711" not in patients.pop()
    assert hidden[0]["dicom"]["study_uid"] == hidden[1]["dicom"]["study_uid"] != kept[0]["dicom"]["study_uid"]
    assert kept[0]["dicom"]["series_uid"] == "1.2.826.0.1.1"
    report = pydicom.dcmread(tmp_path / "x" / hidden[0]["report"])
    assert report.StudyInstanceUID == hidden[0]["dicom"]["study_uid"]
    assert [errors_of(tmp_path / "x" / hidden[0][kind]) for kind in ("mask", "report")] == [[], []]


def test_nothing_of_an_image_stays_in_memory_once_it_is_answered(tmp_path: Path) -> None:
    from PIL import Image as Pillow

    for i in range(20):
        Pillow.fromarray(np.full((16, 16), 10 * i, np.uint8)).save(tmp_path / f"{i:02}.png")
    for i in (3, 17):
        (tmp_path / f"{i:02}.png").write_text("broken")
    classifier = zoo.load("Covid-ResNet", checkpoint=None, variant="tiny", backend="torch")

    results = classifier.predict_into(tmp_path / "out", tmp_path, overlays=False, batch_size=4)

    assert len(results.predictions) == 18
    assert [Path(name).name for name, _ in results.failures] == ["03.png", "17.png"]
    gc.collect()
    alive = [thing for thing in gc.get_objects() if type(thing) is Classification]  # isinstance() asks dead proxies
    assert not {Path(answer.image.name).name for answer in alive} & {f"{i:02}.png" for i in range(20)}
