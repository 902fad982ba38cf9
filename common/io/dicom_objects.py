"""What all DICOM objects that the zoo writes share: the images they come from, the program, codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeAlias

from zoo.common.errors import ConfigError, InputError
from zoo.common.files.names import digest_of
from zoo.common.io.dicom import is_dicom, open_dicom
from zoo.common.io.dicom_frames import frame_order
from zoo.common.provenance import Code, Provenance
from zoo.common.quiet import quiet
from zoo.common.types import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

Hide: TypeAlias = Callable[["Dataset"], "Dataset"]  # takes names out of a source image before an object is made of it

PRODUCT = "openmedia-zoo"
EMPTY_IF_MISSING = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
CODE_SCHEME = "99OPENMEDIAZOO"  # 99: a private scheme, for names that are not in a public one
ANATOMY = Code("91723000", "Anatomical Structure")
INTELLIGENCE = Code("123110", "Artificial Intelligence", "DCM")
ONE_PART = r"The string .* is unlikely to represent the intended person name"  # many hospitals write names so
LONGEST = 64  # characters of a text in a DICOM object
SEGMENTATION, REPORT, CAPTURE, STRUCTURES = (
    1000,
    2000,
    3000,
    4000,
)  # added to the number of the series that an object is about
INSTEAD = {
    "DICOM-SEG": "Write .nii.gz instead.",
    "DICOM SR": "Write .json instead.",
    "DICOM capture": "Write .png.",
    "DICOM RTSTRUCT": "Write .nii.gz instead.",
}


def highdicom(what: str) -> Any:
    """Import the library that makes DICOM objects; ConfigError where it is missing."""
    try:
        import highdicom
    except ImportError as error:
        raise ConfigError(
            f"{what} asked for, highdicom is not installed; run: pip install openmedia-zoo[dicom]"
        ) from error
    return highdicom


def sources_of(image: Image, what: str, hide: Hide | None = None) -> list[Dataset]:
    """Open the DICOM files of an image in the order of its slices; InputError where it came from none."""
    if not image.files or not all(file.is_file() and is_dicom(file) for file in image.files):
        raise InputError(
            f"{image.name}: not read from DICOM files that are still there; expected these for a {what}. "
            f"{INSTEAD[what]}"
        )
    sources = [_with_patient(open_dicom(file)) for file in image.files]
    return sources if hide is None else [hide(data) for data in sources]


def slice_places(image: Image, sources: Sequence[Dataset]) -> list[tuple[Dataset, int | None]]:
    """Return in which source, and which of its frames from 1 on, each slice of the image is."""
    if len(sources) > 1:
        return [(data, None) for data in sources]
    (data,) = sources
    if "NumberOfFrames" not in data:
        return [(data, None)]
    order, _ = frame_order(data, image.name)
    return [(data, frame + 1) for frame in order]


def program(image: Image, sources: Sequence[Dataset], made_by: Provenance, offset: int) -> dict[str, Any]:
    """Return what every object says of the series that it begins, and of the program."""
    hd = highdicom("DICOM")
    number = str(sources[0].get("SeriesNumber") or "0")
    return {
        "series_instance_uid": hd.UID(),
        "series_number": offset + (int(number) if number.isdigit() else 0),
        "sop_instance_uid": hd.UID(),
        "instance_number": 1,
        "manufacturer": PRODUCT,
        "manufacturer_model_name": (made_by.algorithm or PRODUCT)[:LONGEST],
        "software_versions": made_by.version or version(PRODUCT),
        "device_serial_number": made_by.sha256[:16] or "0",
    }


def dated(made: Dataset, description: str) -> Dataset:
    """Say when the series of an object was made, and what it is."""
    now = datetime.now()
    made.SeriesDate, made.SeriesTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    made.SeriesDescription = description[:LONGEST]
    return made


def algorithm_name(made_by: Provenance) -> str:
    """Name algorithm and checkpoint."""
    return " ".join(part for part in (made_by.algorithm or PRODUCT, made_by.checkpoint) if part)[:LONGEST]


def parameters(made_by: Provenance) -> dict[str, str]:
    """Name the weights so that they can be told from others."""
    pairs = {"checkpoint": made_by.checkpoint, "sha256": made_by.sha256, "framework": made_by.framework}
    return {name: value for name, value in pairs.items() if value}


def coded(code: Code) -> Any:
    """Return a code as highdicom takes it."""
    return highdicom("DICOM").sr.CodedConcept(code.value, code.scheme, code.meaning[:LONGEST])


def private(name: str) -> Code:
    """Return a code of the zoo's own for a name that has none in a public scheme."""
    return Code(digest_of(name).upper(), name, CODE_SCHEME)


def kind_of(name: str, made_by: Provenance) -> tuple[Code, Code]:
    """Return category and type of a class: those of the registry, else a private one."""
    kind = made_by.kinds.get(name)
    return (kind.category, kind.type) if kind is not None else (ANATOMY, private(name))


@contextmanager
def told_plainly(image: Image, what: str) -> Iterator[None]:
    """Turn what is missing in the source images into an InputError; a name of one part is no news to anybody."""
    try:
        with quiet(UserWarning, ONE_PART):
            yield
    except (AttributeError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{image.name}: its DICOM files lack what a {what} refers to ({error}). {INSTEAD[what]}"
        ) from error


def _with_patient(data: Dataset) -> Dataset:
    """Add those tags without a value that a file may leave out and a DICOM object may not."""
    for tag in EMPTY_IF_MISSING:
        if tag not in data:
            setattr(data, tag, "")
    return data
