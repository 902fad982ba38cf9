"""What other libraries hold in memory as images: pictures, volumes with their place, and the bytes of files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io import as_image, pictures, read_image
from zoo.common.io.images import checked_image
from zoo.common.io.nifti import MM_PER_UNIT, in_units
from zoo.common.io.nifti_write import FLIP_XY
from zoo.common.io.voxels import placed_image, plane_of
from zoo.common.types import Image, NiftiWorlds

Spacing = tuple[float, ...] | None
MARKS = {  # how files begin
    b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"II*\0": ".tif", b"MM\0*": ".tif", b"II+\0": ".tif", b"MM\0+": ".tif",
    b"BM": ".bmp", b"\x93NUMPY": ".npy", b"NRRD": ".nrrd",
}  # fmt: skip
HEADERS = tuple(size.to_bytes(4, order) for size in (348, 540) for order in ("little", "big"))  # how NIfTI begins
START = 4096  # bytes that are looked at


def is_object(value: object) -> bool:
    """Whether to_image() takes it."""
    return _converter(value) is not None or hasattr(value, "__array__") or hasattr(value, "__array_interface__")


def to_image(value: object, spacing_mm: Spacing = None, name: str = "array") -> Image:
    """Turn an array, an image of Pillow, SimpleITK or nibabel, the bytes of a file or an open file into an image.

    spacing_mm: overrides what the object says. An open file is read from its start and stays open.
    """
    convert = _converter(value)
    if convert is None:
        return as_image(value, spacing_mm, name)
    try:
        image = convert(value, name)
    except InputError:
        raise
    except Exception as error:  # libraries that read late raise nearly every type on damaged files
        reason = " ".join(str(error).split())[-200:] or type(error).__name__
        raise InputError(f"{name}: {type(value).__name__} cannot be read ({reason}); expected a whole image") from error
    return checked_image(image if spacing_mm is None else replace(image, spacing_mm=spacing_mm), is_ours=True)


def _converter(value: object) -> Callable[[Any, str], Image] | None:
    """Find what turns a value into an image, by the library it comes from, which is not imported for that."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _from_bytes
    if hasattr(value, "read"):
        return _from_file
    libraries = {kind.__module__.partition(".")[0] for kind in type(value).__mro__}
    for library, (mark, convert) in LIBRARIES.items():
        if library in libraries and hasattr(value, mark):
            return convert
    return None


def _from_bytes(content: bytes, name: str) -> Image:
    """Read the bytes of a file of any format but a series."""
    content = bytes(content)
    if not content:
        raise InputError(f"{name}: 0 bytes given; expected the content of an image file")
    suffix = _suffix(content)
    if suffix is None:
        raise InputError(
            f"{name}: bytes that start with {content[:16]!r} given; expected the content of a PNG, JPEG, TIFF, BMP, "
            "NIfTI, NRRD, MetaImage, DICOM or .npy file"
        )
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:  # every reader reads from a path, bounded in memory
        path = Path(folder) / f"content{suffix}"
        path.write_bytes(content)
        try:
            return replace(read_image(path), name=name, files=())
        except InputError as error:
            raise InputError(str(error).replace(str(path), name).replace(path.name, name)) from error


def _suffix(content: bytes) -> str | None:
    start = content[:START]
    for mark, suffix in MARKS.items():
        if start.startswith(mark):
            return suffix
    if start[128:132] == b"DICM":
        return ".dcm"
    if start[:4] in HEADERS or start.startswith(b"\x1f\x8b"):
        return ".nii"  # its reader looks for gzip itself
    return ".mha" if b"NDims" in start and b"ElementType" in start else None


def _from_file(file: Any, name: str) -> Image:
    """Read an open file from its start."""
    path = getattr(file, "name", None)
    name = Path(path).name if isinstance(path, str) and path else name
    try:
        if file.seekable():
            file.seek(0)
        content = file.read()
    except (OSError, ValueError, AttributeError) as error:  # closed, or open for writing only
        raise InputError(f"{name}: cannot be read ({error}); expected a file opened with open(path, 'rb')") from error
    if not isinstance(content, (bytes, bytearray)):
        raise InputError(f"{name}: a file opened as text given; expected one opened with open(path, 'rb')")
    return _from_bytes(bytes(content), name)


def _from_pillow(picture: Any, name: str) -> Image:
    """Take a picture as its file would be read; one that is decoded already, or made in memory, as it is shown."""
    path, file = getattr(picture, "filename", ""), getattr(picture, "fp", None)
    name = Path(path).name if isinstance(path, str) and path else name
    is_untouched = bool(getattr(picture, "tile", None)) and not picture.tell()
    if file is not None and is_untouched and picture.format in (*pictures.FORMATS, "MPO"):
        place = file.tell()
        file.seek(0)
        content = file.read()
        file.seek(place)
        return _from_bytes(content, name)
    values = pictures.shown(picture)
    return Image(values[None] if values.ndim == 2 else np.moveaxis(values, -1, 0), name=name)


def _from_simpleitk(volume: Any, name: str) -> Image:
    """Take the voxels with their place; a picture of ITK's default spacing, as ITK gives those without, has none."""
    import SimpleITK

    axes, channels = volume.GetDimension(), volume.GetNumberOfComponentsPerPixel()
    if axes not in (2, 3):
        raise InputError(f"{name}: a SimpleITK image of {axes} axes given; expected 2 or 3. Extract one volume.")
    values = SimpleITK.GetArrayFromImage(volume)
    values = np.moveaxis(values, -1, 0) if channels > 1 else values[None]
    spacing = np.array(volume.GetSpacing())
    if axes == 2:
        plane = plane_of(np.array(volume.GetDirection()).reshape(2, 2) * spacing, np.array(volume.GetOrigin()))
        known = None if (spacing == 1).all() else (spacing[1], spacing[0])
        return Image(values, spacing_mm=known, name=name, plane=plane)
    affine = np.eye(4)
    affine[:3, :3] = np.array(volume.GetDirection()).reshape(3, 3) * spacing
    affine[:3, 3] = volume.GetOrigin()
    return placed_image(values, FLIP_XY @ affine, name)


def _from_nibabel(volume: Any, name: str) -> Image:
    """Take the scaled voxels with their place, of NIfTI both places with their codes."""
    path = volume.get_filename()
    name = Path(path).name if path else name
    values = np.asarray(volume.dataobj)
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim not in (2, 3) or values.dtype.kind not in "buif":
        raise InputError(
            f"{name}: {values.shape} of {values.dtype} given; expected (x, y) or (x, y, z) of numbers. Save points in "
            "time and channels apart."
        )
    values = values.reshape(*values.shape, *(1,) * (3 - values.ndim)).T[None]
    affine, worlds = _nibabel_place(volume)
    if affine is None:
        raise InputError(f"{name}: no affine given; expected one, from voxel index to world [mm]")
    return replace(placed_image(values, affine, name), nifti=worlds)


def _nibabel_place(volume: Any) -> tuple[np.ndarray | None, NiftiWorlds | None]:
    """Return voxel index to world [mm], and what a NIfTI header says besides, if it still fits."""
    affine = volume.affine
    header = volume.header
    if affine is None or not hasattr(header, "get_sform"):
        return affine, None
    affine = np.asarray(affine, np.float64)
    if not np.allclose(affine, header.get_best_affine(), atol=1e-4):  # the user moved it
        return affine, None
    units = int(header["xyzt_units"])
    sform, sform_code = header.get_sform(coded=True)
    qform, qform_code = header.get_qform(coded=True)
    if sform is None and qform is None:
        x, y, z = header.get_zooms()[:3] if len(header.get_zooms()) > 2 else (*header.get_zooms()[:2], 1.0)
        affine = np.diag([-x, -y, z, 1.0])  # as from the file
    scale = MM_PER_UNIT.get(units & 7, 1.0)
    affine = in_units(affine, scale)
    both = sform is not None and qform is not None
    to_qform = in_units(qform, scale) @ np.linalg.inv(affine) if both else np.eye(4)
    return affine, NiftiWorlds(int(sform_code), int(qform_code), to_qform, units, len(volume.shape) == 2)


# name of a library: what its images have, and what turns them into ours
LIBRARIES: dict[str, tuple[str, Callable[[Any, str], Image]]] = {
    "PIL": ("getbands", _from_pillow),
    "SimpleITK": ("GetSpacing", _from_simpleitk),
    "nibabel": ("dataobj", _from_nibabel),
}
