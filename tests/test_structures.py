"""Masks as RTSTRUCT: outlines that give the mask back when they are filled, in the right place, in a valid object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from matplotlib.path import Path as Outline
from scipy import ndimage
from typer.testing import CliRunner

from zoo.cli import app
from zoo.common.answers.segmentation import Segmentation
from zoo.common.errors import ConfigError, InputError
from zoo.common.io import read_image
from zoo.common.io.outlines_of_masks import outlines
from zoo.common.types import Image
from zoo.prediction.hidden import pseudonyms

from .common.dicom_files import SPACING, positions, write_enhanced, write_slice
from .test_clinical import MADE_BY, errors_of, points

pytestmark = pytest.mark.filterwarnings("ignore")  # of pydicom, about values that our tiny files leave empty
SIZE, CLASSES = (6, 24, 20), ("background", "lung", "lesion", "nothing")


def blobs(seed: int, size: tuple[int, ...]) -> np.ndarray:
    """Draw parts with holes, islands in them, parts that touch by a corner, and parts at the border."""
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=size), 1.2) > 0.02


def filled(lines: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    centres = np.column_stack([columns.ravel(), rows.ravel()])
    inside = [Outline(np.concatenate([line, line[:1]])).contains_points(centres) for line in lines]
    return np.any([np.zeros(len(centres), bool), *inside], axis=0).reshape(shape)


def labels() -> np.ndarray:
    found = blobs(0, SIZE).astype(int)
    found[1:3, 4:9, 5:12] = 2
    return found


def scan(folder: Path, turned: bool = False) -> Image:
    """Write a series whose slices lie askew in the patient."""
    a = np.deg2rad(20)
    axes = ((np.cos(a), np.sin(a), 0.0), (-np.sin(a), np.cos(a), 0.0)) if turned else ((1.0, 0, 0), (0, 1.0, 0))
    orientation = [round(float(v), 9) for axis in axes for v in axis]
    for i, place in enumerate(positions(axes, SIZE[0])):
        values = np.full(SIZE[1:], i, np.uint16)
        write_slice(folder / f"{5 - i}.dcm", values, place, ImageOrientationPatient=orientation, PatientName="Doe^J")
    return read_image(folder)


def read_back(path: Path, series: SimpleITK.Image, number: int) -> np.ndarray:
    """Fill the outlines of a region by where another library places the pixels of the scan."""
    made = pydicom.dcmread(path)
    (region,) = [item for item in made.ROIContourSequence if item.ReferencedROINumber == number]
    slices: dict[int, list[np.ndarray]] = {}
    for contour in region.get("ContourSequence", []):
        given = np.array(contour.ContourData, float).reshape(-1, 3)
        found = np.array([series.TransformPhysicalPointToContinuousIndex(point) for point in given.tolist()])
        (z,) = set(np.round(found[:, 2]).astype(int))
        assert np.abs(found[:, 2] - z).max() < 1e-3 and len(given) == contour.NumberOfContourPoints
        slices.setdefault(int(z), []).append(found[:, :2])
    out = np.zeros(SIZE, bool)
    for z, lines in slices.items():
        out[z] = filled(lines, SIZE[1:])
    return out


@pytest.mark.parametrize("seed", range(20))
def test_filled_outlines_are_the_mask(seed: int) -> None:
    mask = blobs(seed, (40, 33))

    np.testing.assert_array_equal(filled(outlines(mask), mask.shape), mask)


def test_a_ring_around_an_island_is_two_outlines() -> None:
    mask = np.zeros((9, 9), bool)
    mask[1:8, 1:8], mask[2:7, 2:7], mask[4, 4] = True, False, True

    lines = outlines(mask)

    assert len(lines) == 2
    np.testing.assert_array_equal(filled(lines, mask.shape), mask)
    assert outlines(np.zeros((4, 4), bool)) == []


@pytest.mark.parametrize("turned", [False, True])
def test_structures_lie_where_the_mask_lies_in_the_patient(turned: bool, tmp_path: Path) -> None:
    image, drawn = scan(tmp_path / "series", turned), labels()

    path = Segmentation(image, CLASSES, drawn, made_by=MADE_BY).save_structures(tmp_path / "rt.dcm")

    series = SimpleITK.ReadImage([str(file) for file in image.files])
    for number in (1, 2, 3):
        mask, found = drawn == number, read_back(path, series, number)
        assert 2 * (mask & found).sum() >= 0.99 * (mask.sum() + found.sum())
    assert errors_of(path) == []


def test_structures_name_the_patient_the_images_and_the_codes(tmp_path: Path) -> None:
    image = scan(tmp_path / "series")

    made = pydicom.dcmread(Segmentation(image, CLASSES, labels(), made_by=MADE_BY).save_structures(tmp_path / "rt.dcm"))

    first = pydicom.dcmread(image.files[0])
    assert made.Modality == "RTSTRUCT" and made.PatientName == "Doe^J"
    assert made.StudyInstanceUID == first.StudyInstanceUID and made.SeriesInstanceUID != first.SeriesInstanceUID
    (frame,) = made.ReferencedFrameOfReferenceSequence
    assert frame.FrameOfReferenceUID == first.FrameOfReferenceUID
    (series,) = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence
    known = [item.ReferencedSOPInstanceUID for item in series.ContourImageSequence]
    assert known == [pydicom.dcmread(file).SOPInstanceUID for file in image.files]
    assert [roi.ROIName for roi in made.StructureSetROISequence] == list(CLASSES[1:])
    (lung,) = made.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence
    assert (lung.CodeValue, lung.CodingSchemeDesignator) == ("39607008", "SCT")
    assert "ab" * 32 in made.StructureSetDescription
    used = {c.ContourImageSequence[0].ReferencedSOPInstanceUID for c in made.ROIContourSequence[1].ContourSequence}
    assert used == set(known[1:3])


def test_frames_of_one_file_are_outlined_in_their_places(tmp_path: Path) -> None:
    image = read_image(write_enhanced(tmp_path / "e.dcm", [3, 0, 5, 1, 4, 2]))
    drawn = np.zeros(image.size, int)
    drawn[2, 1:4, 2:5] = 1

    path = Segmentation(image, CLASSES[:2], drawn).save_structures(tmp_path / "rt.dcm")

    (contour,) = pydicom.dcmread(path).ROIContourSequence[0].ContourSequence
    middle = np.array(contour.ContourData, float).reshape(-1, 3).mean(axis=0)
    steps = np.array([3 * SPACING[2], 2 * SPACING[1], 0])
    np.testing.assert_allclose(middle, positions()[2] + steps, atol=1e-3)
    (reference,) = contour.ContourImageSequence
    groups = pydicom.dcmread(tmp_path / "e.dcm").PerFrameFunctionalGroupsSequence
    place = groups[reference.ReferencedFrameNumber - 1].PlanePositionSequence[0].ImagePositionPatient
    np.testing.assert_allclose(np.array(place, float), positions()[2], atol=1e-3)
    assert errors_of(path) == []


def test_structures_name_nobody_where_that_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    image, hide = scan(tmp_path / "series"), pseudonyms("basic")
    assert hide is not None

    answer = Segmentation(image, CLASSES, labels(), made_by=MADE_BY)
    path = answer.save_structures(tmp_path / "rt.dcm", hide=hide.dataset)

    first = pydicom.dcmread(image.files[0])
    assert b"Doe" not in path.read_bytes() and first.SOPInstanceUID.encode() not in path.read_bytes()
    assert first.SeriesInstanceUID.encode() not in path.read_bytes() and errors_of(path) == []


def test_what_cannot_be_outlined_says_why(tmp_path: Path) -> None:
    volume = Segmentation(Image(np.zeros((1, *SIZE), np.float32)), CLASSES, labels())
    nowhere = write_slice(tmp_path / "a.dcm", np.zeros((8, 8), np.uint16), (0, 0, 0), FrameOfReferenceUID=None)

    with pytest.raises(InputError, match="not read from DICOM files"):
        volume.save_structures(tmp_path / "rt.dcm")
    with pytest.raises(ConfigError, match="no mask to outline"):
        points(tmp_path).save_structures(tmp_path / "rt.dcm")
    with pytest.raises(InputError, match="no FrameOfReferenceUID"):
        Segmentation(read_image(nowhere), CLASSES, np.zeros((8, 8), int)).save_structures(tmp_path / "rt.dcm")


def test_the_shell_writes_structures_beside_masks(tmp_path: Path) -> None:
    scan(tmp_path / "series")
    asked = ["predict", "2D-UNet", tmp_path / "series", "--out", tmp_path / "out", "--rtstruct", "--backend", "torch"]

    told = RUNNER.invoke(app, [str(each) for each in (*asked, "--no-overlays", "--mask-format", "dcm")])

    assert told.exit_code == 0, told.output
    (path,) = (tmp_path / "out" / "structures").iterdir()
    assert pydicom.dcmread(path).Modality == "RTSTRUCT" and (tmp_path / "out" / "masks").is_dir()


RUNNER = CliRunner()
