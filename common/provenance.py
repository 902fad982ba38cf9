"""Which weights of which algorithm gave an answer, and the codes by which others know its classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Code:
    """A concept of a terminology; scheme: SCT is SNOMED CT, DCM DICOM's own, 99... private."""

    value: str
    meaning: str
    scheme: str = "SCT"


@dataclass(frozen=True)
class Kind:
    """What a class is, such as a morphologically abnormal structure (category), a nodule (type)."""

    category: Code
    type: Code


@dataclass(frozen=True, eq=False)
class Provenance:
    """What answered; empty texts where it is unknown.

    checkpoint: its name in the registry, or that of its file. sha256: of the weight file that was loaded.
    version: of the zoo. kinds: by the name of a class, as far as the registry has a code.
    """

    algorithm: str = ""
    checkpoint: str = ""
    sha256: str = ""
    version: str = ""
    framework: str = ""
    device: str = ""
    kinds: Mapping[str, Kind] = field(default_factory=dict)

    def to_dict(self) -> dict[str, str]:
        """Return what is told of it, as plain text."""
        names = ("algorithm", "checkpoint", "sha256", "version", "framework", "device")
        return {name: str(getattr(self, name)) for name in names}


UNKNOWN = Provenance()
