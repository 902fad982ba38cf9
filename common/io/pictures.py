"""PNG, JPEG, TIFF and BMP files as images, with every bit that they hold."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io.images import check_size
from zoo.common.types import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
FORMATS = ("PNG", "JPEG", "TIFF", "BMP")  # what Pillow may open; others would start external programs


def read_picture(path: Path) -> Image:
    """Read a picture upright, as grey or RGB; palettes become their colours, alpha is dropped."""
    from PIL import Image as Pillow
    from PIL import ImageOps, UnidentifiedImageError

    with warnings.catch_warnings():
        # Pillow warns at half of its own limit; ours is checked right below
        warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
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
        pages = getattr(picture, "n_frames", 1)
        if pages > 1 and picture.format == "TIFF":
            raise InputError(f"{path.name}: {pages} pages given; expected one picture per file. Save the pages apart.")
        if _loses_bits(picture.tile):
            return Image(_deep_colours(path), name=path.name)
        upright = ImageOps.exif_transpose(picture)  # as every viewer shows it
        values = np.asarray(_plain_mode(upright))
    return Image(values[None] if values.ndim == 2 else np.moveaxis(values, -1, 0), name=path.name)


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


def _loses_bits(tiles: object) -> bool:
    """Whether Pillow would cut 16-bit colours to 8 bit, as it does without a word."""
    return any(";16" in str(tile[-1]) and "RGB" in str(tile[-1]) for tile in tiles)  # type: ignore[attr-defined]


def _deep_colours(path: Path) -> np.ndarray:
    """Read 16-bit colours without alpha, (3, h, w)."""
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)  # the exception says the same
    values = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    return np.moveaxis(values.reshape(*values.shape[-3:]), -1, 0)[:3]


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)
