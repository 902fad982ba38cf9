"""Damaged files of every format are read or refused with an InputError, quickly and in bounded memory.

ZOO_FUZZ sets how many damaged files each reader gets; 2000 before a release.
"""

from __future__ import annotations

import gzip
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import SimpleITK
import tifffile
from PIL import Image as Pillow
from pydicom import dcmread
from pydicom.uid import JPEGLSLossless, RLELossless

from zoo.common.errors import InputError
from zoo.common.io import read_image
from zoo.common.io.numbers import read_numbers

from .dicom_files import slice_path, write_compressed, write_enhanced, write_series
from .files import GREY8, GREY16, RGB8, RNG, write_dicom
from .volume_files import itk_file

COUNT = int(os.environ.get("ZOO_FUZZ", "40"))
LIMIT_S = 10.0  # per file, on a busy machine
LIMIT_KB = 1_600_000  # growth of the process: the largest image that is allowed, decoded and as float32
HEADER = 600  # bytes at the start that are hit more often
EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\x80\x7f", b"\0\0\xc0\x7f", b"99999999")
pytestmark = pytest.mark.filterwarnings("ignore")  # of third-party parsers, about what was damaged on purpose


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Change a file in one to four places, its header more often than the rest."""
    result = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        size = max(1, min(len(result), HEADER) if rng.random() < 0.7 else len(result))
        at = int(rng.integers(size))
        kind = int(rng.integers(7))
        if kind == 0 and result:
            result[min(at, len(result) - 1)] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            result[at : at + 4] = EXTREMES[int(rng.integers(len(EXTREMES)))]
        elif kind == 2:
            count = int(rng.integers(1, 9))
            result[at : at + count] = rng.bytes(count)
        elif kind == 3:
            del result[at : at + int(rng.integers(1, 33))]
        elif kind == 4:
            result[at:at] = rng.bytes(int(rng.integers(1, 33)))
        elif kind == 5:
            result[at:at] = result[at : at + int(rng.integers(1, 65))]
        elif rng.random() < 0.3:
            del result[at:]
    return bytes(result)


def picture(values: np.ndarray, suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        Pillow.fromarray(values).save(folder / f"a{suffix}")
        return folder / f"a{suffix}"

    return write


def deep_colours(folder: Path, suffix: str) -> Path:
    values = RNG.integers(0, 65536, (12, 17, 3), dtype=np.uint16)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values, isVector=True), folder / f"a{suffix}")
    return folder / f"a{suffix}"


def tiff(folder: Path, values: np.ndarray, **how: object) -> Path:
    tifffile.imwrite(folder / "a.tif", values, **{"photometric": "minisblack", **how})
    return folder / "a.tif"


def grey_and_alpha(folder: Path) -> Path:
    values = RNG.integers(0, 65536, (12, 17, 2), dtype=np.uint16)
    (folder / "a.png").write_bytes(imagecodecs.png_encode(values))
    return folder / "a.png"


def array(folder: Path) -> Path:
    np.save(folder / "a.npy", GREY16)
    return folder / "a.npy"


def compressed(folder: Path, syntax: str) -> Path:
    path = write_dicom(folder / "a.dcm", GREY16)
    data = dcmread(path)
    data.compress(syntax)
    data.save_as(path)
    return path


FORMATS: dict[str, Callable[[Path], Path]] = {
    "png": picture(GREY8, ".png"),
    "png rgb16": lambda d: deep_colours(d, ".png"),
    "jpg": picture(RGB8, ".jpg"),
    "tif": picture(GREY16, ".tif"),
    "tif rgb16": lambda d: deep_colours(d, ".tif"),
    "tif planes": lambda d: tiff(d, np.moveaxis(RGB8, -1, 0), photometric="rgb", planarconfig="separate"),
    "tif lzw": lambda d: tiff(d, GREY16, compression="lzw", predictor=True, byteorder=">", rowsperstrip=3),
    "tif deflate": lambda d: tiff(d, GREY16, compression="zlib", tile=(16, 16)),
    "tif zstd": lambda d: tiff(d, GREY16, compression="zstd", bigtiff=True),
    "tif jpeg": lambda d: tiff(d, RGB8, compression="jpeg", photometric="rgb"),
    "tif palette": lambda d: tiff(d, GREY8, photometric="palette", colormap=np.zeros((3, 256), np.uint16)),
    "png grey and alpha": grey_and_alpha,
    "bmp": picture(RGB8, ".bmp"),
    "npy": array,
    "nii": lambda d: itk_file(d / "v.nii"),
    "nii.gz": lambda d: itk_file(d / "v.nii.gz"),
    "mha": lambda d: itk_file(d / "v.mha"),
    "mha compressed": lambda d: itk_file(d / "v.mha", compressed=True),
    "mhd": lambda d: itk_file(d / "v.mhd"),
    "nrrd": lambda d: itk_file(d / "v.nrrd"),
    "nrrd compressed": lambda d: itk_file(d / "v.nrrd", compressed=True),
    "dicom": lambda d: write_dicom(d / "a.dcm", GREY16, PixelSpacing=[0.8, 0.7], RescaleSlope=2, RescaleIntercept=-1),
    "dicom rle": lambda d: compressed(d, RLELossless),
    "dicom jpeg-ls": lambda d: compressed(d, JPEGLSLossless),
    "dicom jpeg lossless": lambda d: write_compressed(d / "a.dcm", GREY16, "JPEG"),
    "dicom jpeg2000": lambda d: write_compressed(d / "a.dcm", GREY16, "JPEG2000"),
    "dicom frames": lambda d: write_enhanced(d / "a.dcm", range(6), [1.0] * 6),
    "nii inside gzip": lambda d: itk_file(d / "v.nii.gz"),
    "dicom series": lambda d: slice_path(write_series(d / "series"), 3),
}

DECODERS = {"dicom jpeg-ls": ("jpeg_ls",), "dicom jpeg lossless": ("libjpeg",)}  # without them there is nothing to try


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files_are_read_or_refused(tmp_path: Path, name: str) -> None:
    for module in DECODERS.get(name, ()):
        pytest.importorskip(module)
    path = FORMATS[name](tmp_path)
    inside = name == "nii inside gzip"
    content = gzip.decompress(path.read_bytes()) if inside else path.read_bytes()
    rng = np.random.default_rng(list(name.encode()))
    before, refused, slowest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0, 0.0

    for _ in range(COUNT):
        changed = damaged(content, rng)
        path.write_bytes(gzip.compress(changed, 1) if inside else changed)
        start = time.process_time()
        try:
            image = read_image(path.parent if name == "dicom series" else path)
            assert np.isfinite(image.array).all()
            if path.suffix in (".png", ".tif"):
                read_numbers(path)
        except InputError as error:
            refused += 1
            assert "expected" in str(error)
        slowest = max(slowest, time.process_time() - start)

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{name}: {COUNT} damaged files, {refused} refused, slowest {slowest:.2f} s, {grown / 1e3:.0f} MB more")
    assert slowest < LIMIT_S
    assert grown < LIMIT_KB
