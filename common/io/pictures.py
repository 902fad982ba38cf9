"""PNG, JPEG, TIFF and BMP files as images, with every bit that they hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io import tiff
from zoo.common.io.images import check_size
from zoo.common.quiet import quiet
from zoo.common.types import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageFile import ImageFile

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
FORMATS = ("PNG", "JPEG", "TIFF", "BMP")  # what Pillow may open; others would start external programs
ORIENTATION = 0x0112  # tag of EXIF and TIFF
Numbers = tuple[np.ndarray, "np.ndarray | None"]  # (h, w) or (h, w, 3) as stored, and alpha (h, w), 1 where opaque


def read_picture(path: Path) -> Image:
    """Read a picture upright, as grey or RGB; palettes become their colours, alpha is dropped."""
    if tiff.is_tiff(path):
        values = tiff.read_shown(path)
        return _image(_by_pillow(path) if values is None else values, path.name)
    return _image(_by_pillow(path), path.name)


def read_numbers(path: Path) -> Numbers:
    """Read a picture whose values are numbers of classes: those of a palette, not its colours, and alpha apart."""
    if tiff.is_tiff(path) and (found := tiff.read_numbers(path)) is not None:
        return found
    with _opened(path) as picture:
        if _loses_bits(picture.tile):
            return _split(_deep_colours(path, picture))
        return _split_picture(_upright(picture))


def shown(picture: Picture) -> np.ndarray:
    """Return what a viewer shows of a picture, (h, w) or (h, w, 3): upright, colours for palettes, without alpha."""
    return np.asarray(_plain_mode(_upright(picture)))


def _image(values: np.ndarray, name: str) -> Image:
    return Image(values[None] if values.ndim == 2 else np.moveaxis(values, -1, 0), name=name)


def _by_pillow(path: Path) -> np.ndarray:
    with _opened(path) as picture:
        if _loses_bits(picture.tile):
            return _split(_deep_colours(path, picture))[0]
        return shown(picture)


@contextmanager
def _opened(path: Path) -> Iterator[ImageFile]:
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    # Pillow warns at half of its own limit; ours is checked right below
    with quiet(Pillow.DecompressionBombWarning):
        try:
            picture = Pillow.open(path, formats=FORMATS)
        except Pillow.DecompressionBombError as error:
            raise InputError(f"{path.name}: {error}; expected a smaller picture") from error
        except UnidentifiedImageError as error:
            raise InputError(
                f"{path.name}: starts with {_first_bytes(path)!r}, which is no PNG, JPEG, TIFF or BMP; "
                f"expected the content that the suffix {path.suffix!r} promises. Rename or export it again."
            ) from error
    with picture:
        check_size((len(picture.getbands()), picture.height, picture.width), path.name)
        frames = getattr(picture, "n_frames", 1)
        if frames > 1 and picture.format in ("PNG", "TIFF"):  # in a JPEG the others are previews of the first
            raise InputError(
                f"{path.name}: {frames} pictures in one file given; expected one. Save its frames or pages apart."
            )
        yield picture


def _upright(picture: Picture) -> Picture:
    from PIL import ImageOps

    return ImageOps.exif_transpose(picture)  # as every viewer shows it


def _plain_mode(picture: Picture) -> Picture:
    """Turn palettes, alpha, CMYK and 1-bit pictures into grey or RGB; leave 16 and 32 bit alone."""
    mode = picture.mode
    if mode in ("L", "RGB", "I", "F") or mode.startswith("I;16"):
        return picture
    if mode in ("1", "LA", "La"):
        return picture.convert("L")
    if mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    return picture.convert("RGB")


def _split_picture(picture: Picture) -> Numbers:
    """Return the numbers and the alpha of a decoded picture."""
    if picture.mode == "P":
        return np.asarray(picture), None
    if picture.mode in ("LA", "RGBA"):
        return _split(np.asarray(picture))
    if picture.mode in ("PA", "La", "RGBa"):
        return _split(np.asarray(picture.convert("RGBA")))
    return np.asarray(_plain_mode(picture)), None


def _split(values: np.ndarray) -> Numbers:
    """Part (h, w, c) of integers into colours and alpha."""
    colours = 1 if values.shape[-1] < 3 else 3
    alpha = values[..., -1] / np.iinfo(values.dtype).max if values.shape[-1] > colours else None
    return values[..., 0] if colours == 1 else values[..., :3], alpha


def _loses_bits(tiles: object) -> bool:
    """Whether Pillow would cut samples of 16 bits to 8, as it does with more than one a pixel without a word."""
    return any(";16" in str(tile[-1]) and str(tile[-1]).startswith(("RGB", "LA")) for tile in tiles)  # type: ignore[attr-defined]


def _deep_colours(path: Path, picture: Picture) -> np.ndarray:
    """Decode a PNG of several samples of 16 bits a pixel, (h, w, 2 to 4), upright."""
    try:
        from imagecodecs import png_decode
    except ImportError as error:
        raise InputError(
            f"{path.name}: several samples of 16 bits a pixel given; expected 8 bits, or the package that reads "
            "more. Run: pip install imagecodecs"
        ) from error
    return tiff.turned(png_decode(path.read_bytes()), picture.getexif().get(ORIENTATION, 1))


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)
