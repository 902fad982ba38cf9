"""Volume files are read as other packages read them when they are right, and refused when they are not."""

from __future__ import annotations

import gzip
import resource
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from zoo.common import io_voxels
from zoo.common.errors import InputError
from zoo.common.io import read_image

from .files import RNG, placed, written

VALUES = RNG.integers(-1000, 1000, (5, 6, 7)).astype(np.int16)
AFFINE = placed((0.7, 0.8, 3.1), (10, 20, 30))
FORMATS = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd")
FLIP_XY = np.diag([-1.0, -1.0, 1.0, 1.0])
NIFTI_1 = {"dim": 40, "datatype": 70, "pixdim": 76, "vox_offset": 108, "slope": 112, "units": 123, "qform": 252,
           "sform": 254, "quaternion": 256, "rows": 280, "magic": 344}  # fmt: skip


def itk_file(path: Path, values: np.ndarray = VALUES, compressed: bool = False, vector: bool = False) -> Path:
    image = SimpleITK.GetImageFromArray(values, isVector=vector)
    if image.GetDimension() == 3:
        affine = FLIP_XY @ AFFINE
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        image.SetSpacing(spacing.tolist())
        image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
        image.SetOrigin(affine[:3, 3].tolist())
    SimpleITK.WriteImage(image, path, useCompression=compressed)
    return path


def nifti(path: Path, values: np.ndarray = VALUES, affine: np.ndarray | None = AFFINE, version: int = 1) -> Path:
    kind = nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image
    nibabel.save(kind(values.T, affine), path)
    return path


def patched(path: Path, field: str, layout: str, *numbers: float) -> Path:
    """Overwrite a field of an uncompressed NIfTI-1 header."""
    content = bytearray(path.read_bytes())
    struct.pack_into(layout, content, NIFTI_1[field], *numbers)
    return written(path, bytes(content))


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"])
def test_every_type_is_read_as_simpleitk_reads_it(tmp_path: Path, suffix: str, dtype: str, compressed: bool) -> None:
    path = itk_file(tmp_path / f"v{suffix}", VALUES.astype(dtype), compressed)

    image = read_image(path)

    np.testing.assert_array_equal(image.array[0], VALUES.astype(dtype).astype(np.float32))
    np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)
    np.testing.assert_allclose(image.spacing_mm, (3.1, 0.8, 0.7), rtol=1e-6)


@pytest.mark.parametrize("suffix", FORMATS)
def test_colours_become_channels(tmp_path: Path, suffix: str) -> None:
    colours = RNG.integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)

    image = read_image(itk_file(tmp_path / f"v{suffix}", colours, vector=True))

    np.testing.assert_array_equal(image.array, np.moveaxis(colours, -1, 0))


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nii"])
def test_pictures_in_volume_formats_are_pictures(tmp_path: Path, suffix: str) -> None:
    image = read_image(itk_file(tmp_path / f"p{suffix}", VALUES[0]))

    np.testing.assert_array_equal(image.array, VALUES[:1])


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
def test_both_versions_and_byte_orders_of_nifti_are_read(tmp_path: Path, version: int, order: str) -> None:
    kind = (nibabel.Nifti1Image, nibabel.Nifti2Image)[version - 1]
    header = kind.header_class(endianness=order)
    header.set_data_dtype(np.dtype("i2").newbyteorder(order))
    nibabel.save(kind(VALUES.T, AFFINE, header), tmp_path / "v.nii")

    image = read_image(tmp_path / "v.nii")

    np.testing.assert_array_equal(image.array[0], VALUES)
    np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)


def test_stored_numbers_are_rescaled(tmp_path: Path) -> None:
    path = nifti(tmp_path / "v.nii")

    image = read_image(patched(path, "slope", "<2f", 0.5, -100.0))

    np.testing.assert_array_equal(image.array[0], VALUES * 0.5 - 100)


@pytest.mark.parametrize("slope", [0.0, float("nan")])
def test_no_slope_means_numbers_as_stored(tmp_path: Path, slope: float) -> None:
    path = patched(nifti(tmp_path / "v.nii"), "slope", "<2f", slope, 7.0)

    np.testing.assert_array_equal(read_image(path).array[0], VALUES)


def test_the_qform_counts_where_there_is_no_sform(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(VALUES.T, AFFINE)
    image.set_sform(None, code=0)
    image.set_qform(AFFINE, code=1)
    nibabel.save(image, tmp_path / "v.nii")

    read = read_image(tmp_path / "v.nii")

    np.testing.assert_allclose(read.affine, AFFINE, atol=1e-4)


def test_without_both_the_voxel_size_counts(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(VALUES.T, None)
    image.header.set_zooms((0.5, 0.75, 2.0))
    nibabel.save(image, tmp_path / "v.nii")

    read, peer = read_image(tmp_path / "v.nii"), SimpleITK.ReadImage(tmp_path / "v.nii")

    assert read.spacing_mm == (2.0, 0.75, 0.5)
    np.testing.assert_allclose(
        (read.affine @ (1, 1, 1, 1))[:3] * (-1, -1, 1), peer.TransformIndexToPhysicalPoint((1, 1, 1))
    )


def test_another_place_in_the_sform_wins_on_the_same_grid(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(VALUES.T, AFFINE)
    registered = placed((0.7, 0.8, 3.1), (14, 17, 33))
    image.set_sform(registered, code=2)
    image.set_qform(AFFINE, code=1)
    nibabel.save(image, tmp_path / "v.nii")

    np.testing.assert_allclose(read_image(tmp_path / "v.nii").affine, registered, atol=1e-5)


@pytest.mark.parametrize(("units", "factor"), [(1, 1000.0), (2, 1.0), (3, 0.001)])
def test_metres_and_microns_become_millimetres(tmp_path: Path, units: int, factor: float) -> None:
    path = patched(nifti(tmp_path / "v.nii"), "units", "<B", units)

    np.testing.assert_allclose(read_image(path).spacing_mm, np.multiply((3.1, 0.8, 0.7), factor), rtol=1e-6)


@pytest.mark.parametrize("library", [zlib, io_voxels.fast_zlib])
def test_gzip_members_in_a_row_are_one_file(tmp_path: Path, library: object, monkeypatch: pytest.MonkeyPatch) -> None:
    content = nifti(tmp_path / "v.nii").read_bytes()
    members = gzip.compress(content[:400]) + gzip.compress(content[400:]) + bytes(100)
    monkeypatch.setattr(io_voxels.Inflated.__init__, "__defaults__", (io_voxels.GZIP, library))

    np.testing.assert_array_equal(read_image(written(tmp_path / "w.nii.gz", members)).array[0], VALUES)


def test_content_and_not_the_suffix_says_whether_nifti_is_compressed(tmp_path: Path) -> None:
    content = nifti(tmp_path / "v.nii").read_bytes()

    np.testing.assert_array_equal(read_image(written(tmp_path / "a.nii.gz", content)).array[0], VALUES)
    np.testing.assert_array_equal(read_image(written(tmp_path / "b.nii", gzip.compress(content))).array[0], VALUES)


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
