"""Compressed DICOM pixels come back bit by bit, or the package that decodes them is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.uid import (
    MPEG2MPML,
    UID,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from zoo.common.errors import InputError
from zoo.common.io import read_image

from .dicom_files import (
    VALUES,
    write_compressed,
    write_enhanced,
    write_series,
)
from .files import GREY8, GREY16, write_dicom


@pytest.mark.parametrize(
    ("syntax", "module"), [(RLELossless, "pydicom"), (JPEGLSLossless, "jpeg_ls"), (JPEG2000Lossless, "openjpeg")]
)
def test_compressed_pixels_are_decoded(tmp_path: Path, syntax: UID, module: str) -> None:
    pytest.importorskip(module, reason="no package that writes this is installed")
    values = np.tile(GREY16, (6, 6))  # JPEG 2000 halves its sides five times
    path = write_dicom(tmp_path / "c.dcm", values)
    data = dcmread(path)
    data.compress(syntax)
    data.save_as(path)

    np.testing.assert_array_equal(read_image(path).array[0], values)


@pytest.mark.parametrize(("compressor", "module"), [("JPEG", "libjpeg"), ("JPEG2000", "PIL")])
@pytest.mark.parametrize("values", [GREY16, GREY16.astype(np.int16) - 1000, GREY8], ids=["16 bit", "signed", "8 bit"])
def test_what_itk_compressed_is_decoded(tmp_path: Path, compressor: str, module: str, values: np.ndarray) -> None:
    pytest.importorskip(module, reason="pip install pylibjpeg pylibjpeg-libjpeg")

    path = write_compressed(tmp_path / "c.dcm", values, compressor)

    np.testing.assert_array_equal(read_image(path).array[0], values)


def test_compressed_frames_are_decoded(tmp_path: Path) -> None:
    pytest.importorskip("jpeg_ls", reason="comes with the extra [dicom]")
    path = write_enhanced(tmp_path / "e.dcm", range(6), [1.0] * 6)
    data = dcmread(path)
    data.compress(JPEGLSLossless)
    data.save_as(path)

    np.testing.assert_array_equal(read_image(path).array[0], VALUES - 10.0)


@pytest.mark.parametrize(
    ("syntax", "package"),
    [(JPEGLSLossless, r"openmedia-zoo\[dicom\]"), (HTJ2KLossless, "pylibjpeg-openjpeg"),
     (JPEGLosslessSV1, "pylibjpeg-libjpeg"), (JPEG2000Lossless, "pylibjpeg-openjpeg")],
)  # fmt: skip
def test_a_missing_decoder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: UID, package: str) -> None:
    monkeypatch.setattr(get_decoder(syntax), "_available", {"gdcm": None})  # which is never asked
    folder = write_series(tmp_path / "series")
    for path in [*folder.iterdir(), write_dicom(tmp_path / "a.dcm", GREY16)]:
        data = dcmread(path)
        data.PixelData = encapsulate([b"\0" * 10])
        data["PixelData"].VR = "OB"
        data.file_meta.TransferSyntaxUID = syntax
        data.save_as(path, enforce_file_format=False)

    for path in (tmp_path / "a.dcm", folder):
        with pytest.raises(
            InputError, match=rf"\.dcm: compressed as .*none is installed. Run: pip install .*{package}"
        ):
            read_image(path)


def test_a_film_is_refused(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", GREY16)
    data = dcmread(path)
    data.PixelData = encapsulate([b"\0" * 10])
    data["PixelData"].VR = "OB"
    data.file_meta.TransferSyntaxUID = MPEG2MPML
    data.save_as(path, enforce_file_format=False)

    with pytest.raises(InputError, match=r"compressed as MPEG2 .*Export it uncompressed"):
        read_image(path)
