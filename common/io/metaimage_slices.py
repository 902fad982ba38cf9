"""Single slices of a MetaImage volume: where its voxels lie, and those of a few slices without the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io.images import check_size
from zoo.common.io.metaimage import find_voxels, read_affine, read_fields, read_layout, read_metaimage
from zoo.common.io.voxels import checked_spacing


@dataclass(frozen=True, eq=False)
class Header:
    """What a MetaImage says about itself.

    size: voxels along x, y, z; affine: (4, 4) voxel index (x, y, z) to world in the axes of NIfTI. voxels, offset: the
    file of plain voxels and where they begin; None where they are compressed or in the header's own file.
    """

    path: Path
    size: tuple[int, int, int]
    dtype: np.dtype
    affine: np.ndarray
    spacing_mm: tuple[float, float, float]  # x, y, z
    voxels: Path | None
    offset: int


def read_header(path: Path) -> Header:
    """Read the header of a volume with one channel."""
    with path.open("rb") as file:
        fields = read_fields(file, path.name)
    size, dtype, channels = read_layout(fields, path.name)
    check_size((channels, *size), path.name)
    if len(size) != 3 or channels != 1:
        raise InputError(f"{path.name}: {size} with {channels} channels given; expected a volume with one")
    affine = read_affine(fields, path.name)
    spacing = checked_spacing(affine, path.name)
    is_plain = fields.get("CompressedData", "False").lower() not in ("true", "1")
    if not is_plain or fields["ElementDataFile"] == "LOCAL":
        return Header(path, size, dtype, affine, spacing[::-1], None, 0)
    voxels = find_voxels(path, fields["ElementDataFile"])
    needed, there = math.prod(size) * dtype.itemsize, voxels.stat().st_size
    try:
        skip = int(fields.get("HeaderSize", "0"))
    except ValueError as error:
        raise InputError(f"{path.name}: HeaderSize {fields['HeaderSize']} given; expected a number of bytes") from error
    offset = there - needed if skip == -1 else max(0, skip)  # -1: the voxels are the end of their file
    if offset < 0 or offset + needed > there:
        raise InputError(f"{path.name}: {voxels.name} has {there:,} bytes of {needed:,}; expected a whole file")
    return Header(path, size, dtype, affine, spacing[::-1], voxels, offset)


def read_slices(header: Header, start: int, stop: int) -> np.ndarray:
    """Read slices start ... stop - 1, (stop - start, h, w) float32; only these are read where voxels are plain."""
    if header.voxels is None:
        return read_metaimage(header.path).array.reshape(header.size[::-1])[start:stop].astype(np.float32)
    shape = header.size[::-1]
    voxels = np.memmap(header.voxels, header.dtype, "r", header.offset, shape)
    return np.array(voxels[start:stop], np.float32)
