"""Which DICOM series a user wants, and what their answers are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeAlias

from zoo.common.errors import ConfigError
from zoo.common.files.names import as_file_name
from zoo.common.io.dicom_study import Header

Wanted: TypeAlias = Mapping[str, str | Sequence[str]]
FIELDS = ("modality", "description", "uid")
NAMES = ("path", "series")  # ways to call an answer
PATH, SERIES = NAMES


@dataclass(frozen=True)
class Choice:
    """The wanted values of each field, all of them when empty; descriptions are patterns such as *lung*."""

    modality: tuple[str, ...] = ()
    description: tuple[str, ...] = ()
    uid: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.modality or self.description or self.uid)

    def why_not(self, header: Header | None) -> str:
        """Say why an image is not among the wanted; "" when it is."""
        if not self:
            return ""
        if header is None:
            return "no DICOM, so that nothing says which series it is"
        if self.modality and header.modality.upper() not in {word.upper() for word in self.modality}:
            return f"modality {header.modality or 'not stated'}, asked for {' or '.join(self.modality)}"
        description = header.description.lower()
        if self.description and not any(fnmatchcase(description, pattern.lower()) for pattern in self.description):
            return f"description {header.description!r}, asked for {' or '.join(self.description)}"
        if self.uid and header.series_uid not in self.uid:
            return f"series {header.series_uid or 'without a number'}, asked for {' or '.join(self.uid)}"
        return ""


def choice_of(wanted: Wanted | None) -> Choice:
    """Read {"modality": "CT", "description": "*lung*", "uid": ...}, each a text or several; ConfigError for others."""
    if wanted is None:
        return Choice()
    if not isinstance(wanted, Mapping) or set(wanted) - set(FIELDS):
        raise ConfigError(f"series={wanted!r} given; expected a table with some of {', '.join(FIELDS)}")
    values = {name: (value,) if isinstance(value, str) else tuple(value) for name, value in wanted.items()}
    if not all(isinstance(text, str) and text for texts in values.values() for text in texts):
        raise ConfigError(f"series={wanted!r} given; expected a text, or several, for each of {', '.join(wanted)}")
    return Choice(**values)


def checked_name_by(name_by: str) -> str:
    """Return a known way to call answers; ConfigError for another."""
    if name_by not in NAMES:
        raise ConfigError(f"name_by={name_by!r} given; expected one of {', '.join(NAMES)}")
    return name_by


def series_name(header: Header, is_volume: bool) -> str:
    """Return PatientID/SeriesInstanceUID, and the SOPInstanceUID of a single file, as parts of a path."""
    uids = (header.series_uid,) if is_volume else (header.series_uid, header.instance_uid)
    return "/".join(as_file_name(part or "unknown") for part in (header.patient_id, *uids))
