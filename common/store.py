"""Images and labels in one HDF5 file, read slice by slice, slab by slab or patch by patch, never as a whole.

The file holds one group per case: `image` (c, *size) and labels, chunked and compressed without loss; attributes say
name, group, split, spacing and affine. A stored array is a Source of tiling.py: windows are cut straight from the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import numpy as np

from zoo.common.datasets import Dataset, Record
from zoo.common.errors import DataError
from zoo.common.tiling import Size, read_window
from zoo.common.types import Image, NiftiWorlds, Sample

FORMAT = "openmedia-zoo store 1"
CHUNK = 64  # side of a chunk; of 300 x 512 x 512, a patch of 64^3 touches at most 45 of 1216 chunks, a slice 64
DEEP = 16  # side along the first axis of a volume, across which slices are read one at a time


def h5py_module() -> ModuleType:
    """Import h5py, or say how to get it."""
    try:
        import h5py
    except ImportError as error:
        raise DataError("HDF5 files need h5py, which is not installed; pip install 'openmedia-zoo[hdf5]'") from error
    return h5py


@dataclass(frozen=True)
class Entry:
    """What is known about a case without reading a voxel."""

    name: str
    group: str
    split: str
    shape: tuple[int, ...]  # (c, *size)
    spacing_mm: tuple[float, ...] | None
    labels: tuple[str, ...]


def write_store(path: str | Path, dataset: Dataset, half: bool = False) -> Path:
    """Write every case of a data set; one at a time is in memory.

    half: store images as float16, half the bytes for a relative error of 5e-4; refused beyond its range.
    """
    path = Path(path)
    names = [record.name for record in dataset.records]
    if len(set(names)) < len(names):
        raise DataError(f"{dataset.origin}: {len(names) - len(set(names))} cases share a name; expected one each")
    with h5py_module().File(path, "w") as file:
        file.attrs["format"], file.attrs["classes"] = FORMAT, list(dataset.classes)
        for number, record in enumerate(dataset.records):
            # numbered, because names may hold slashes
            _write_case(file.create_group(f"{number:06d}"), record, record.load(), half)
    return path


class Store:
    """An open store; use it in a with-statement. Threads may share it, processes open their own."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        h5py = h5py_module()
        try:
            self.file = h5py.File(self.path, "r")
        except OSError as error:
            raise DataError(f"{self.path}: no HDF5 file ({error}); expected one made by write_store()") from error
        if self.file.attrs.get("format") != FORMAT:
            self.file.close()
            raise DataError(f"{self.path}: not written by write_store(); expected format {FORMAT!r}")
        self.classes = tuple(str(name) for name in self.file.attrs["classes"])
        self.entries = tuple(_entry(self.file[key]) for key in sorted(self.file))
        self.keys = {entry.name: key for entry, key in zip(self.entries, sorted(self.file), strict=True)}

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def __reduce__(self) -> tuple[type[Store], tuple[Path]]:
        """Open the file anew in the process that a data set of it was sent to."""
        return Store, (self.path,)

    def source(self, name: str, key: str = "image") -> Any:
        """Return an array of a case without reading it: (c, *size) for `image`; slices of it are read when taken."""
        try:
            return self.file[self.keys[name]][key]
        except KeyError as error:
            known = ", ".join(list(self.keys)[:4])
            raise DataError(f"{self.path}: no {key!r} of {name!r}; it holds {len(self.keys)} cases: {known}") from error

    def read_slice(self, name: str, index: int, axis: int = 0, key: str = "image") -> np.ndarray:
        """Read one slice of a volume across an axis, (c, h, w); of a label (h, w)."""
        return self.read_slab(name, index, index + 1, axis, key).take(0, axis=axis + (key == "image"))

    def read_slab(self, name: str, start: int, stop: int, axis: int = 0, key: str = "image") -> np.ndarray:
        """Read the slices start ... stop - 1 across an axis."""
        source = self.source(name, key)
        place = [slice(None)] * source.ndim
        place[axis + (key == "image")] = slice(start, stop)
        return np.asarray(source[tuple(place)])

    def read_thick_slice(self, name: str, index: int, neighbours: int = 1, axis: int = 0) -> np.ndarray:
        """Read a slice with its neighbours as channels (2.5D), (c * (2 neighbours + 1), h, w), mirrored at the ends."""
        source = self.source(name)
        start, window = [0] * (source.ndim - 1), list(source.shape[1:])
        start[axis], window[axis] = index - neighbours, 2 * neighbours + 1
        slab = np.moveaxis(read_window(source, start, tuple(window)), axis + 1, 1)
        return slab.reshape(-1, *slab.shape[2:])

    def read_patch(self, name: str, start: Sequence[int], size: Size, key: str = "image") -> np.ndarray:
        """Read a window, mirrored beyond the borders, (c, *size); of a label (*size)."""
        source = self.source(name, key)
        if key == "image":
            return np.array(read_window(source, start, size))
        return np.array(read_window(_Plane(source), start, size))[0]

    def sample(self, name: str) -> Sample:
        """Read a whole case."""
        case = self.file[self.keys[name]]
        entry = _entry(case)
        affine = np.array(case.attrs["affine"]) if "affine" in case.attrs else None
        name, worlds = case.attrs["image_name"], None
        if "nifti_to_qform" in case.attrs:
            sform_code, qform_code, units_code = (int(code) for code in case.attrs["nifti_codes"])
            worlds = NiftiWorlds(sform_code, qform_code, np.array(case.attrs["nifti_to_qform"]), units_code)
        image = Image(np.asarray(case["image"], np.float32), entry.spacing_mm, affine, name, nifti=worlds)
        return Sample(image, {key: np.asarray(case[key]) for key in entry.labels}, entry.group)

    def dataset(self) -> Dataset:
        """List the cases as a data set that reads from here."""
        records = (
            Record(e.name, e.split, e.group, partial(self.sample, e.name), (self.path,), part)
            for part, e in enumerate(self.entries)
        )
        return Dataset(records, str(self.path), self.classes)


class _Plane:
    """A label as a source with one channel."""

    def __init__(self, source: Any) -> None:
        self.source, self.shape = source, (1, *source.shape)

    def __getitem__(self, index: Any) -> np.ndarray:
        return np.asarray(self.source[index[1:]])[None]


def read_entries(path: str | Path) -> Iterable[Entry]:
    """List what a store holds without reading a voxel."""
    with Store(path) as store:
        return store.entries


def iterate_slices(store: Store, axis: int = 0) -> Iterator[tuple[str, int]]:
    """Name every slice of every volume: case and index."""
    for entry in store.entries:
        for index in range(entry.shape[1 + axis]):
            yield entry.name, index


def _write_case(case: Any, record: Record, sample: Sample, half: bool) -> None:
    image = sample.image
    array = image.array
    if half:
        if np.abs(array).max(initial=0) > np.finfo(np.float16).max:
            raise DataError(f"{record.name}: values beyond 65504 do not fit float16; write_store(..., half=False)")
        array = array.astype(np.float16)
    case.attrs.update({"name": record.name, "group": record.group, "split": record.split, "image_name": image.name})
    if image.spacing_mm is not None:
        case.attrs["spacing_mm"] = image.spacing_mm
    if image.affine is not None:
        case.attrs["affine"] = image.affine
    if image.nifti is not None:
        codes = (image.nifti.sform_code, image.nifti.qform_code, image.nifti.units_code)
        case.attrs.update({"nifti_codes": codes, "nifti_to_qform": image.nifti.to_qform})
    _write_array(case, "image", array, channels=1)
    for key, label in sample.labels.items():
        _write_array(case, key, np.asarray(label), channels=0)


def _write_array(case: Any, key: str, array: np.ndarray, channels: int) -> None:
    if array.ndim - channels < 2 or array.size == 0:  # numbers and short tables
        case.create_dataset(key, data=array)
        return
    sides = array.shape[channels:]
    chunk = [min(n, CHUNK) for n in sides]
    if len(sides) == 3:
        chunk[0] = min(sides[0], DEEP)
    chunks = (*array.shape[:channels], *chunk)
    case.create_dataset(key, data=array, chunks=chunks, compression="gzip", compression_opts=1, shuffle=True)


def _entry(case: Any) -> Entry:
    spacing = tuple(float(s) for s in case.attrs["spacing_mm"]) if "spacing_mm" in case.attrs else None
    labels = tuple(sorted(key for key in case if key != "image"))
    name, group, split = (str(case.attrs[key]) for key in ("name", "group", "split"))
    return Entry(name, group, split, tuple(case["image"].shape), spacing, labels)
