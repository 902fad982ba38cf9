"""What every answer has: its image, plain values, rows, a picture, files."""

from __future__ import annotations

import io
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import ConfigError
from zoo.common.tables import write_csv
from zoo.common.types import Image, Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image as Picture

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".pdf", ".svg")


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(ABC):
    """The answer for one image, in the image's own frame.

    out_of_scope: in which respects the image is unlike those of the training; empty when it is like them.
    """

    image: Image
    out_of_scope: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def suffix(self) -> str:
        """File type that save() writes when the path has none."""
        return ".json"

    @abstractmethod
    def to_dict(self) -> dict[str, object]:
        """Return plain Python values, ready for JSON."""

    @abstractmethod
    def rows(self) -> list[Row]:
        """Return one flat row per finding, ready for a CSV."""

    def table(self) -> list[Row]:
        """Return the rows with a column that says in which respects the image is out of scope, "" for none."""
        return [{**row, "out_of_scope": "; ".join(self.out_of_scope)} for row in self.rows()]

    @abstractmethod
    def figure(self) -> Figure:
        """Draw the prediction over the image."""

    def save(self, path: str | Path) -> Path:
        """Write JSON, CSV or an overlay, as the suffix says; return where."""
        path = Path(path)
        path = path if path.suffix else path.with_suffix(self.suffix)
        suffix = path.suffix.lower()
        if suffix not in (".json", ".csv", *PICTURE_SUFFIXES):
            raise ConfigError(f"{path}: suffix {path.suffix!r} given; expected .json, .csv or {PICTURE_SUFFIXES}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if suffix == ".json":
            path.write_text(json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n", encoding="utf-8")
        elif suffix == ".csv":
            write_csv(path, self.table())
        else:
            self.draw(path)
        return path

    def draw(self, path: str | Path) -> Path:
        """Write the overlay as a picture; return where."""
        path = Path(path)
        path = path if path.suffix else path.with_suffix(".png")
        if path.suffix.lower() not in PICTURE_SUFFIXES:
            raise ConfigError(f"{path}: suffix {path.suffix!r} given; expected one of {', '.join(PICTURE_SUFFIXES)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._annotated().savefig(path)
        return path

    def plot(self, path: str | Path | None = None) -> Picture:
        """Return the overlay as a Pillow picture; also write it when a path is given."""
        from PIL import Image as Pillow

        if path is not None:
            self.draw(path)
        return Pillow.open(io.BytesIO(self._repr_png_()))

    def _repr_png_(self) -> bytes:
        """Show the overlay in notebooks."""
        buffer = io.BytesIO()
        self._annotated().savefig(buffer, format="png")
        return buffer.getvalue()

    def _annotated(self) -> Figure:
        """Draw the prediction, with a note where the image is out of scope."""
        from zoo.common.plotting import write_note

        figure = self.figure()
        if self.out_of_scope:
            write_note(figure, f"out of scope: {'; '.join(self.out_of_scope)}")
        return figure

    def _head(self) -> dict[str, object]:
        spacing = self.image.spacing_mm
        return {
            "name": self.image.name,
            "size": [int(n) for n in self.image.size],
            "spacing_mm": None if spacing is None else [float(s) for s in spacing],
            "out_of_scope": list(self.out_of_scope),
        }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"
