"""The two things that flow through the zoo: an image and a labelled sample, both NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

Arrays: TypeAlias = Mapping[str, np.ndarray]
Row: TypeAlias = dict[str, float | str]  # the scores of one case, ready for a CSV


@dataclass(frozen=True, eq=False)
class Image:
    """A picture or volume with its place in the world.

    array: (c, h, w) or (c, d, h, w) float32, intensities as stored in the file (0..255 for 8 bit, HU for CT).
    spacing_mm: (h, w) or (d, h, w) size of one pixel [mm]; None when unknown.
    affine: (4, 4) voxel index (x, y, z) to world [mm], counted to the right, the front and above; None when unknown.
    files: what it was read from; slices of a series in the order of the array.
    """

    array: np.ndarray
    spacing_mm: tuple[float, ...] | None = None
    affine: np.ndarray | None = None
    name: str = "image"
    files: tuple[Path, ...] = ()

    @property
    def size(self) -> tuple[int, ...]:
        """(h, w) or (d, h, w)."""
        return tuple(self.array.shape[1:])

    def __repr__(self) -> str:
        shape = " x ".join(str(n) for n in np.shape(self.array))
        spacing = "unknown" if self.spacing_mm is None else " x ".join(f"{s:g}" for s in self.spacing_mm) + " mm"
        return f"<Image {self.name!r}: {shape}, pixel size {spacing}>"


@dataclass(frozen=True, eq=False)
class Sample:
    """An image with its labels; the keys of `labels` are fixed by the task, see tasks.py.

    group: what must not cross splits (patient, examination); the image name when unknown.
    """

    image: Image
    labels: Arrays = field(default_factory=dict)
    group: str = ""

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {np.shape(value)}" for name, value in self.labels.items())
        return f"<Sample of {self.image!r}: {shapes or 'no labels'}>"
