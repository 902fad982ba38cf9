"""Damaged and lying volume files are refused by name, in little memory, and never read as zeros."""

from __future__ import annotations

import gzip
import resource
import struct
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from zoo.common.errors import InputError
from zoo.common.io import read_image

from .files import written
from .volume_files import AFFINE, VALUES, itk_file, nifti, patched


def swapped(path: Path, old: bytes, new: bytes) -> Path:
    content = path.read_bytes()
    assert old in content
    return written(path, content.replace(old, new, 1))


def wrong_crc(path: Path) -> Path:
    content = bytearray(gzip.compress(nifti(path.with_suffix(".nii")).read_bytes()))
    content[-6] ^= 1
    return written(path, bytes(content))


def conflicting(path: Path, other: np.ndarray) -> Path:
    image = nibabel.Nifti1Image(VALUES.T, AFFINE)
    image.set_sform(AFFINE, code=1)
    image.set_qform(other, code=1)
    nibabel.save(image, path)
    return path


def alone(path: Path) -> Path:
    path.with_suffix(".raw").unlink()
    return path


def n(d: Path) -> Path:
    return nifti(d / "v.nii")


SHEAR = AFFINE + np.pad(np.diag([0.3, 0.3], k=1), ((0, 1), (0, 1)))
BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "wrong checksum": (lambda d: wrong_crc(d / "v.nii.gz"), "damaged"),
    "gzip with a tail": (
        lambda d: written(d / "w.nii.gz", gzip.compress(n(d).read_bytes()) + b"tail"), "no gzip follow"
    ),
    "header only": (lambda d: written(d / "v.nii", n(d).read_bytes()[:352]), "0 of 420 bytes of voxels"),
    "header only, compressed": (
        lambda d: written(d / "v.nii.gz", gzip.compress(n(d).read_bytes()[:352])), "0 of 420 bytes of voxels"
    ),
    "claims 32767 cubed": (lambda d: patched(n(d), "dim", "<4h", 3, 32767, 32767, 32767), "32767 x 32767 x 32767"),
    "claims 2 GB": (lambda d: patched(n(d), "dim", "<4h", 3, 640, 640, 640), "bytes of voxels are there"),
    "claims less than there is": (
        lambda d: written(d / "v.nii", n(d).read_bytes() + bytes(2 << 20)), "more bytes than"
    ),
    "claims one slice less": (lambda d: patched(n(d), "dim", "<4h", 3, 7, 6, 4), "more bytes than"),
    "mha that claims one slice less": (
        lambda d: swapped(itk_file(d / "v.mha", compressed=True), b"= 7 6 5", b"= 7 6 4"), "more bytes than"
    ),
    "negative size": (lambda d: patched(n(d), "dim", "<4h", 3, 7, -6, 5), "axes"),
    "no size": (lambda d: patched(n(d), "dim", "<4h", 0, 7, 6, 5), "axes"),
    "four axes": (lambda d: patched(n(d), "dim", "<5h", 4, 7, 6, 1, 5), "Save points in time apart"),
    "complex voxels": (lambda d: patched(n(d), "datatype", "<2h", 32, 64), "type 32"),
    "wrong magic": (lambda d: patched(n(d), "magic", "<4s", b"abcd"), "mark b'abcd'"),
    "header of a pair": (lambda d: patched(n(d), "magic", "<4s", b"ni1\0"), "header and voxels in one"),
    "voxels inside the header": (lambda d: patched(n(d), "vox_offset", "<f", 100.0), "voxels at byte 100"),
    "voxels at NaN": (lambda d: patched(n(d), "vox_offset", "<f", float("nan")), "voxels at byte nan"),
    "voxels far away": (lambda d: patched(n(d), "vox_offset", "<f", 1e9), "voxels at byte 1e+09"),
    "infinite slope": (lambda d: patched(n(d), "slope", "<2f", float("inf"), 0.0), "scaling inf"),
    "NaN intercept": (lambda d: patched(n(d), "slope", "<2f", 2.0, float("nan")), "+ nan"),
    "huge slope": (lambda d: patched(n(d), "slope", "<2f", 3e38, 0.0), "NaN or infinite"),
    "zero affine": (lambda d: patched(n(d), "rows", "<12f", *[0.0] * 12), "none of length 0"),
    "NaN affine": (lambda d: patched(n(d), "rows", "<12f", *[float("nan")] * 12), "finite"),
    "flat affine": (lambda d: patched(n(d), "rows", "<12f", *[1.0] * 12), "off the right angle"),
    "sheared affine": (lambda d: nifti(d / "v.nii", affine=SHEAR), "off the right angle"),
    "two voxel sizes": (lambda d: conflicting(d / "v.nii", AFFINE * 2), "expected one size"),
    "mirrored qform": (lambda d: conflicting(d / "v.nii", AFFINE @ np.diag([-1, 1, 1, 1])), "mirror images"),
    "long quaternion": (
        lambda d: patched(patched(n(d), "sform", "<h", 0), "quaternion", "<3f", 1.0, 1.0, 0.0) and
        patched(d / "v.nii", "qform", "<h", 1), "quaternion"
    ),
    "voxels of no size": (
        lambda d: patched(patched(n(d), "sform", "<h", 0), "pixdim", "<4f", 1.0, 0.0, 1.0, 1.0), "positive sizes"
    ),
    "NaN voxels": (
        lambda d: nifti(d / "v.nii", np.where(VALUES > 0, np.nan, 1).astype(np.float32)), "NaN or infinite"
    ),
    "infinite voxels": (
        lambda d: itk_file(d / "v.mha", np.where(VALUES > 0, np.inf, 1).astype(np.float32)), "NaN or infinite"
    ),
    "mha that claims much": (
        lambda d: swapped(itk_file(d / "v.mha"), b"DimSize = 7 6 5", b"DimSize = 32767 32767 32767"), "32767 x 32767"
    ),
    "mha without size": (lambda d: swapped(itk_file(d / "v.mha"), b"DimSize", b"DimSite"), "'DimSize'"),
    "mha of another type": (lambda d: swapped(itk_file(d / "v.mha"), b"MET_SHORT", b"MET_SPORT"), "MET_SPORT"),
    "mha of zero spacing": (
        lambda d: swapped(itk_file(d / "v.mha"), b"ElementSpacing =", b"ElementSpacing = 0 0 0\nComment ="), "length 0"
    ),
    "mha of NaN direction": (
        lambda d: swapped(itk_file(d / "v.mha"), b"TransformMatrix = ", b"TransformMatrix = nan "), "expected 9 numbers"
    ),
    "mhd without its voxels": (lambda d: alone(itk_file(d / "v.mhd")), "not there"),
    "mha of text": (lambda d: written(d / "v.mha", b"x" * 5000), "ElementDataFile"),
    "nrrd that claims much": (
        lambda d: swapped(itk_file(d / "v.nrrd"), b"sizes: 7 6 5", b"sizes: 32767 32767 32767"), "32767 x 32767"
    ),
    "nrrd of another version": (lambda d: swapped(itk_file(d / "v.nrrd"), b"NRRD000", b"NRRX000"), "NRRD0001"),
    "nrrd of four axes": (
        lambda d: SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.zeros((2, 3, 4, 5), "i2"), isVector=False),
                                       d / "v.nrrd") or d / "v.nrrd", "4 axes"
    ),
    "nrrd of an unknown space": (
        lambda d: swapped(itk_file(d / "v.nrrd"), b"left-posterior-superior", b"scanner-xyz"), "scanner-xyz"
    ),
    "nrrd with detached voxels": (
        lambda d: swapped(itk_file(d / "v.nrrd"), b"encoding: raw", b"data file: v.raw\nencoding: raw"), "elsewhere"
    ),
    "nrrd in hex": (lambda d: swapped(itk_file(d / "v.nrrd"), b"encoding: raw", b"encoding: hex"), "raw or gzip"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_volumes_are_refused_by_name(tmp_path: Path, case: str) -> None:
    spoil, said = BAD[case]
    path = spoil(tmp_path)

    with pytest.raises(InputError) as caught:
        read_image(path)

    message = str(caught.value)
    assert message.startswith(str(path))
    assert said in message
    assert "expected" in message
    assert len(message) < 600


CUTS = ("mha", "mha z", "mhd", "mhd z", "nrrd", "nrrd z", "nii", "nii.gz")


@pytest.mark.parametrize("kind", CUTS)
def test_a_volume_cut_at_ten_points_is_never_zeros(tmp_path: Path, kind: str) -> None:
    suffix, _, compressed = kind.partition(" ")
    path = itk_file(tmp_path / f"v.{suffix}", np.abs(VALUES) + 1, bool(compressed))
    cut_path = path if suffix != "mhd" else tmp_path / ("v.zraw" if compressed else "v.raw")
    content = cut_path.read_bytes()

    for share in np.linspace(0.0, 0.99, 10):
        cut_path.write_bytes(content[: int(len(content) * share)])

        with pytest.raises(InputError):
            read_image(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha", ".nrrd"])
def test_a_header_that_lies_costs_no_memory(tmp_path: Path, suffix: str) -> None:
    path = itk_file(tmp_path / f"v{suffix}")
    if suffix.startswith(".nii"):
        content = bytearray(itk_file(tmp_path / "u.nii").read_bytes())
        struct.pack_into("<4h", content, 40, 3, 640, 640, 640)  # 0.5 GB, just below what is allowed
        written(path, gzip.compress(bytes(content)) if suffix == ".nii.gz" else bytes(content))
    else:
        swapped(path, b"7 6 5", b"640 640 640")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(InputError, match="bytes of voxels are there"):
        read_image(path)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
