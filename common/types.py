"""What flows through the zoo, all NumPy: an image with its place, a labelled sample, the scores of a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

Arrays: TypeAlias = Mapping[str, np.ndarray]
Row: TypeAlias = dict[str, float | str]  # the scores of one case, ready for a CSV
REMARK = "_remark"


@dataclass(frozen=True, eq=False)
class NiftiWorlds:
    """What a NIfTI file says of its place besides the affine of its image, which is the sform's, else the qform's.

    sform_code, qform_code: which world a transform leads to (1 scanner, 2 aligned, 3 Talairach, 4 MNI, 5 template);
    0: the file has no such transform.
    to_qform: (4, 4) world of the affine to world of the qform [mm]. It holds on whatever grid the image is brought.
    units_code: of the file's lengths and times (2: millimetres). is_flat: the file has two axes, not a third of one.
    """

    sform_code: int
    qform_code: int
    to_qform: np.ndarray
    units_code: int = 2
    is_flat: bool = False


@dataclass(frozen=True, eq=False)
class Case:
    """What the comparison of one prediction with its labels gave.

    row: the scores of this case alone, as they stand in cases.csv.
    evidence: what only makes sense when the cases are pooled, such as matched detections or pixels per level; matching
        happens once per case, and every draw of a bootstrap pools it anew.
    """

    row: Row
    evidence: Arrays = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Image:
    """A picture or volume with its place in the world.

    array: (c, h, w) or (c, d, h, w) float32, intensities as stored in the file (0..255 for 8 bit, HU for CT).
    spacing_mm: (h, w) or (d, h, w) size of one pixel [mm]; None when unknown.
    affine: (4, 4) voxel index (x, y, z) to world [mm], counted to the right, the front and above; None when unknown.
    files: what it was read from; slices of a series in the order of the array.
    plane: (3, 3) pixel index (x, y) to the plane [mm] of a picture whose file has two axes, counted as ITK does: to the
    left and the back; None where the file says none, and for others, which have an affine.
    nifti: the other place, and the codes of both, of an image from a NIfTI file; None for other files.
    modality: DICOM's word for how it came about, such as "CT" or "US"; "" when unknown.
    dicom: whose it is and what it belongs to, by the names in `dicom.ORIGIN`; empty for other files.
    prepared: what was done to it before a network saw it, such as the window of a CT; empty for nothing. Names that
    end with REMARK say what speaks against it.
    """

    array: np.ndarray
    spacing_mm: tuple[float, ...] | None = None
    affine: np.ndarray | None = None
    name: str = "image"
    files: tuple[Path, ...] = ()
    nifti: NiftiWorlds | None = None
    modality: str = ""
    dicom: Mapping[str, str] = field(default_factory=dict)
    prepared: Mapping[str, float | str] = field(default_factory=dict)
    plane: np.ndarray | None = None

    @property
    def size(self) -> tuple[int, ...]:
        """(h, w) or (d, h, w)."""
        return tuple(self.array.shape[1:])

    @property
    def doubt(self) -> str:
        """What speaks against how the image was prepared, in words; "" for nothing."""
        return "; ".join(str(told) for name, told in self.prepared.items() if name.endswith(REMARK))

    def __repr__(self) -> str:
        shape = " x ".join(str(n) for n in np.shape(self.array))
        spacing = "unknown" if self.spacing_mm is None else " x ".join(f"{s:g}" for s in self.spacing_mm) + " mm"
        return f"<Image {self.name!r}: {shape}, pixel size {spacing}>"


@dataclass(frozen=True, eq=False)
class Sample:
    """An image with its labels; the keys of `labels` are those of `Algorithm.labels`, see labels.py.

    group: what must not cross splits (patient, examination); the image name when unknown.
    files: where labels were read from, by their key, as far as known.
    """

    image: Image
    labels: Arrays = field(default_factory=dict)
    group: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {np.shape(value)}" for name, value in self.labels.items())
        return f"<Sample of {self.image!r}: {shapes or 'no labels'}>"
