"""A folder of DICOM slices as one volume, or an InputError that lists what does not belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io.dicom import is_dicom, modality_of, open_dicom, origin_of
from zoo.common.io.dicom_frames import plane_of
from zoo.common.io.dicom_stack import Plane, listed, stack
from zoo.common.io.dicom_values import values_of
from zoo.common.io.images import check_size
from zoo.common.io.voxels import checked_spacing
from zoo.common.types import Image

if TYPE_CHECKING:
    from pydicom import Dataset

    from zoo.common.io.dicom import Known

SUFFIXES = (".dcm", ".dicom", ".ima")
INDEX = "DICOMDIR"  # lists the files of a disc and holds no image
NEEDED = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")


def dicom_files(folder: Path) -> list[Path]:
    """List the DICOM files of a folder, sorted by name: known by suffix, or by content where there is none."""
    files = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return sorted(p for p in files if p.name != INDEX and (p.suffix.lower() in SUFFIXES or _is_unnamed_dicom(p)))


def _is_unnamed_dicom(path: Path) -> bool:
    """Whether content says DICOM where the name says nothing, also if it ends like "1.2.840.17"."""
    return (not path.suffix or path.suffix[1:].isdigit()) and is_dicom(path)


def read_series(folder: Path) -> Image:
    """Read all DICOM files of a folder as one volume (1, d, h, w), sorted along the normal of the slices.

    Every slice is rescaled by its own slope. Mixed series, sizes, directions, missing or repeated slices and tilted
    gantries are refused with a list.
    """
    files = dicom_files(folder)
    if not files:
        raise InputError(
            f"{folder.name}: a folder without DICOM files given; expected one image file, or one DICOM series"
        )
    return read_slices(files, folder.name)


def read_slices(files: Sequence[Path], name: str) -> Image:
    """Read the files of one series as one volume, see `read_series`; their names need not follow their places."""
    known: Known = {}
    slices = [_open_slice(path, known) for path in files]
    _refuse_mixed_series(slices, files, name)
    planes = _planes(slices, files, name)
    if len(planes) == 1:
        raise InputError(f"{name}: one slice given; expected a series. Give the file itself.")
    check_size((len(slices), slices[0].Rows, slices[0].Columns), name)
    order, affine = stack(planes, name)
    array = np.empty((1, len(order), slices[0].Rows, slices[0].Columns), np.float32)
    modality, origin = modality_of(slices[0]), origin_of(slices[0])
    origin.pop("instance_uid", None)  # of one slice
    for i, slice_number in enumerate(order):
        array[0, i] = _decoded(slices[slice_number], files[slice_number])
        slices[slice_number].clear()  # its pixels are not needed twice
    sorted_files = tuple(files[i] for i in order)
    spacing = checked_spacing(affine, name)
    return Image(
        array, spacing_mm=spacing, affine=affine, name=name, files=sorted_files, modality=modality, dicom=origin
    )


def _open_slice(path: Path, known: Known) -> Dataset:
    try:
        return open_dicom(path, known)
    except InputError:
        raise
    except Exception as error:  # pydicom raises nearly every type on damaged files
        raise InputError(f"{path.name}: cannot be read as DICOM ({error}); expected a whole file") from error


def _decoded(data: Dataset, path: Path) -> np.ndarray:
    if int(data.get("SamplesPerPixel") or 1) != 1:
        raise InputError(f"{path.name}: colours in a series of slices; expected grey ones")
    try:
        return values_of(data)
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error
    except Exception as error:  # decoders raise nearly every type on damaged files
        raise InputError(f"{path.name}: pixels are damaged or cut short ({error}); expected a whole file") from error


def _refuse_mixed_series(slices: Sequence[Dataset], files: Sequence[Path], name: str) -> None:
    kinds: dict[str, list[int]] = defaultdict(list)
    for i, data in enumerate(slices):
        kinds[str(data.get("SeriesInstanceUID"))].append(i)
    if len(kinds) == 1:
        return
    found = [
        f"{len(members)} of series {slices[members[0]].get('SeriesNumber')} "
        f"({slices[members[0]].get('SeriesDescription') or slices[members[0]].get('Modality')}), "
        f"such as {files[members[0]].name}"
        for members in sorted(kinds.values(), key=len, reverse=True)
    ]
    raise InputError(f"{name}: {len(kinds)} series given: {listed(found)}; expected one. Move the others apart.")


def _planes(slices: Sequence[Dataset], files: Sequence[Path], name: str) -> list[Plane]:
    planes, bare = [], []
    for data, path in zip(slices, files, strict=True):
        plane = plane_of(data, path.name)
        if plane is None or int(data.get("NumberOfFrames") or 1) > 1:
            bare.append(f"{path.name}: {', '.join(tag for tag in NEEDED if not data.get(tag)) or 'several frames'}")
        else:
            planes.append(plane)
    if bare:
        raise InputError(f"{name}: {len(bare)} of {len(files)} files do not say where they lie ({listed(bare)}); "
                         "expected slices with these tags")  # fmt: skip
    return planes
