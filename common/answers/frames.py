"""The answer of a network with two tasks: the class of a frame, its tissues, and the share that explains the class."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.answers.classification import Classification
from zoo.common.answers.segmentation import MASKS
from zoo.common.errors import ConfigError
from zoo.common.findings import Finding
from zoo.common.io import file_suffix
from zoo.common.tables import finite_or_none
from zoo.common.types import Row

if TYPE_CHECKING:
    from zoo.common.plotting.sheet import Sheet


@dataclass(frozen=True, eq=False, repr=False)
class ClassifiedSegmentation(Classification):
    """A class for the frame and a tissue for every pixel.

    labels: (h, w) integers, indices into `tissues`. seen: (h, w) bool, the field of view; all of the frame if empty.
    mucosa: the tissue whose share of the field of view is `visible_share`; "" for none.
    """

    tissues: tuple[str, ...] = ()
    labels: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    seen: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), bool))
    mucosa: str = ""

    @property
    def suffix(self) -> str:
        return ".png"

    @property
    def segments(self) -> tuple[np.ndarray, tuple[str, ...]]:
        return self.labels, self.tissues

    def findings(self) -> list[Finding]:
        """Return the probabilities of the classes and the share of each tissue."""
        shares = [Finding(name, {"share": s}, i) for i, (name, s) in enumerate(self.shares.items())]
        return [*super().findings(), *shares]

    def mask(self, name: str) -> np.ndarray:
        """Return where one tissue is, bool in the image's grid."""
        if name not in self.tissues:
            raise ConfigError(f"tissue {name!r} given; expected one of {', '.join(self.tissues)}")
        return self.labels == self.tissues.index(name)

    @property
    def shares(self) -> dict[str, float]:
        """Share of the field of view that each tissue fills; nan where nothing is seen."""
        seen = self.seen if self.seen.size else np.ones(self.labels.shape, bool)
        counts = np.bincount(self.labels[seen].astype(np.int64), minlength=len(self.tissues))
        total = int(seen.sum())
        pairs = zip(self.tissues, counts, strict=True)
        return {name: float(count / total) if total else float("nan") for name, count in pairs}

    @property
    def visible_share(self) -> float:
        """Share of the field of view that shows the mucosa; nan where nothing is seen, or no tissue is the mucosa."""
        return self.shares.get(self.mucosa, float("nan"))

    def to_dict(self) -> dict[str, object]:
        shares = {name: finite_or_none(share) for name, share in self.shares.items()}
        visible = {f"visible_{self.mucosa}": finite_or_none(self.visible_share)} if self.mucosa in self.tissues else {}
        return {**super().to_dict(), "shares": shares, **visible}

    def rows(self) -> list[Row]:
        """Return one row per frame: its class, probabilities and shares."""
        (row,) = super().rows()
        visible: Row = {f"visible_{self.mucosa}": self.visible_share} if self.mucosa in self.tissues else {}
        return [{**row, **visible, **{f"share_{name}": share for name, share in self.shares.items()}}]

    def save(self, path: str | Path) -> Path:
        """Write the mask (.png and volume formats), JSON, CSV or an overlay, as the suffix says; return where."""
        path = Path(path)
        path = path if path.suffix else path.with_name(path.name + self.suffix)
        if file_suffix(path) == ".dcm":
            return self.save_segmentation(path)
        if file_suffix(path) not in MASKS:
            return super().save(path)
        from zoo.common.io.write import write_labels

        path.parent.mkdir(parents=True, exist_ok=True)
        return write_labels(path, self.labels.astype(np.uint8), self.image, self.tissues)

    def sheet(self) -> Sheet:
        from zoo.common.plotting.frames import draw_frame

        return draw_frame(self)

    def __str__(self) -> str:
        seen = f", {self.visible_share:.0%} {self.mucosa} visible" if np.isfinite(self.visible_share) else ""
        return f"{super().__str__()}{seen}"
