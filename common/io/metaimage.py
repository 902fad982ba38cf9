"""MetaImage files (.mha, and .mhd with its voxels beside it) as images."""

from __future__ import annotations

import math
from pathlib import Path
from typing import BinaryIO

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io.images import check_size
from zoo.common.io.voxels import ZLIB_OR_GZIP, Inflated, placed_image, plane_of, read_voxels
from zoo.common.types import Image

TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}  # fmt: skip
ALIASES = {
    "Position": "Offset", "Origin": "Offset", "Rotation": "TransformMatrix", "Orientation": "TransformMatrix",
    "BinaryDataByteOrderMSB": "ElementByteOrderMSB",
}  # fmt: skip
LONGEST_LINE, MOST_LINES = 4096, 200
TO_NIFTI = np.diag([-1.0, -1.0, 1.0, 1.0])  # MetaImage counts to the left and back, NIfTI to the right and front


def read_metaimage(path: Path) -> Image:
    """Read a picture or volume in the grid of the file; one slice becomes a picture."""
    name = path.name
    with path.open("rb") as file:
        fields = read_fields(file, name)
        sizes, dtype, channels = read_layout(fields, name)
        local = fields["ElementDataFile"] == "LOCAL"
        check_size((channels, *sizes), name)
        if local:
            values = _read_values(file, fields, dtype, channels * math.prod(sizes), name)
        else:
            with find_voxels(path, fields["ElementDataFile"]).open("rb") as data:
                values = _read_values(data, fields, dtype, channels * math.prod(sizes), name)
    values = np.moveaxis(values.reshape(*sizes[::-1], channels), -1, 0)
    if len(sizes) == 2:
        known = {"ElementSpacing", "ElementSize"} & set(fields)
        x, y = (float(number) for number in _numbers(fields, "ElementSpacing", 2, name))
        axes = _numbers(fields, "TransformMatrix", 4, name, np.eye(2)).reshape(2, 2).T  # one axis per row there
        plane = plane_of(axes * (x, y), _numbers(fields, "Offset", 2, name, np.zeros(2)))
        return Image(values, spacing_mm=(y, x) if known else None, name=name, plane=plane)
    return placed_image(values, read_affine(fields, name), name)


def read_fields(file: BinaryIO, name: str) -> dict[str, str]:
    """Read the lines "key = value" up to the one that says where the voxels are."""
    fields: dict[str, str] = {}
    for _ in range(MOST_LINES):
        line = file.readline(LONGEST_LINE)
        key, equals, value = line.decode("latin-1").partition("=")
        if not equals or not line.endswith(b"\n"):
            break
        key, value = ALIASES.get(key.strip(), key.strip()), value.strip()
        if fields.get(key, value) != value:
            raise InputError(f"{name}: {key} is {fields[key][:40]} and {value[:40]}; expected one value for it")
        fields[key] = value
        if key == "ElementDataFile":
            return fields
    raise InputError(f"{name}: no line that says ElementDataFile; expected the header of a MetaImage")


def read_layout(fields: dict[str, str], name: str) -> tuple[tuple[int, ...], np.dtype, int]:
    """Return the numbers of voxels along x, y and z, the type of the numbers, and how many a voxel has."""
    try:
        sizes = [int(n) for n in fields["DimSize"].split()]
        channels = int(fields.get("ElementNumberOfChannels", "1"))
        dtype = np.dtype(TYPES[fields["ElementType"]])
        axes = int(fields["NDims"])
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{name}: {error} in the header; expected NDims, DimSize and ElementType ({', '.join(TYPES)})"
        ) from error
    if len(sizes) != axes or not 2 <= axes <= 4 or math.prod(sizes[3:]) != 1:
        raise InputError(f"{name}: {axes} axes {tuple(sizes)} given; expected (x, y) or (x, y, z)")
    if fields.get("BinaryData", "True").lower() not in ("true", "1"):
        raise InputError(f"{name}: voxels as text; expected binary ones")
    if (unit := fields.get("DistanceUnits", "mm").lower()) not in ("mm", "?", "", "met_distance_units_mm"):
        raise InputError(
            f"{name}: DistanceUnits {unit[:40]} given; expected mm, as which most programs take every number. Convert "
            "it first."
        )
    msb = fields.get("ElementByteOrderMSB", "False").lower() in ("true", "1")
    return tuple(sizes[:3]), dtype.newbyteorder(">" if msb else "<"), channels


def find_voxels(path: Path, other: str) -> Path:
    """Return the file beside a header that holds its voxels."""
    if other.startswith("LIST") or "%" in other:
        raise InputError(f"{path.name}: voxels in several files ({other}); expected one. Save it as .mha.")
    data = path.parent / other
    if not data.is_file():
        raise InputError(f"{path.name}: its voxels, {other}, are not there; expected both files in one folder")
    return data


def _read_values(file: BinaryIO, fields: dict[str, str], dtype: np.dtype, count: int, name: str) -> np.ndarray:
    try:
        skip = int(fields.get("HeaderSize", "0"))
    except ValueError as error:
        raise InputError(f"{name}: HeaderSize {fields['HeaderSize']} given; expected a number of bytes") from error
    if fields.get("CompressedData", "False").lower() in ("true", "1"):
        return read_voxels(Inflated(file, name, ZLIB_OR_GZIP), dtype, count, name)
    if skip == -1:  # the voxels are the end of their file
        file.seek(max(0, file.seek(0, 2) - count * dtype.itemsize))
    elif skip:
        file.seek(max(0, skip))
    return read_voxels(file, dtype, count, name)


def read_affine(fields: dict[str, str], name: str) -> np.ndarray:
    """Return the affine (4, 4), voxel index (x, y, z) to world in the axes of NIfTI."""
    axes = int(fields["NDims"])  # above 3 where further axes have one voxel each
    affine = np.eye(4)
    matrix = _numbers(fields, "TransformMatrix", axes * axes, name, np.eye(axes)).reshape(axes, axes)
    affine[:3, :3] = matrix.T[:3, :3] * _numbers(fields, "ElementSpacing", axes, name)[:3]  # one axis per row there
    affine[:3, 3] = _numbers(fields, "Offset", axes, name, np.zeros(axes))[:3]
    return TO_NIFTI @ affine


def _numbers(fields: dict[str, str], key: str, count: int, name: str, default: np.ndarray | None = None) -> np.ndarray:
    text = fields.get(key) or (fields.get("ElementSize") if key == "ElementSpacing" else None)
    if text is None:
        return np.ones(count) if default is None else default
    try:
        numbers = np.array([float(number) for number in text.split()])
    except ValueError as error:
        raise InputError(f"{name}: {key} = {text[:80]} given; expected {count} numbers") from error
    if numbers.size != count:
        raise InputError(f"{name}: {key} = {text[:80]} given; expected {count} numbers")
    return numbers
