"""LUNA16: slices of chest CT with boxes around lung nodules (Setio et al. 2017, CC BY 4.0).

subset0 ... subset9/<seriesuid>.mhd with .raw or .zraw, and annotations.csv: seriesuid, coordX, coordY, coordZ,
diameter_mm in world millimetres. Subsets 0 to 7 train, 8 validates, 9 tests. Intensities stay in HU.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from zoo.common.boxes import clip_boxes
from zoo.common.datasets import Record, describe
from zoo.common.datasets.folders import files_of, matching
from zoo.common.datasets.tables import columns, rows
from zoo.common.errors import DataError, InputError
from zoo.common.io.metaimage_slices import Header, read_header, read_slices
from zoo.common.types import Image, Sample

CLASSES = ("nodule",)
COLUMNS = {"seriesuid", "coordx", "coordy", "coordz", "diameter_mm"}
SUBSETS = {**dict.fromkeys(range(8), "train"), 8: "val", 9: "test"}
TO_ITK = np.diag([-1.0, -1.0, 1.0, 1.0])  # annotations count to the left and back, NIfTI to the right and front
MODES = ("central", "slab")
MIN_SIDE_PX = 4.0  # smaller boxes are grown about their centre


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a scan lie, all in the order x, y, z."""

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: tuple[float, ...]  # nine numbers, row by row: D in p = origin + D (spacing * index)

    def to_voxel(self, world_mm: np.ndarray) -> np.ndarray:
        """Turn places (n, 3) in the world into voxel indices: D^-1 (p - origin) / spacing, whatever way D points."""
        back = np.linalg.inv(np.array(self.direction).reshape(3, 3))
        return (np.asarray(world_mm) - self.origin_mm) @ back.T / self.spacing_mm


def recognises(root: Path) -> bool:
    """Say whether annotations.csv and a subset are there."""
    return columns(root / "annotations.csv") >= COLUMNS and bool(_scans(root))


def classes(root: Path, task: str) -> tuple[str, ...]:
    """Name the one thing that is boxed."""
    return CLASSES


def read(root: Path, task: str, mode: str = "central", channels: int = 1) -> list[Record]:
    """List slices with nodules; scans and slices without any are left out, which flatters a detector.

    mode: "central" takes the middle slice of each nodule, "slab" all slices in the inner half of its diameter.
    channels: 1, or 3 for the slices below and above as well.
    """
    if task != "detection":
        raise DataError(f"{root}: LUNA16 is read for detection, not for {task}")
    if mode not in MODES or channels not in (1, 3):
        raise DataError(f"mode {mode!r}, {channels} channels; expected one of {', '.join(MODES)} and 1 or 3")
    scans = _scans(root)
    nodules: dict[str, list[list[float]]] = {}
    for row in rows(root / "annotations.csv"):
        numbers = [float(row[key]) for key in ("coordx", "coordy", "coordz", "diameter_mm")]
        nodules.setdefault(row["seriesuid"], []).append(numbers)
    if not set(nodules) & set(scans):
        raise DataError(f"{root}: none of {len(nodules)} annotated scans is in a subset; {describe(root)}")
    records = []
    for uid, (path, split) in scans.items():
        if uid in nodules:
            grid = _grid(_header(path))
            for k, boxes in sorted(slice_boxes(grid, np.array(nodules[uid]), mode).items()):
                load = partial(_load, path, k, channels, boxes, uid)
                records.append(Record(f"{uid}_{k}", split, uid, load, files_of(path), k))
    return records


def slice_boxes(grid: Grid, nodules: np.ndarray, mode: str) -> dict[int, np.ndarray]:
    """Cut nodules (n, 4), x, y, z and diameter [mm], into boxes (k, 5) per slice: the circle that the slice shows."""
    found: dict[int, list[np.ndarray]] = {}
    for (x, y, z), diameter in zip(grid.to_voxel(nodules[:, :3]), nodules[:, 3], strict=True):
        reach = diameter / 4 / grid.spacing_mm[2]  # the inner half of the diameter, in slices
        middle = int(np.clip(round(z), 0, grid.size[2] - 1))
        slab = range(max(int(np.ceil(z - reach)), 0), min(int(np.floor(z + reach)) + 1, grid.size[2]))
        for k in {middle, *(slab if mode == "slab" else ())}:
            height = min(abs(k - z) * grid.spacing_mm[2], 0.9 * diameter / 2)
            radius = np.sqrt((diameter / 2) ** 2 - height**2) / np.array(grid.spacing_mm[:2])
            radius = np.maximum(radius, MIN_SIDE_PX / 2)
            centre = np.array([x, y]) + 0.5  # pixel i spans i to i + 1 in a box
            found.setdefault(k, []).append(np.concatenate([centre - radius, centre + radius]))
    size = grid.size[:2]
    return {k: np.hstack([np.zeros((len(b), 1)), clip_boxes(np.array(b), size)]) for k, b in found.items()}


def _scans(root: Path) -> dict[str, tuple[Path, str]]:
    folders = [(root / f"subset{number}", split) for number, split in SUBSETS.items()]
    return {path.stem: (path, split) for folder, split in folders for path in matching(folder, "*.mhd")}


def _header(path: Path) -> Header:
    try:
        return read_header(path)
    except InputError as error:
        raise DataError(f"{path}: {error}") from error


def _grid(header: Header) -> Grid:
    affine = TO_ITK @ header.affine
    direction = affine[:3, :3] / header.spacing_mm
    x, y, z = affine[:3, 3]
    return Grid(header.size, header.spacing_mm, (x, y, z), tuple(direction.ravel()))


def _load(path: Path, k: int, channels: int, boxes: np.ndarray, uid: str) -> Sample:
    header = _header(path)
    around = (k,) if channels == 1 else (k - 1, k, k + 1)
    wanted = np.clip(around, 0, header.size[2] - 1)
    slab = read_slices(header, int(wanted[0]), int(wanted[-1]) + 1)
    image = Image(slab[wanted - wanted[0]], header.spacing_mm[1::-1], name=f"{uid}_{k}")
    return Sample(image, {"boxes": boxes}, group=uid)
