"""What every answer has: its image, plain values, rows, a picture, files."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.errors import ConfigError
from zoo.common.files.names import as_utf8, printable
from zoo.common.files.outputs import json_text, user_path, write_text, write_whole
from zoo.common.findings import Finding
from zoo.common.provenance import UNKNOWN, Provenance
from zoo.common.tables import Table, data_frame, write_csv
from zoo.common.types import Image, Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame
    from PIL.Image import Image as Picture

    from zoo.common.io.dicom_objects import Hide
    from zoo.common.plotting.sheet import Sheet

RASTER = (".png", ".jpg", ".jpeg")
PICTURE_SUFFIXES = (*RASTER, ".pdf", ".svg")


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(ABC):
    """The answer for one image, in the image's own frame.

    out_of_scope: in which respects the image is unlike those of the training; empty when it is like them.
    made_by: which weights answered.
    """

    image: Image
    out_of_scope: tuple[str, ...] = field(default=(), kw_only=True)
    made_by: Provenance = field(default=UNKNOWN, kw_only=True)

    @property
    def name(self) -> str:
        """Name of the image, as UTF-8 can hold it."""
        return as_utf8(self.image.name)

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

    def findings(self) -> list[Finding]:
        """Return what a report tells: things of a class with their measurements and places."""
        return []

    @property
    def segments(self) -> tuple[np.ndarray, tuple[str, ...]] | None:
        """Class of each pixel in the image's grid, and the classes, the background first; None without a mask."""
        return None

    def save_segmentation(self, path: str | Path, hide: Hide | None = None) -> Path:
        """Write the mask as DICOM-SEG with the codes of its classes, and what answered; return where.

        hide: takes names out of the source images before anything is copied from them.
        """
        from zoo.common.io.dicom_seg import write_segmentation
        from zoo.common.io.write import checked_labels

        if (found := self.segments) is None:
            raise ConfigError(
                f"{self.name}: {type(self).__name__} has no mask for a DICOM-SEG; save_report() has it all"
            )
        labels, classes = checked_labels(found[0], self.image, found[1]), found[1]
        return self._write(
            self._with_suffix(path, ".dcm"),
            lambda staged: write_segmentation(staged, labels, self.image, classes, self.made_by, hide),
        )

    def save_structures(self, path: str | Path, hide: Hide | None = None) -> Path:
        """Write the outlines of the mask as DICOM RT Structure Set; return where."""
        from zoo.common.io.dicom_rtstruct import write_structures
        from zoo.common.io.write import checked_labels

        if (found := self.segments) is None:
            raise ConfigError(f"{self.name}: {type(self).__name__} has no mask to outline; save_report() has it all")
        labels, classes = checked_labels(found[0], self.image, found[1]), found[1]
        return self._write(
            self._with_suffix(path, ".dcm"),
            lambda staged: write_structures(staged, labels, self.image, classes, self.made_by, hide),
        )

    def save_report(self, path: str | Path, segmentation: str | Path | None = None, hide: Hide | None = None) -> Path:
        """Write what was measured as DICOM SR (template 1500); return where.

        segmentation: the DICOM-SEG that save() made of this prediction, for the report to refer to.
        """
        from zoo.common.io.dicom_sr import write_report

        mask = None if segmentation is None else user_path(segmentation)
        return self._write(
            self._with_suffix(path, ".dcm"),
            lambda staged: write_report(staged, self.findings(), self.image, self.made_by, mask, hide),
        )

    def save_capture(self, path: str | Path, hide: Hide | None = None) -> Path:
        """Write the overlay as DICOM secondary capture; return where."""
        from zoo.common.io.dicom_capture import write_capture

        return self._write(
            self._with_suffix(path, ".dcm"),
            lambda staged: write_capture(
                staged, np.asarray(self.plot().convert("RGB")), self.image, self.made_by, hide
            ),
        )

    def submissions(self) -> dict[str, Table]:
        """Return tables as challenges ask for them, by the challenge's name; a run joins those of its images.

        They hold what is needed to score a detector, also below the threshold.
        """
        return {}

    def sheet(self) -> Sheet:
        """Draw the prediction over the image."""
        raise NotImplementedError(f"{type(self).__name__} draws neither sheet() nor figure()")

    def figure(self) -> Figure:
        """Return the overlay as a figure of Matplotlib, each of its pictures under axes in pixels, to be drawn on."""
        return self.sheet().figure()

    def save(self, path: str | Path) -> Path:
        """Write JSON, CSV or an overlay, as the suffix says; return where.

        A file of that name is replaced in one step, unless it is what the image was read from: OutputError.
        """
        path = self._with_suffix(path, self.suffix)
        suffix = path.suffix.lower()
        if suffix not in (".json", ".csv", *PICTURE_SUFFIXES):
            known = ", ".join((".json", ".csv", *PICTURE_SUFFIXES))
            raise ConfigError(f"{path}: suffix {path.suffix!r} given; expected one of {known}")
        if suffix == ".json":
            return write_text(path, json_text(self.to_dict()), self.image.files)
        if suffix == ".csv":
            return self._write(path, lambda staged: write_csv(staged, self.table()))
        return self.draw(path)

    def draw(self, path: str | Path) -> Path:
        """Write the overlay as a picture; return where."""
        path = self._with_suffix(path, ".png")
        if path.suffix.lower() not in PICTURE_SUFFIXES:
            raise ConfigError(f"{path}: suffix {path.suffix!r} given; expected one of {', '.join(PICTURE_SUFFIXES)}")
        return self._write(path, lambda staged: self._draw(staged))

    def plot(self, path: str | Path | None = None) -> Picture:
        """Return the overlay as a Pillow picture; also write it when a path is given."""
        from PIL import Image as Pillow

        if path is not None:
            self.draw(path)
        return Pillow.open(io.BytesIO(self._repr_png_()))

    def _repr_png_(self) -> bytes:
        """Show the overlay in notebooks."""
        if self._has_sheet:
            return self._annotated().png()
        buffer = io.BytesIO()
        self._annotated_figure().savefig(buffer, format="png")
        return buffer.getvalue()

    def _draw(self, path: Path) -> None:
        suffix = path.suffix.lower()
        if suffix == ".png":
            path.write_bytes(self._repr_png_())
        elif suffix in RASTER and self._has_sheet:
            sheet = self._annotated()
            sheet.picture().save(path, dpi=(sheet.dpi, sheet.dpi))
        else:
            self._annotated_figure().savefig(path)

    @property
    def _has_sheet(self) -> bool:
        """Whether it is drawn by sheet(); an answer of a plug-in may have a figure() of its own."""
        last = next(kind for kind in type(self).__mro__ if {"sheet", "figure"} & set(vars(kind)))
        return last is Prediction or "figure" not in vars(last)

    def _repr_html_(self) -> str:
        """Show overlay, scope and rows in notebooks."""
        from zoo.common.notebook import block, note, picture, table, warning

        outside = [warning(f"out of scope: {reason}") for reason in self.out_of_scope]
        made_by = " ".join(filter(None, (self.made_by.algorithm, self.made_by.checkpoint, self.made_by.framework)))
        return block(
            str(self), [*outside, picture(self.plot()), table(self.rows()), *([note(made_by)] if made_by else [])]
        )

    def to_dataframe(self) -> DataFrame:
        """Return the rows of table() as a table of pandas, which has to be installed."""
        return data_frame(self.table())

    def _annotated(self) -> Sheet:
        """Draw the prediction, with a note where the image is out of scope."""
        from zoo.common.plotting import write_note

        sheet = self.sheet()
        if self.out_of_scope:
            write_note(sheet, f"out of scope: {'; '.join(self.out_of_scope)}")
        return sheet

    def _annotated_figure(self) -> Figure:
        if self._has_sheet:
            return self._annotated().figure()
        figure = self.figure()
        if self.out_of_scope:
            figure.text(0.01, 0.012, f"out of scope: {'; '.join(self.out_of_scope)}", fontsize=7, backgroundcolor="w")
        return figure

    def _head(self) -> dict[str, object]:
        spacing = self.image.spacing_mm
        return {
            "name": self.name,
            "size": [int(n) for n in self.image.size],
            "spacing_mm": None if spacing is None else [float(s) for s in spacing],
            "out_of_scope": list(self.out_of_scope),
            **({"prepared": dict(self.image.prepared)} if self.image.prepared else {}),
            **({"dicom": dict(self.image.dicom)} if self.image.dicom else {}),
            **({"model": self.made_by.to_dict()} if self.made_by.algorithm else {}),
        }

    def _with_suffix(self, path: str | Path, suffix: str) -> Path:
        path = user_path(path)
        return path if path.suffix else path.with_name(path.name + suffix)

    def _write(self, path: Path, write: Callable[[Path], object]) -> Path:
        """Write a file whole, and never onto what the image was read from."""
        return write_whole(path, write, self.image.files)

    @property
    def _shown_name(self) -> str:
        return printable(self.image.name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"
