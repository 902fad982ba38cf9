"""NRRD files (.nrrd, header and voxels in one) as images."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import BinaryIO

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io.images import check_size
from zoo.common.io.voxels import Inflated, placed_image, plane_of, read_voxels
from zoo.common.types import Image

TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(("longlong", "long long", "long long int", "signed long long", "signed long long int"), "i8"),
    **dict.fromkeys(("int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}
# to the axes of NIfTI: right, anterior, superior
SPACES = {
    **dict.fromkeys(("right-anterior-superior", "ras"), (1.0, 1.0, 1.0)),
    **dict.fromkeys(("left-anterior-superior", "las"), (-1.0, 1.0, 1.0)),
    **dict.fromkeys(("left-posterior-superior", "lps"), (-1.0, -1.0, 1.0)),
}
UNNAMED_SPACE = (-1.0, -1.0, 1.0)  # as ITK reads it
MILLIMETRES = ("mm", "millimeter", "millimeters", "millimetre", "millimetres", "", "?", "???", "none")
LONGEST_LINE, MOST_LINES = 4096, 400


def read_nrrd(path: Path) -> Image:
    """Read a picture or volume in the grid of the file; one slice becomes a picture."""
    name = path.name
    with path.open("rb") as file:
        fields = _read_fields(file, name)
        try:
            dtype = np.dtype(TYPES[fields["type"].lower()])
            sizes = [int(n) for n in fields["sizes"].split()]
            axes = int(fields["dimension"])
        except (KeyError, ValueError) as error:
            raise InputError(f"{name}: {error} in the header; expected type, dimension and sizes") from error
        check_size(tuple(sizes), name)
        domain = _domain(fields, sizes, axes, name)
        dtype = dtype.newbyteorder(">" if _is_big_endian(fields, dtype, name) else "<")
        values = _read_values(file, fields, dtype, math.prod(sizes), name)
    values = values.reshape(sizes[::-1])
    if len(domain) == axes:
        values = values[None]
    else:  # axes are stored the other way round: the fastest is the last here
        (channel,) = set(range(axes)) - set(domain)
        values = np.moveaxis(values, axes - 1 - channel, 0)
    if len(domain) == 2:
        spacing = _flat_spacing(fields, domain, axes, name)
        return Image(values, spacing_mm=spacing, name=name, plane=_plane(fields, domain, axes))
    return placed_image(values, _affine(fields, domain, axes, name), name)


def _read_fields(file: BinaryIO, name: str) -> dict[str, str]:
    """Read the lines "key: value" up to the empty one."""
    start = file.readline(LONGEST_LINE)
    if not re.fullmatch(rb"NRRD000[1-5]\r?\n", start):
        raise InputError(f"{name}: starts with {start[:16]!r}; expected NRRD0001 to NRRD0005")
    fields: dict[str, str] = {}
    for _ in range(MOST_LINES):
        line = file.readline(LONGEST_LINE)
        if not line.endswith(b"\n"):
            break
        text = line.decode("latin-1").strip()
        if not text:
            return fields
        key, colon, value = text.partition(": ")
        if colon and not text.startswith("#"):
            fields[key.strip().lower()] = value.strip()
    raise InputError(f"{name}: no empty line behind the header; expected a whole file")


def _is_big_endian(fields: dict[str, str], dtype: np.dtype, name: str) -> bool:
    order = fields.get("endian", "little" if dtype.itemsize == 1 else "").lower()
    if order not in ("little", "big"):
        raise InputError(f"{name}: endian {order!r} given for numbers of {dtype}; expected little or big")
    return order == "big"


def _domain(fields: dict[str, str], sizes: list[int], axes: int, name: str) -> list[int]:
    """List the axes that lie in space; at most one other is left, which holds channels."""
    if len(sizes) != axes:
        raise InputError(f"{name}: {len(sizes)} sizes for {axes} axes given; expected one each")
    kinds = fields.get("kinds", "").lower().split() or ["domain"] * axes
    if "time" in kinds:
        raise InputError(f"{name}: {tuple(sizes)} with points in time given; expected a volume. Save them apart.")
    _refuse_units(fields, name)
    directions = _vectors(fields.get("space directions", ""))
    domain = [i for i in range(axes) if kinds[i : i + 1] in (["domain"], ["space"], ["???"])]
    if len(directions) == axes:
        domain = [i for i in range(axes) if directions[i] is not None]
    if len(domain) not in (2, 3) or axes - len(domain) > 1:
        raise InputError(f"{name}: {axes} axes {tuple(sizes)} given; expected (x, y) or (x, y, z), and channels")
    return domain


def _refuse_units(fields: dict[str, str], name: str) -> None:
    for key in ("space units", "units"):
        text = fields.get(key, "")
        units = {(quoted or bare).strip().lower() for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', text)}
        if other := sorted(units - set(MILLIMETRES)):
            raise InputError(
                f"{name}: {key} {', '.join(other)[:40]} given; expected mm, as which most programs take every number. "
                "Convert it first."
            )


def _read_values(file: BinaryIO, fields: dict[str, str], dtype: np.dtype, count: int, name: str) -> np.ndarray:
    detached = fields.get("data file", fields.get("datafile"))
    if detached or {"line skip", "lineskip", "byte skip", "byteskip"} & set(fields):
        raise InputError(f"{name}: voxels elsewhere ({detached or 'skipped'}); expected them right behind the header")
    encoding = fields.get("encoding", "raw").lower()
    if encoding == "raw":
        return read_voxels(file, dtype, count, name)
    if encoding in ("gzip", "gz"):
        return read_voxels(Inflated(file, name), dtype, count, name)
    raise InputError(f"{name}: encoding {encoding[:40]!r} given; expected raw or gzip")


def _affine(fields: dict[str, str], domain: list[int], axes: int, name: str) -> np.ndarray:
    affine = np.eye(4)
    directions = _vectors(fields.get("space directions", ""))
    if len(directions) == axes:
        columns = [directions[i] for i in domain]
        if any(column is None or len(column) != 3 for column in columns):
            raise InputError(
                f"{name}: space directions {fields['space directions'][:80]} given; expected three of three"
            )
        affine[:3, :3] = np.array(columns).T
    elif "spacings" in fields:
        affine[:3, :3] = np.diag(_spacings(fields, domain, axes, name))
    if len(directions) != axes and {"axis mins", "axismins", "axis maxs", "axismaxs"} & set(fields):
        affine[:3, 3] = _first_centre(fields, np.diag(affine)[:3], domain, axes, name)
    origins = _vectors(fields.get("space origin", ""))
    if origins and origins[0] is not None and len(origins[0]) == 3:
        affine[:3, 3] = origins[0]
    space = fields.get("space", "").lower()
    if space and space not in SPACES and "handed" not in space:
        raise InputError(f"{name}: space {space[:40]!r} given; expected one of {', '.join(SPACES)}")
    return np.diag([*SPACES.get(space, UNNAMED_SPACE), 1.0]) @ affine


def _first_centre(fields: dict[str, str], spacing: np.ndarray, domain: list[int], axes: int, name: str) -> np.ndarray:
    """Return where the first voxel lies by the ends of the axes, which are edges of voxels unless they are nodes."""
    text = fields.get("axis mins", fields.get("axismins", ""))
    lowest = [float(number) for number in text.split()]
    if len(lowest) != axes or "spacings" not in fields:
        raise InputError(
            f"{name}: axis mins {text[:80]!r} without spacings given; expected both, or space directions and origin"
        )
    centerings = (fields.get("centerings", fields.get("centers", "")).lower().split() or ["cell"] * axes)[:axes]
    shift = [0.0 if centering == "node" else 0.5 for centering in centerings]
    return np.array([lowest[i] + shift[i] * size for i, size in zip(domain, spacing, strict=True)])


def _flat_spacing(fields: dict[str, str], domain: list[int], axes: int, name: str) -> tuple[float, float] | None:
    directions = _vectors(fields.get("space directions", ""))
    if len(directions) == axes:
        x, y = (math.hypot(*(directions[i] or ())) for i in domain)
        return y, x
    if "spacings" in fields:
        x, y = _spacings(fields, domain, axes, name)
        return y, x
    return None


def _plane(fields: dict[str, str], domain: list[int], axes: int) -> np.ndarray | None:
    """Return pixel index to the plane where directions and origin have two numbers each, as ITK writes them."""
    directions, origins = _vectors(fields.get("space directions", "")), _vectors(fields.get("space origin", ""))
    columns = [directions[i] for i in domain] if len(directions) == axes else []
    if not origins or any(vector is None or len(vector) != 2 for vector in (*columns, origins[0])):
        return None
    return plane_of(np.array(columns).T, np.array(origins[0])) if columns else None


def _spacings(fields: dict[str, str], domain: list[int], axes: int, name: str) -> list[float]:
    numbers = [float(number) for number in fields["spacings"].split()]
    if len(numbers) != axes:
        raise InputError(f"{name}: spacings {fields['spacings'][:80]} given; expected {axes} numbers")
    return [numbers[i] for i in domain]


def _vectors(text: str) -> list[tuple[float, ...] | None]:
    """Read "(1,0,0) none (0,1,0)"."""
    found = re.findall(r"none|\(([^()]*)\)", text)
    return [tuple(float(number) for number in inner.split(",")) if inner else None for inner in found]
