"""NIfTI-1 and NIfTI-2 files (.nii, .nii.gz) as images."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io.images import check_size
from zoo.common.io.voxels import Source, checked_spacing, opened, placed_image, read_bytes, read_voxels
from zoo.common.types import Image, NiftiWorlds

# name: (type, offset in NIfTI-1, offset in NIfTI-2); NIfTI-2 widens most types
FIELDS_1 = {
    "dim": ("8i2", 40), "datatype": ("i2", 70), "pixdim": ("8f4", 76), "vox_offset": ("f4", 108),
    "slope": ("f4", 112), "inter": ("f4", 116), "units": ("u1", 123), "qform_code": ("i2", 252),
    "sform_code": ("i2", 254), "quaternion": ("3f4", 256), "shift": ("3f4", 268), "rows": ("(3,4)f4", 280),
    "magic": ("S4", 344),
}  # fmt: skip
FIELDS_2 = {
    "magic": ("S8", 4), "datatype": ("i2", 12), "dim": ("8i8", 16), "pixdim": ("8f8", 104), "vox_offset": ("i8", 168),
    "slope": ("f8", 176), "inter": ("f8", 184), "qform_code": ("i4", 344), "sform_code": ("i4", 348),
    "quaternion": ("3f8", 352), "shift": ("3f8", 376), "rows": ("(3,4)f8", 400), "units": ("i4", 500),
}  # fmt: skip


def _layout(fields: dict[str, tuple[str, int]], size: int, order: str) -> np.dtype:
    formats = [np.dtype(kind).newbyteorder(">" if order == ">" else "<") for kind, _ in fields.values()]
    offsets = [offset for _, offset in fields.values()]
    return np.dtype({"names": list(fields), "formats": formats, "offsets": offsets, "itemsize": size})


# by size and byte order. Made once: NumPy parses types with Python's ast, which in several threads at a time fails now
# and then ("AST constructor recursion depth mismatch", Python 3.11)
LAYOUTS = {
    (size, order): _layout(fields, size, order) for size, fields in ((348, FIELDS_1), (540, FIELDS_2)) for order in "<>"
}
MAGIC = {348: b"n+1", 540: b"n+2\0\r\n\x1a\n"}
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
COLOURS = {128: 3, 2304: 4}  # channels of RGB and RGBA
MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
MAX_OFFSET = 1 << 26  # bytes of header and extensions before the voxels


def read_nifti(path: Path) -> Image:
    """Read a volume in the grid of the file: rescaled, in millimetres, one slice as a picture.

    The sform says where it lies, else the qform, else nothing but the voxel size; `Image.nifti` keeps the other one.
    """
    name = path.name
    with path.open("rb") as file:
        source = opened(file, name)
        header, order = _read_header(source, name)
        sizes, vectors = _sizes(header, name)
        kind = int(header["datatype"])
        channels = COLOURS.get(kind, vectors)
        if kind not in TYPES and kind not in COLOURS:
            raise InputError(f"{name}: voxels of NIfTI type {kind} given; expected integers, floats or RGB")
        dtype = np.dtype(order + TYPES.get(kind, "u1"))
        check_size((channels, *sizes), name)
        values = read_voxels(source, dtype, channels * math.prod(sizes), name)
    if kind in COLOURS:
        values = np.moveaxis(values.reshape(*sizes[::-1], channels), -1, 0)[:3]
    else:
        values = _rescaled(values.reshape(channels, *sizes[::-1]), header, name)
    affine, worlds = _places(header, name)
    return replace(placed_image(values, affine, name), nifti=worlds)


def _read_header(source: Source, name: str) -> tuple[np.void, str]:
    """Return the fields of the header and its byte order; leave the source at the first voxel."""
    start = read_bytes(source, 4, name)
    for order in "<>":
        size = int(np.frombuffer(start, order + "i4")[0])
        if size in MAGIC:
            break
    else:
        raise InputError(f"{name}: starts with {start!r}; expected a NIfTI-1 or NIfTI-2 header")
    header = np.frombuffer(start + read_bytes(source, size - 4, name), LAYOUTS[size, order])[0]
    if bytes(header["magic"]) != MAGIC[size]:
        raise InputError(
            f"{name}: mark {bytes(header['magic'])!r} given; expected {MAGIC[size]!r}, header and voxels in one"
        )
    offset = float(header["vox_offset"])
    if not size + 4 <= offset <= MAX_OFFSET or offset % 1:
        raise InputError(f"{name}: voxels at byte {offset:g}; expected them between {size + 4} and {MAX_OFFSET}")
    read_bytes(source, int(offset) - size, name)
    return header, order


def _sizes(header: np.void, name: str) -> tuple[tuple[int, int, int], int]:
    """Return the numbers of voxels along x, y and z, and of numbers per voxel, which NIfTI keeps in its fifth axis."""
    dims = [int(n) for n in header["dim"]]
    if not 2 <= dims[0] <= 7 or min(dims[1 : dims[0] + 1]) < 1:
        raise InputError(f"{name}: axes {dims} given; expected 2 or 3 of at least one voxel")
    sizes = dims[1 : dims[0] + 1]
    vectors = sizes[4] if len(sizes) > 4 else 1
    if math.prod(sizes[3:]) > vectors:
        raise InputError(
            f"{name}: {dims[0]} axes {tuple(sizes)} given; expected (x, y) or (x, y, z). Save points in time apart."
        )
    x, y, z = (*sizes, 1)[:3]
    return (x, y, z), vectors


def _rescaled(values: np.ndarray, header: np.void, name: str) -> np.ndarray:
    slope, inter = float(header["slope"]), float(header["inter"])
    if slope == 0 or math.isnan(slope) or (slope, inter) == (1, 0):  # 0 and NaN say that numbers are stored as they are
        return values
    if not math.isfinite(slope) or not math.isfinite(inter):
        raise InputError(f"{name}: scaling {slope:g} x + {inter:g} given; expected finite numbers")
    scaled = np.empty(values.shape, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite is refused with a count
        for i in range(values.shape[1]):  # in float64, but never the whole volume
            scaled[:, i] = values[:, i].astype(np.float64) * slope + inter
    return scaled


def _places(header: np.void, name: str) -> tuple[np.ndarray, NiftiWorlds]:
    """Return voxel index to world [mm], and what the file says besides."""
    sform_code, qform_code = (max(0, int(header[key])) for key in ("sform_code", "qform_code"))
    units = int(header["units"])
    unit_mm = MM_PER_UNIT.get(units & 7, 1.0)
    sform = np.vstack([header["rows"], (0, 0, 0, 1)]).astype(np.float64) if sform_code else None
    qform = _qform(header, name) if qform_code else None
    stored = sform if sform is not None else qform if qform is not None else _unplaced(header, name)
    affine = in_units(stored, unit_mm)
    to_qform: np.ndarray = np.eye(4)
    if sform is not None and qform is not None:
        checked_spacing(sform, name)
        checked_spacing(qform, name)
        _check_same_grid(sform, qform, name)
        to_qform = in_units(qform, unit_mm) @ np.linalg.inv(affine)
    return affine, NiftiWorlds(sform_code, qform_code, to_qform, units, int(header["dim"][0]) == 2)


def in_units(affine: np.ndarray, unit: float) -> np.ndarray:
    """Stretch the world that an affine leads to."""
    return np.diag([unit, unit, unit, 1.0]) @ affine


def _voxel_size(header: np.void, name: str) -> np.ndarray:
    size = np.abs(np.asarray(header["pixdim"][1:4], np.float64))
    size[(size == 0) & (np.asarray(_sizes(header, name)[0]) == 1)] = 1  # a flat file need not say how thick it is
    if not np.isfinite(size).all() or not (size > 0).all():
        raise InputError(f"{name}: voxels of {size.tolist()} given; expected positive sizes")
    return size


def _unplaced(header: np.void, name: str) -> np.ndarray:
    """Assume the axes of ITK where the file has none of its own."""
    x, y, z = _voxel_size(header, name)
    return np.diag([-x, -y, z, 1.0])


def _qform(header: np.void, name: str) -> np.ndarray:
    b, c, d = (float(v) for v in header["quaternion"])
    rest = 1 - b * b - c * c - d * d
    if not rest > -1e-5:  # NaN as well
        raise InputError(f"{name}: quaternion ({b:g}, {c:g}, {d:g}) given; expected a length of at most 1")
    a = math.sqrt(max(rest, 0.0))
    rotation = [
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ]
    handedness = -1.0 if float(header["pixdim"][0]) < 0 else 1.0
    affine = np.eye(4)
    affine[:3, :3] = np.array(rotation) * _voxel_size(header, name) * (1, 1, handedness)
    affine[:3, 3] = header["shift"]
    return affine


def _check_same_grid(sform: np.ndarray, qform: np.ndarray, name: str) -> None:
    """Accept another place, as registration writes it into the sform, but not another grid."""
    sizes = [np.linalg.norm(affine[:3, :3], axis=0) for affine in (sform, qform)]
    if not np.allclose(sizes[0], sizes[1], rtol=0.01):
        raise InputError(
            f"{name}: voxels of {sizes[0].round(4).tolist()} in the sform and {sizes[1].round(4).tolist()} in the "
            "qform; expected one size. Remove the wrong one."
        )
    if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0:
        raise InputError(
            f"{name}: sform and qform are mirror images; expected one right and left. Remove the wrong one."
        )
