"""TIFF of every kind gives the numbers that tifffile stored, or an InputError that says what the file is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from zoo.common.errors import InputError
from zoo.common.io import read_image

from .files import RNG, cut

SIZE = (32, 48)
DTYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"]
COMPRESSIONS = [None, "zlib", "lzw", "packbits", "zstd", "lzma"]
RAMP = np.arange(SIZE[0] * SIZE[1]).reshape(SIZE)


def _random(dtype: str, shape: tuple[int, ...] = SIZE) -> np.ndarray:
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return (RNG.random(shape) * 2000 - 1000).astype(kind)
    info = np.iinfo(kind)
    return RNG.integers(info.min, info.max, shape, dtype=kind, endpoint=True)


def _written(path: Path, values: np.ndarray, **how: object) -> Path:
    how = {"photometric": "minisblack", **how}
    tifffile.imwrite(path, values, **how)
    return path


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_of_numbers_is_read(tmp_path: Path, dtype: str, order: str) -> None:
    values = _random(dtype)

    image = read_image(_written(tmp_path / "a.tif", values, byteorder=order))

    np.testing.assert_array_equal(image.array[0], values.astype(np.float32))


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_strips_and_tiles_of_every_compression_are_read(
    tmp_path: Path, compression: str | None, tile: tuple[int, int] | None, dtype: str
) -> None:
    values = _random(dtype)
    how = {"predictor": compression in ("zlib", "lzw") or None, "rowsperstrip": None if tile else 5}

    path = _written(tmp_path / "a.tif", values, compression=compression, tile=tile, byteorder=">", **how)

    np.testing.assert_array_equal(read_image(path).array[0], values)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("channels", [3, 4])
def test_colours_side_by_side_or_in_planes_are_read(tmp_path: Path, dtype: str, planar: str, channels: int) -> None:
    values = _random(dtype, (*SIZE, channels))
    stored = np.moveaxis(values, -1, 0) if planar == "separate" else values
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}

    path = _written(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, **extra)

    np.testing.assert_array_equal(read_image(path).array, np.moveaxis(values[..., :3], -1, 0))


def test_grey_with_alpha_loses_alpha_only(tmp_path: Path) -> None:
    values = _random("u2", (*SIZE, 2))

    path = _written(tmp_path / "a.tif", values, planarconfig="contig", extrasamples=["unassalpha"])

    np.testing.assert_array_equal(read_image(path).array[0], values[..., 0])


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4"])
def test_white_as_zero_is_turned_over(tmp_path: Path, dtype: str) -> None:
    values = _random(dtype)

    image = read_image(_written(tmp_path / "a.tif", values, photometric="miniswhite"))

    np.testing.assert_array_equal(image.array[0], (np.iinfo(dtype).max - values).astype(np.float32))


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_lzw_is_read_as_tifffile_reads_it(
    tmp_path: Path, dtype: str, tile: tuple[int, int] | None, planar: str
) -> None:
    values = _random(dtype, (37, 53, 3))
    stored = np.moveaxis(values, -1, 0) if planar == "separate" else values
    how = {"tile": tile, "rowsperstrip": None if tile else 5, "predictor": dtype != "f4" or None, "byteorder": ">"}

    path = _written(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, compression="lzw", **how)

    np.testing.assert_array_equal(read_image(path).array, np.moveaxis(values, -1, 0))
    np.testing.assert_array_equal(tifffile.imread(path), stored)


def test_bigtiff_is_read(tmp_path: Path) -> None:
    values = _random("u2")

    np.testing.assert_array_equal(read_image(_written(tmp_path / "a.tif", values, bigtiff=True)).array[0], values)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_that_of_pillow(tmp_path: Path, orientation: int) -> None:
    values = _random("u1")
    path = _written(tmp_path / "a.tif", values, extratags=[(274, "H", 1, orientation, True)])
    exif = Pillow.Exif()
    exif[274] = orientation
    Pillow.fromarray(values).save(tmp_path / "a.png", exif=exif)

    np.testing.assert_array_equal(read_image(path).array, read_image(tmp_path / "a.png").array)


@pytest.mark.parametrize("compression", ["raw", "group4", "tiff_lzw"])
def test_one_bit_spans_the_range_of_eight(tmp_path: Path, compression: str) -> None:
    Pillow.fromarray(RAMP > 700).save(tmp_path / "a.tif", compression=compression)

    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").array[0], (RAMP > 700) * 255)


def test_a_palette_becomes_its_colours(tmp_path: Path) -> None:
    table = RNG.integers(0, 256, (3, 256)).astype(np.uint16)
    values = _random("u1")

    for name, colormap in (("a.tif", table * 257), ("low.tif", table)):
        path = _written(tmp_path / name, values, photometric="palette", colormap=colormap)
        np.testing.assert_array_equal(read_image(path).array, table[:, values])


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
def test_other_colours_are_those_of_pillow(tmp_path: Path, mode: str) -> None:
    picture = Pillow.fromarray(_random("u1", (*SIZE, 3))).convert(mode)
    picture.save(tmp_path / "a.tif")

    np.testing.assert_array_equal(
        read_image(tmp_path / "a.tif").array, np.moveaxis(np.asarray(picture.convert("RGB")), -1, 0)
    )


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_jpeg_inside_is_near_what_was_stored(tmp_path: Path, mode: str) -> None:
    smooth = Pillow.fromarray(np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))).convert(mode)
    smooth.save(tmp_path / "a.tif", compression="jpeg", quality=95)

    assert np.abs(read_image(tmp_path / "a.tif").array - np.asarray(smooth.convert("L"))).max() < 8


def test_smaller_copies_of_the_picture_are_no_pages(tmp_path: Path) -> None:
    values = _random("u2")
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(values, photometric="minisblack")
        writer.write(values[::2, ::2], photometric="minisblack", subfiletype=1)

    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").array[0], values)


REFUSED = {
    "pages": ({"values": np.zeros((3, *SIZE), "u1")}, "3 pages"),
    "channels of OME": ({"values": np.zeros((2, *SIZE), "u2"), "ome": True, "metadata": {"axes": "CYX"}}, "OME-TIFF"),
    "stack of ImageJ": ({"values": np.zeros((4, *SIZE), "u2"), "imagej": True, "photometric": None}, "ImageJ"),
    "volume": ({"values": np.zeros((16, *SIZE), "u1"), "volumetric": True, "tile": (16, 16, 16)}, "axes ZYX"),
    "complex numbers": ({"values": np.zeros(SIZE, "c8")}, "complex64"),
    "five samples": ({"values": np.zeros((*SIZE, 5), "u1"), "planarconfig": "contig"}, "5 samples"),
    "two samples": ({"values": np.zeros((*SIZE, 2), "u1"), "planarconfig": "contig"}, "2 samples"),
    "deep CMYK": ({"values": np.zeros((*SIZE, 4), "u2"), "photometric": "separated"}, "SEPARATED"),
    "white as zero with a sign": ({"values": np.zeros(SIZE, "i2"), "photometric": "miniswhite"}, "without a sign"),
    "NaN": ({"values": np.full(SIZE, np.nan, "f4")}, "NaN"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_single_picture_is_refused_by_what_it_is(tmp_path: Path, name: str) -> None:
    how, said = REFUSED[name]

    with pytest.raises(InputError, match=said) as caught:
        read_image(_written(tmp_path / "a.tif", **how))

    assert "expected" in str(caught.value)


@pytest.mark.parametrize("compression", [*COMPRESSIONS, "jpeg"])
def test_a_file_that_is_cut_short_never_reads_as_something_else(tmp_path: Path, compression: str | None) -> None:
    path = _written(tmp_path / "a.tif", _random("u1"), compression=compression, rowsperstrip=8)
    content, whole = path.read_bytes(), read_image(path).array

    for length in np.linspace(0, len(content) - 1, 60).astype(int):
        path.write_bytes(content[:length])
        try:
            read = read_image(path).array
        except InputError:
            continue
        np.testing.assert_array_equal(read, whole)


def test_a_strip_that_is_missing_is_not_read_as_black(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.tif", _random("u1"), rowsperstrip=8)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags["StripOffsets"].overwrite((0, *file.pages[0].dataoffsets[1:]))

    with pytest.raises(InputError, match="1 of 4 strips or tiles"):
        read_image(path)


def test_the_message_of_a_cut_file_is_short(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError):
        read_image(cut(_written(tmp_path / "a.tif", _random("u1"), compression="zlib"), 0.1))

    assert capfd.readouterr().err == ""
