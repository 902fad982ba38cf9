"""What lies in DICOM files that came together: the series of slices, single images, and what is no image at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.io.dicom import NO_IMAGES

if TYPE_CHECKING:
    from pydicom import Dataset

TAGS = (
    "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SeriesNumber", "SeriesDescription",
    "Modality", "ImageType", "ImagePositionPatient", "NumberOfFrames", "Rows", "Columns",
)  # fmt: skip
LOCALISERS = ("localizer", "localiser", "scout", "topogram", "surview")  # words of descriptions
SCREENS = ("SCREEN SAVE", "SCREENSHOT", "SCREEN_SAVE")  # words of ImageType


@dataclass(frozen=True)
class Header:
    """What a DICOM file says of itself, "" for what it leaves out.

    position: (x, y, z) of its one slice [mm]; () for pictures without a place and files of several frames.
    why_no_image: the reason why no network should look at it; "" for an image.
    """

    path: Path
    patient_id: str
    study_uid: str
    series_uid: str
    instance_uid: str
    number: str
    description: str
    modality: str
    position: tuple[float, ...]
    why_no_image: str


@dataclass(frozen=True)
class Series:
    """The slices of one volume, two at least, sorted by name; or one file that is an image by itself."""

    headers: tuple[Header, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """The files, sorted by path."""
        return tuple(header.path for header in self.headers)

    @property
    def head(self) -> Header:
        """What its first file says; that of the series is alike in all."""
        return self.headers[0]

    @property
    def is_volume(self) -> bool:
        """Whether it is made of slices."""
        return len(self.headers) > 1

    def __str__(self) -> str:
        head = self.head
        told = " ".join(part for part in (head.modality, head.description) if part)
        return f"series {head.number or '?'}{f' ({told})' if told else ''}"


def read_header(path: Path) -> Header | None:
    """Read what a file says of itself; None for one that cannot be read, which says why when it is opened."""
    import pydicom

    try:
        data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(TAGS))
        frames, position = int(data.get("NumberOfFrames") or 1), data.get("ImagePositionPatient")
        return Header(
            path=path,
            patient_id=_text(data, "PatientID"),
            study_uid=_text(data, "StudyInstanceUID"),
            series_uid=_text(data, "SeriesInstanceUID"),
            instance_uid=_text(data, "SOPInstanceUID"),
            number=_text(data, "SeriesNumber"),
            description=_text(data, "SeriesDescription"),
            modality=_text(data, "Modality"),
            position=tuple(float(value) for value in position) if position and frames == 1 else (),
            why_no_image=_why_no_image(data),
        )
    except Exception:  # pydicom raises nearly every type on damaged files
        return None


def group_series(headers: Iterable[Header]) -> list[Series]:
    """Put the slices of each series together; every other image stays by itself.

    Slices of one series that lie in several folders are one volume, unless they repeat each other: then the folders
    hold copies.
    """
    slices: dict[str, dict[Path, list[Header]]] = defaultdict(lambda: defaultdict(list))
    out: list[Series] = []
    for header in headers:
        if header.position and header.series_uid:
            slices[header.series_uid][header.path.parent].append(header)
        else:
            out.append(Series((header,)))
    for folders in slices.values():
        joined = [header for members in folders.values() for header in members]
        is_whole = len(folders) > 1 and not _repeats(joined)
        out += [_series(members) for members in ([joined] if is_whole else folders.values())]
    return sorted(out, key=lambda series: series.files[0])


def _series(headers: Sequence[Header]) -> Series:
    return Series(tuple(sorted(headers, key=lambda header: header.path)))


def _repeats(headers: Sequence[Header]) -> bool:
    """Whether an instance or a place is there twice."""
    uids, places = {header.instance_uid for header in headers}, {header.position for header in headers}
    return min(len(uids), len(places)) < len(headers)


def _why_no_image(data: Dataset) -> str:
    modality, kinds = _text(data, "Modality"), [str(kind).upper() for kind in data.get("ImageType") or ()]
    if modality in (*NO_IMAGES, "RTSTRUCT"):
        return f"{modality}, which describes other images"
    if not data.get("Rows") or not data.get("Columns"):
        return f"{modality or 'DICOM'} without pixels"
    if "LOCALIZER" in kinds:
        return "a localiser"
    description = _text(data, "SeriesDescription").lower()
    if word := next((word for word in LOCALISERS if word in description), ""):
        return f"a localiser, by the word {word!r} in its description"
    if any(kind in SCREENS for kind in kinds):
        return "a picture of a screen"
    return ""


def _text(data: Mapping[str, object] | Dataset, tag: str) -> str:
    value = data.get(tag)
    return "" if value is None else str(value)
