"""Class numbers come out of every format as they went in, or a DataError that names the mask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
import tifffile
from PIL import Image as Pillow

from zoo.common.datasets import open_dataset
from zoo.common.datasets.masks import bright, class_numbers, read_mask
from zoo.common.errors import DataError, InputError
from zoo.common.io import read_image
from zoo.common.segmentation.algorithm import checked_mask
from zoo.common.types import Image, Sample

SIZE = (6, 8)
FLAT = Image(np.zeros((1, *SIZE), np.float32), name="photo.png")
SHAPE = np.zeros(SIZE, np.uint8)
SHAPE[2:4, 1:5] = 255
GRID = (3, 4, 5)
VOLUME = Image(np.zeros((1, *GRID), np.float32), affine=np.diag([-1.0, -1, 1, 1]), name="scan.nii.gz")


def _tiff(path: Path, values: np.ndarray, **how: object) -> Path:
    how = {"photometric": "minisblack", **how}
    tifffile.imwrite(path / "m.tif", values, **how)
    return path / "m.tif"


def _png(path: Path, values: np.ndarray, mode: str | None = None) -> Path:
    Pillow.fromarray(values, mode).save(path / "m.png")
    return path / "m.png"


def _itk(path: Path, values: np.ndarray, suffix: str) -> Path:
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), path / f"m{suffix}")
    return path / f"m{suffix}"


def _npy(path: Path, values: np.ndarray) -> Path:
    np.save(path / "m.npy", values)
    return path / "m.npy"


def test_class_numbers_in_a_jpeg_are_refused_because_it_changes_them(tmp_path: Path) -> None:
    rows, columns = np.indices((64, 64))
    disc = (rows - 30) ** 2 + (columns - 33) ** 2 < 400
    host = Image(np.zeros((1, 64, 64), np.float32), name="photo.jpg")
    Pillow.fromarray(disc * np.uint8(2)).save(tmp_path / "numbers.jpg")
    Pillow.fromarray(disc * np.uint8(255)).save(tmp_path / "white.jpg")
    Pillow.fromarray(np.kron(SHAPE, np.ones((8, 8), np.uint8))).save(tmp_path / "blocks.jpg", quality=100)

    assert (np.asarray(Pillow.open(tmp_path / "numbers.jpg")) != disc * 2).mean() > 0.01
    for name in ("numbers.jpg", "white.jpg"):
        with pytest.raises(DataError, match=rf"{name}: a JPEG with values from 0 .* as PNG"):
            read_mask(tmp_path / name, host)
    np.testing.assert_array_equal(read_mask(tmp_path / "white.jpg", host, bright), disc)
    blocks = Image(np.zeros((1, 48, 64), np.float32))
    assert set(np.unique(read_mask(tmp_path / "blocks.jpg", blocks))) == {0, 1}


# --- large numbers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4"])
def test_numbers_of_every_tiff_survive(tmp_path: Path, dtype: str, order: str) -> None:
    numbers = np.linspace(0, np.iinfo(dtype).max, 48).astype(dtype).reshape(SIZE)

    found = read_mask(_tiff(tmp_path, numbers, byteorder=order), FLAT)

    np.testing.assert_array_equal(found, numbers)


LARGE = [2**24 + 1, 2**31 - 1, 2**31 + 5, 2**32 - 1]


@pytest.mark.parametrize("number", LARGE)
@pytest.mark.parametrize(
    "write",
    [
        lambda d, v: _itk(d, v, ".nii.gz"),
        lambda d, v: _itk(d, v, ".mha"),
        lambda d, v: _itk(d, v, ".nrrd"),
        _npy,
    ],
    ids=["nii.gz", "mha", "nrrd", "npy"],
)
def test_numbers_of_atlases_are_neither_merged_nor_negative(
    tmp_path: Path, write: Callable[[Path, np.ndarray], Path], number: int
) -> None:
    numbers = np.resize(np.array([0, 1, number - 1, number], np.uint32), GRID)

    found = read_mask(write(tmp_path, numbers), VOLUME)

    np.testing.assert_array_equal(found, numbers)


@pytest.mark.parametrize("number", LARGE)
def test_large_numbers_of_a_tiff_are_kept(tmp_path: Path, number: int) -> None:
    numbers = np.resize(np.array([0, number - 1, number], np.uint32), SIZE)

    np.testing.assert_array_equal(read_mask(_tiff(tmp_path, numbers), FLAT), numbers)


def test_numbers_that_a_float_file_may_have_merged_are_refused(tmp_path: Path) -> None:
    numbers = np.full(GRID, 2**24 + 1, np.float32)

    with pytest.raises(DataError, match=r"m\.nii\.gz: numbers up to 16777216 in float32"):
        read_mask(_itk(tmp_path, numbers, ".nii.gz"), VOLUME)


def test_numbers_beyond_64_bits_with_a_sign_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected at most"):
        read_mask(_npy(tmp_path, np.full(SIZE, 2**63, np.uint64)), FLAT)


# --- floats ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("top", [1, 2, 3, 5, 13, 25])
@pytest.mark.parametrize("kind", [np.uint8, np.int16])
def test_floats_saved_as_scaled_integers_are_class_numbers(tmp_path: Path, top: int, kind: type) -> None:
    labels = np.resize(np.arange(top + 1.0), (5, 4, 3))
    mask = nibabel.Nifti1Image(labels, np.diag([-1.0, -1, 1, 1]))
    mask.set_data_dtype(kind)
    mask.to_filename(tmp_path / "m.nii.gz")

    np.testing.assert_array_equal(read_mask(tmp_path / "m.nii.gz", VOLUME), labels.T)


@pytest.mark.parametrize(
    "values",
    [[0, 0.5, 1], [0, 0.03, 1, 1.03], [0, 0.01, 0.02], [0.0, 0.2], [0, 1, 1.06], [0.0, 1.0, np.nan]],
)
def test_what_is_between_class_numbers_is_refused_without_contradiction(values: list[float]) -> None:
    with pytest.raises(InputError, match=r"such as .* given; expected whole class numbers"):
        class_numbers(np.array(values, np.float32))


def test_noise_of_floats_is_no_other_class() -> None:
    np.testing.assert_array_equal(class_numbers(np.array([1e-7, 0.9999, 1.0, 1.0001, 3.0])), [0, 1, 1, 1, 3])


def test_negative_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="from -1 to 1 given"):
        read_mask(_tiff(tmp_path, np.resize(np.array([-1, 0, 1], np.int8), SIZE)), FLAT)


# --- black and white -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", "<>")
def test_black_and_white_of_sixteen_bits_is_one_class(tmp_path: Path, order: str) -> None:
    path = _tiff(tmp_path, SHAPE.astype(np.uint16) * 257, byteorder=order)

    np.testing.assert_array_equal(read_mask(path, FLAT), SHAPE > 0)
    np.testing.assert_array_equal(read_mask(path, FLAT, bright), SHAPE > 0)


def test_the_middle_grey_of_sixteen_bits_is_where_white_begins() -> None:
    np.testing.assert_array_equal(bright(np.array([0, 300, 32000, 33000, 65535])), [0, 0, 0, 1, 1])


@pytest.mark.parametrize("compression", ["raw", "group4"])
def test_one_bit_is_black_and_white(tmp_path: Path, compression: str) -> None:
    Pillow.fromarray(SHAPE > 0).save(tmp_path / "m.tif", compression=compression)

    np.testing.assert_array_equal(read_mask(tmp_path / "m.tif", FLAT), SHAPE > 0)


def test_white_as_zero_is_refused_because_programs_disagree(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="white is stored as 0"):
        read_mask(_tiff(tmp_path, SHAPE, photometric="miniswhite"), FLAT)


# --- transparency, colours, pages, orientation -----------------------------------------------------------------------


@pytest.mark.parametrize("grey", [0, 76, 255])
@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_shape_in_the_transparency_is_refused(tmp_path: Path, grey: int, channels: int, suffix: str) -> None:
    values = np.full((*SIZE, channels), grey, np.uint8)
    values[..., -1] = SHAPE
    Pillow.fromarray(values).save(tmp_path / f"m{suffix}")

    with pytest.raises(DataError, match=r"m\.(png|tif): a mask with transparency given, 83%"):
        read_mask(tmp_path / f"m{suffix}", FLAT)


@pytest.mark.parametrize("channels", [2, 4])
def test_transparency_that_says_the_same_as_the_colours_is_fine(tmp_path: Path, channels: int) -> None:
    for alpha in (np.full_like(SHAPE, 255), SHAPE):
        values = np.repeat(SHAPE[..., None], channels, -1)
        values[..., -1] = alpha

        np.testing.assert_array_equal(read_mask(_png(tmp_path, values), FLAT), SHAPE > 0)


def test_a_coloured_shape_on_transparent_ground_is_a_coloured_mask(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="coloured mask"):
        read_mask(_png(tmp_path, np.dstack([SHAPE, SHAPE * 0, SHAPE * 0, SHAPE])), FLAT)


def test_pages_are_refused_as_they_are_in_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="3 pages"):
        read_mask(_tiff(tmp_path, np.zeros((3, *SIZE), np.uint8)), FLAT)


def test_a_palette_of_a_tiff_is_only_how_numbers_are_shown(tmp_path: Path) -> None:
    numbers = np.arange(48, dtype=np.uint8).reshape(SIZE)
    table = np.random.default_rng(0).integers(0, 65536, (3, 256)).astype(np.uint16)

    np.testing.assert_array_equal(
        read_mask(_tiff(tmp_path, numbers, photometric="palette", colormap=table), FLAT), numbers
    )


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_mask_is_turned_as_its_image_is(tmp_path: Path, suffix: str) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 8
    for name in ("image", "mask"):
        Pillow.fromarray(SHAPE).save(tmp_path / f"{name}{suffix}", exif=exif)

    image = read_image(tmp_path / f"image{suffix}")

    np.testing.assert_array_equal(read_mask(tmp_path / f"mask{suffix}", image), image.array[0] > 0)


@pytest.mark.parametrize("shape", [SIZE, (1, *SIZE), (*SIZE, 1), (*SIZE, 3)])
def test_axes_of_one_channel_are_dropped(tmp_path: Path, shape: tuple[int, ...]) -> None:
    numbers = np.arange(48).reshape(SIZE) % 3
    stored = np.broadcast_to(numbers if len(shape) == 2 or shape[0] == 1 else numbers[..., None], shape)

    np.testing.assert_array_equal(read_mask(_npy(tmp_path, stored), FLAT), numbers)


# --- errors ----------------------------------------------------------------------------------------------------------


def test_a_mask_with_too_many_classes_is_named_and_a_remedy_too() -> None:
    sample = Sample(FLAT, {"mask": np.full(SIZE, 7)}, files={"mask": Path("masks/photo.png")})

    with pytest.raises(
        DataError, match=r"^masks/photo\.png: class numbers 7\.\.7 given; expected 0\.\.2.*classes\.txt"
    ):
        checked_mask(sample, 3)
    with pytest.raises(DataError, match=r"^mask of photo\.png: "):
        checked_mask(Sample(FLAT, sample.labels), 3)


def test_every_error_names_the_mask(tmp_path: Path) -> None:
    bad = [np.zeros((9, 9), np.uint8), np.zeros((3, *SIZE), np.uint8), np.full(SIZE, np.nan, np.float32)]
    for values in bad:
        with pytest.raises(DataError) as caught:
            read_mask(_tiff(tmp_path, values), FLAT)

        assert str(caught.value).startswith(str(tmp_path / "m.tif"))
        assert "expected" in str(caught.value) or "Resample" in str(caught.value)


@pytest.mark.parametrize(
    "table", ["", "image,mask,split\nimages/a.png,masks/a.png,train\n"], ids=["folders", "manifest"]
)
def test_a_data_set_says_which_mask_has_too_many_classes(tmp_path: Path, table: str) -> None:
    for folder, values in (("images", SHAPE), ("masks", np.full(SIZE, 7, np.uint8))):
        (tmp_path / folder).mkdir()
        Pillow.fromarray(values).save(tmp_path / folder / "a.png")
    if table:
        (tmp_path / "manifest.csv").write_text(table)
    else:
        (tmp_path / "split.csv").write_text("id,split\na,train\n")

    sample = open_dataset(tmp_path, "segmentation")[0]

    with pytest.raises(DataError, match=r"masks/a\.png: class numbers 7"):
        checked_mask(sample, 3)
