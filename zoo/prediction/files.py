"""The files of one run of predictions: a line, a mask and an overlay per image as they come; tables at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.answers.prediction import Prediction
from zoo.common.errors import ConfigError, OutputError, ZooError
from zoo.common.files.names import as_utf8
from zoo.common.files.output_folder import OutputFolder
from zoo.common.io.dicom_deidentify import Pseudonyms
from zoo.common.tables import Table, write_csv, write_table
from zoo.common.types import Row
from zoo.prediction.batch import LINES, MEMORY, Kept, finished
from zoo.prediction.file_names import FreePaths, file_stems
from zoo.prediction.outcomes import unexpected

if TYPE_CHECKING:
    from zoo.common.io.dicom_objects import Hide

DOCUMENT, TABLE = "predictions.json", "predictions.csv"
MASKS, OVERLAYS, REPORTS, CAPTURES, STRUCTURES = "masks", "overlays", "reports", "captures", "structures"
FOLDERS = (MASKS, OVERLAYS, REPORTS, CAPTURES, STRUCTURES)
SUBMISSION = "submission_{}.csv"
MASK_FORMATS = ("dcm", "nii.gz", "nrrd", "png")


@dataclass(frozen=True)
class Style:
    """What is written for each prediction beside its line.

    overlays: pictures. mask_format: one of MASK_FORMATS, "" for what suits the image. report: a DICOM SR with what was
    measured. capture: the overlay as DICOM secondary capture. structures: the outlines of the mask as DICOM RTSTRUCT.
    own_names: files are called exactly as the images.
    hide: who the patients are is taken out of the DICOM objects, and failures tell nothing but their kind.
    """

    overlays: bool = True
    mask_format: str = ""
    report: bool = False
    capture: bool = False
    structures: bool = False
    own_names: bool = False
    hide: Pseudonyms | None = None

    def __post_init__(self) -> None:
        if self.mask_format and self.mask_format not in MASK_FORMATS:
            raise ConfigError(f"mask_format={self.mask_format!r} given; expected one of {', '.join(MASK_FORMATS)}")

    def settings(self) -> dict[str, object]:
        """Return what a run must share with the one that it continues."""
        names = ("overlays", "mask_format", "report", "capture", "structures")
        profile = self.hide.profile if self.hide is not None else ""
        return {**{name: getattr(self, name) for name in names}, "deidentify": profile}


class RunFiles:
    """Writes what a run answers into a folder, see `OutputFolder` for what it never touches.

    names: of all images, as far as they are known before. settings: what the run is, which another one that continues
    it must share. skip_existing: go on where an earlier run ended; what that finished is in `kept`.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        names: Iterable[str],
        style: Style | None = None,
        *,
        overwrite: bool = False,
        skip_existing: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        if overwrite and skip_existing:
            raise ConfigError("overwrite and skip_existing given; expected one: start anew, or go on")
        names, self.style = list(names), style or Style()
        own = (LINES, DOCUMENT, TABLE, MEMORY, *FOLDERS, SUBMISSION.format("*"))
        paths = map(Path, names)
        self.output = OutputFolder(folder, own, overwrite=overwrite, inputs=paths, resume=skip_existing)
        settings = {**(settings or {}), **self.style.settings()}
        self.kept = finished(self.output, settings) if skip_existing else []
        known = [*names, *(kept.name for kept in self.kept)]
        stems = {name: name for name in known} if self.style.own_names else file_stems(known)
        used = [path for kept in self.kept for path in kept.files]
        self.paths = {kind: FreePaths(Path(kind), stems, used) for kind in FOLDERS}
        self.lines = self.output.rewrite_lines(LINES, [kept.entry for kept in self.kept])
        remembered = [{"settings": settings}, *(kept.memory() for kept in self.kept)]
        self.memory = self.output.rewrite_lines(MEMORY, remembered)
        self.output.keep_only({LINES, MEMORY, *used})

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self.output.folder

    def add(self, prediction: Prediction) -> tuple[dict[str, str], list[ZooError]]:
        """Write what is wanted of a prediction; return the paths in the folder, and what failed."""
        name, written, failures = prediction.image.name, dict[str, str](), list[ZooError]()
        for kind, (path, write) in self._wanted(prediction).items():
            try:
                self.output.write(path.as_posix(), partial(write, mask=written.get("mask", "")))
            except OutputError:  # the place is full or closed, for the next one as well
                raise
            except ZooError as error:
                failures.append(error)
            except Exception as error:  # told with its traceback, see `unexpected`
                failures.append(unexpected(f"{name}: {kind}", error))
            else:
                written[kind] = path.as_posix()
        return written, failures

    def add_line(self, entry: dict[str, Any]) -> None:
        """Append a failure to the file of lines."""
        self.lines.add(entry)

    def remember(self, kept: Kept) -> None:
        """Append a prediction; its line comes last, because a run that is continued takes it as the end."""
        self.memory.add(kept.memory())
        self.lines.add(kept.entry)

    def close(self, document: dict[str, Any], rows: Sequence[Row], submissions: Mapping[str, Table]) -> None:
        """Write the tables of all predictions, and those that challenges take."""
        self.output.close_lines(self.lines)
        self.output.close_lines(self.memory)
        self.output.write_json(DOCUMENT, document)
        self.output.write(TABLE, partial(write_csv, rows=rows))
        for challenge, table in submissions.items():
            self.output.write(SUBMISSION.format(challenge), partial(write_table, table=table))
        self.output.close()

    def _wanted(self, prediction: Prediction) -> dict[str, tuple[Path, Callable[..., object]]]:
        name, style, out = prediction.image.name, self.style, dict[str, tuple[Path, Callable[..., object]]]()
        if prediction.suffix != ".json":
            suffix = f".{style.mask_format}" if style.mask_format else prediction.suffix
            is_hidden = suffix == ".dcm" and style.hide is not None
            save = partial(prediction.save_segmentation, hide=self._hide) if is_hidden else prediction.save
            out["mask"] = self.paths[MASKS].new(name, suffix), lambda path, mask: save(path)
        if style.overlays:
            out["overlay"] = self.paths[OVERLAYS].new(name), lambda path, mask: prediction.draw(path)
        if style.report:
            out["report"] = self.paths[REPORTS].new(name, ".dcm"), partial(self._report, prediction)
        if style.capture:
            save_capture = partial(prediction.save_capture, hide=self._hide)
            out["capture"] = self.paths[CAPTURES].new(name, ".dcm"), lambda path, mask: save_capture(path)
        if style.structures and prediction.segments is not None:
            save_structures = partial(prediction.save_structures, hide=self._hide)
            out["structures"] = self.paths[STRUCTURES].new(name, ".dcm"), lambda path, mask: save_structures(path)
        return out

    @property
    def _hide(self) -> Hide | None:
        return None if self.style.hide is None else self.style.hide.dataset

    def _report(self, prediction: Prediction, path: Path, mask: str) -> object:
        """Write the SR, which refers to the mask where that is a DICOM-SEG."""
        segmentation = self.folder / mask if mask.endswith(".dcm") else None
        return prediction.save_report(path, segmentation, hide=self._hide)


def failure_entry(name: str, error: ZooError, is_hidden: bool = False) -> dict[str, str]:
    """Return a failure as plain values; is_hidden: without its text, in which names of files and patients stand."""
    told = type(error).__name__ if is_hidden else str(error)
    return {"name": as_utf8(name), "error": as_utf8(told)}
