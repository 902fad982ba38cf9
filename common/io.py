"""Files as images: pictures, NumPy arrays and medical formats, or an InputError that says what is wrong."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common import io_medical
from zoo.common.errors import InputError
from zoo.common.images import as_image, check_size, checked_image
from zoo.common.types import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["SUFFIXES", "as_image", "file_suffix", "read_image"]

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
FORMATS = ("PNG", "JPEG", "TIFF", "BMP")  # what Pillow may open; others would start external programs


def read_image(path: str | Path, spacing_mm: tuple[float, ...] | None = None) -> Image:
    """Read one file as (c, h, w), or a volume as (c, d, h, w), with the intensities stored in it.

    spacing_mm: overrides the file's own. DICOM is recognised by content, everything else by suffix.
    """
    path = Path(path)
    reader = _reader(path)
    try:
        image = reader(path)
        return checked_image(
            Image(
                image.array,
                spacing_mm=image.spacing_mm if spacing_mm is None else spacing_mm,
                affine=image.affine,
                name=path.name,
            )
        )
    except InputError as error:  # readers know the file's name only
        raise InputError(str(error).replace(path.name, str(path), 1)) from error
    except MemoryError as error:
        raise InputError(f"{path}: does not fit into memory; expected a smaller image") from error
    except Exception as error:  # third-party parsers raise nearly every type on damaged files
        reason = " ".join(str(error).split())[-200:] or type(error).__name__
        raise InputError(
            f"{path}: {path.stat().st_size:,} bytes that cannot be read as {file_suffix(path) or 'DICOM'} ({reason}); "
            "expected a complete file of that format. Copy or export it again."
        ) from error


def file_suffix(path: Path) -> str:
    """Return the suffix in lower case, `.nii.gz` as one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def _reader(path: Path) -> Callable[[Path], Image]:
    if not path.exists():
        raise InputError(f"{path}: no such file; expected an image ({', '.join(SUFFIXES)})")
    if path.is_dir():
        raise InputError(f"{path}: a folder given; expected one image file. predict() takes folders as a whole.")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: 0 bytes given; expected an image. Copy or download it again.")
    reader = READERS.get(file_suffix(path))
    if reader is None and io_medical.is_dicom(path):
        reader = io_medical.read_dicom
    if reader is None:
        raise InputError(f"{path}: suffix {file_suffix(path)!r} given; expected one of {', '.join(SUFFIXES)}")
    return reader


def _read_picture(path: Path) -> Image:
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
            return Image(io_medical.read_volume(path).array[:3], name=path.name)  # without alpha, without dpi
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


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _read_array(path: Path) -> Image:
    try:
        # mapped, so that a header that claims more than the file holds is refused without allocating
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        if "Python objects" in str(error) or "allow_pickle" in str(error):
            raise InputError(
                f"{path.name}: holds pickled Python objects or no array at all; expected numbers "
                "written by np.save. Objects are never unpickled."
            ) from error
        raise
    return as_image(values, name=path.name)


READERS: dict[str, Callable[[Path], Image]] = {
    **dict.fromkeys(PICTURES, _read_picture),
    ".npy": _read_array,
    **dict.fromkeys((".nii", ".nii.gz", ".mha", ".mhd", ".nrrd"), io_medical.read_volume),
    **dict.fromkeys((".dcm", ".dicom"), io_medical.read_dicom),
}
SUFFIXES = tuple(READERS)
