"""The images of a folder with all its levels: links are followed, and what cannot be reached is listed, too."""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo.common.datasets.folders import is_clutter, without_suffix
from zoo.common.datasets.mask_names import images_beside, masks_beside
from zoo.common.errors import InputError
from zoo.common.files.output_folder import is_run, written_files
from zoo.common.io import SUFFIXES, file_suffix, read_image, read_volume
from zoo.common.io.dicom_series import INDEX, dicom_files
from zoo.common.io.dicom_study import Header, Series, group_series, read_header
from zoo.common.types import Image

UNREAD = (  # suffixes of images, films and archives for which there is no reader; pairs count by their voxels
    ".img", ".nhdr", ".mgz", ".mgh", ".mnc", ".gipl", ".vtk", ".par", ".svs", ".ndpi", ".mrxs", ".scn", ".czi", ".lif",
    ".nd2", ".vsi", ".gif", ".webp", ".jp2", ".j2k", ".heic", ".avif", ".npz", ".mp4", ".avi", ".mov", ".zip", ".7z",
    ".rar", ".tar", ".tgz",
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """One image that can be read.

    path: a file, or a folder that holds nothing but one series. slices: the files of a series that shares its folder.
    header: what its first DICOM file says; None for other formats.
    """

    name: str
    path: Path
    slices: tuple[Path, ...] = ()
    header: Header | None = None
    is_volume: bool = False  # made of DICOM slices

    def read(self, spacing_mm: tuple[float, ...] | None) -> Image:
        """Read it from its files."""
        return read_volume(self.slices, self.name, spacing_mm) if self.slices else read_image(self.path, spacing_mm)


@dataclass
class Listing:
    """The images of a place, and what else lies there: path and the reason why it was left out."""

    found: list[Found] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def list_images(folder: Path) -> Listing:
    """List the images of a folder and its subfolders, sorted by name.

    The slices of each DICOM series are one image. It is called by its folder, with the number of the series where
    several share one. Objects that are no image of a patient (SEG, SR, contours, localisers) are left out, with a
    reason. Links to folders are followed, each folder counts once. Dead links and folders that may not be opened are
    listed as well: reading them says what is wrong. What earlier runs of the zoo wrote is left out, and so are folders
    of trainings; images of formats without a reader are, with a reason.
    """
    listing, dicom, unread, written = Listing(), list[Path](), list[Path](), set[Path]()
    for place in folders_below(folder):
        written |= written_files(place)
        try:
            files = [path for path in sorted(place.iterdir()) if not is_clutter(path) and not path.is_dir()]
            slices = [path for path in dicom_files(place) if not is_clutter(path)]
        except OSError:
            listing.found.append(Found(str(place), place))
            continue
        known = set(slices)
        dicom += slices
        unread += [path for path in files if path not in known and file_suffix(path) in UNREAD]
        listing.found += [Found(str(path), path) for path in files if path not in known and _may_be_image(path)]
    dicom = [path for path in dicom if path not in written]
    listing.found = [found for found in listing.found if found.path not in written]
    listing.left_out = [(str(path), _no_reader(path)) for path in unread if path not in written]
    return without_masks(_with_series(listing, dicom))


def without_masks(listing: Listing) -> Listing:
    """Leave out masks that lie beside the image that they belong to, or in a folder beside one of images."""
    homes: dict[Path, dict[str, Path]] = defaultdict(dict)
    for found in listing.found:
        if os.path.isfile(found.path):
            homes[found.path.parent][without_suffix(found.path.name)] = found.path
    masks = dict[Path, str]()
    for home, names in homes.items():
        if (images := images_beside(home)) is not None:
            masks |= dict.fromkeys(names.values(), f"a mask by its folder, beside {images.name}/")
        else:
            masks |= {
                names[name]: f"a mask by its name, of {names[of].name}" for name, of in masks_beside(names).items()
            }
    kept = [found for found in listing.found if found.path not in masks]
    left_out = [(found.name, masks[found.path]) for found in listing.found if found.path in masks]
    return Listing(kept, listing.left_out + left_out)


def list_index(index: Path) -> Listing:
    """List the images that a DICOMDIR names, like those of a folder."""
    import pydicom

    try:
        records = pydicom.dcmread(index).DirectoryRecordSequence
        parts = [record.ReferencedFileID for record in records if record.get("ReferencedFileID")]
    except Exception as error:  # pydicom raises nearly every type on damaged files
        raise InputError(
            f"{index}: cannot be read as the list of a DICOM disc ({error}); give its folder instead"
        ) from error
    return _with_series(Listing(), [index.parent.joinpath(*([p] if isinstance(p, str) else p)) for p in parts])


def is_index(path: Path) -> bool:
    """Whether the file lists a DICOM disc."""
    return path.name.upper() == INDEX and path.is_file()


def folder_images(folder: Path) -> list[Path]:
    """List where the images of a folder lie; a folder stands for the DICOM series that it holds."""
    return sorted(found.path for found in list_images(folder).found)


def folders_below(folder: Path) -> Iterator[Path]:
    """Yield a folder and those below it that are not hidden, each once; linked ones after all others."""
    waiting, links = deque([folder]), deque[Path]()
    seen: set[tuple[int, int]] = set()
    while waiting or links:
        place = (waiting or links).popleft()
        identity = place.stat()
        if (identity.st_dev, identity.st_ino) in seen:
            continue
        seen.add((identity.st_dev, identity.st_ino))
        yield place
        for child in _children(place):
            (links if child.is_symlink() else waiting).append(child)


def _with_series(listing: Listing, files: Sequence[Path]) -> Listing:
    """Add DICOM files to a listing, series by series."""
    headers = {path: read_header(path) for path in files}
    images: list[Header] = []
    for path, header in headers.items():
        if header is not None and header.why_no_image:
            listing.left_out.append((str(path), header.why_no_image))
        elif header is not None:
            images.append(header)
    series = group_series(images)
    broken = [path for path, header in headers.items() if header is None]
    volumes = [one for one in series if one.is_volume]
    listing.found += _volumes(volumes, files, broken)
    owned = {path for found in listing.found for path in (found.slices or [found.path])}
    singles = [(one.files[0], one.head) for one in series if not one.is_volume]
    listing.found += [Found(str(path), path, header=header) for path, header in singles]
    listing.found += [Found(str(path), path) for path in broken if not {path, path.parent} & owned]
    listing.found.sort(key=lambda found: Path(found.name))
    return listing


def _volumes(volumes: Sequence[Series], files: Sequence[Path], broken: Sequence[Path]) -> list[Found]:
    """Name each volume by its folder, and read the folder as a whole where it holds nothing else."""
    homes: dict[Path, list[Series]] = defaultdict(list)
    for series in volumes:
        homes[Path(os.path.commonpath([path.parent for path in series.files]))].append(series)
    lying: dict[Path, set[Path]] = defaultdict(set)
    for path in files:
        lying[path.parent].add(path)
    out = []
    for home, members in homes.items():
        numbers = [series.head.number for series in members]
        for series in members:
            if len(members) > 1:
                number = series.head.number
                mark = number if number and numbers.count(number) == 1 else series.head.series_uid
                out.append(Found(str(home / f"series_{mark}"), series.files[0], series.files, series.head, True))
                continue
            lost = [path for path in broken if path.parent == home]  # slices that the only series here lacks
            is_all = set(series.files) <= lying[home] <= {*series.files, *lost}
            slices = () if is_all else (*series.files, *lost)
            out.append(Found(str(home), home, slices, series.head, True))
    return out


def _children(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:  # whoever reads the folder says so
        return []
    below = [folder / name for name in names if not is_clutter(Path(name))]
    return [path for path in below if path.is_dir() and not is_run(path)]


def _no_reader(path: Path) -> str:
    return f"{file_suffix(path)} files are not read; convert it, to NIfTI or PNG for example"


def _may_be_image(path: Path) -> bool:
    """Whether the name is one of an image, or of a dead link that could have been one."""
    return file_suffix(path) in SUFFIXES or (not path.suffix and path.is_symlink() and not path.exists())
