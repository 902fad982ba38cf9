"""The answer: where the lesion is, and the slice without it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from zoo.common.answers.localisation import Localisation
from zoo.common.errors import ConfigError
from zoo.common.io import file_suffix

if TYPE_CHECKING:
    from zoo.common.plotting.sheet import Sheet

What = Literal["mask", "map", "healthy", "lesion"]


@dataclass(frozen=True, eq=False, repr=False)
class Repainted(Localisation):
    """A localisation with the slice as the generator would have it.

    healthy: (h, w) the slice without the finding, 0..255. lesion: (h, w) what was added to it, in the same greys.
    """

    healthy: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    lesion: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    def save(self, path: str | Path, what: What | None = None) -> Path:
        """Write one of the pictures; without `what` as every localisation does, the suffix says which.

        what: mask; map; healthy, the slice; lesion. As .png of 8 bits, or as .npy with the numbers.
        """
        if what is None or what == "mask":
            return super().save(path)
        path = self._with_suffix(path, ".png")
        suffix = file_suffix(path)
        pictures = {"map": self.heat_map, "healthy": self.healthy, "lesion": self.lesion}
        if what not in pictures or suffix not in (".png", ".npy"):
            known = ", ".join(("mask", *pictures))
            raise ConfigError(f"{path}, what={what!r} given; expected .png or .npy, and one of {known}")
        values = np.asarray(pictures[what], np.float32)
        if suffix == ".npy":
            from zoo.common.io.write import write_map

            return self._write(path, lambda staged: write_map(staged, values, self.image))
        greys = np.rint((values * 255 if what == "map" else values).clip(0, 255)).astype(np.uint8)
        return self._write(path, lambda staged: _write_grey(staged, greys))

    def sheet(self) -> Sheet:
        from .drawing import draw_repainted

        return draw_repainted(self)


def _write_grey(path: Path, greys: np.ndarray) -> None:
    from PIL import Image as Pillow

    Pillow.fromarray(greys).save(path, "PNG")
