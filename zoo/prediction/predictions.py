"""The predictions of many images, as a list that can be saved, drawn and tabulated."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.answers.prediction import Prediction
from zoo.common.errors import ZooError
from zoo.common.files.names import printable
from zoo.common.tables import data_frame
from zoo.common.types import Row

if TYPE_CHECKING:
    from pandas import DataFrame
    from PIL.Image import Image as Picture

NAMED = 5  # failures named in a warning


class PredictionList(list[Prediction]):
    """The predictions of many images in order; `failures` names each image that could not be used, and why.

    model: what answered, in words; empty where that is unknown. left_out: what was not looked at, path and reason.
    """

    def __init__(
        self,
        predictions: Iterable[Prediction] = (),
        failures: Iterable[tuple[str, ZooError]] = (),
        model: dict[str, str] | None = None,
        left_out: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(predictions)
        self.failures = list(failures)
        self.model = dict(model or {})
        self.left_out = list(left_out)

    def complaint(self) -> str:
        """Say how many images failed, and which came first."""
        names = ", ".join(printable(name) for name, _ in self.failures[:NAMED])
        total = len(self) + len(self.failures)
        return f"{len(self.failures)} of {total} images could not be used ({names}); see .failures"

    def rows(self) -> list[Row]:
        """Return the rows of all predictions."""
        return [row for prediction in self for row in prediction.table()]

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return self._results().to_dict()

    def to_dataframe(self) -> DataFrame:
        """Return the rows as a table of pandas, which has to be installed."""
        return data_frame(self.rows())

    def _repr_html_(self) -> str:
        """Show the list in notebooks."""
        from zoo.notebook import predictions_html

        return predictions_html(self)

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        overlays: bool = True,
        overwrite: bool = False,
        mask_format: str = "",
        report: bool = False,
        capture: bool = False,
        structures: bool = False,
    ) -> Path:
        """Write predictions.json, .jsonl and .csv, masks/ and overlays/ into a folder, as `zoo predict --out` does.

        mask_format: dcm (DICOM-SEG), nii.gz, nrrd or png. report: a DICOM SR in reports/ for each. capture: the overlay
        as DICOM in captures/. structures: the outlines of masks as DICOM RTSTRUCT in structures/.
        overwrite: replace what an earlier run wrote there; nothing else is ever replaced.
        """
        from zoo.prediction.files import RunFiles, Style

        names = [prediction.image.name for prediction in self]
        style = Style(overlays, mask_format, report, capture, structures)
        files = RunFiles(folder, names, style, overwrite=overwrite)
        self._results(files).close(files)
        return files.folder

    def plot(self, folder: str | os.PathLike[str] | None = None, *, overwrite: bool = False) -> list[Picture]:
        """Return the overlays as Pillow pictures; also write them into a folder when one is given.

        overwrite: replace the overlays that an earlier run wrote there; nothing else is ever replaced.
        """
        if folder is not None:
            from zoo.common.files.output_folder import OutputFolder
            from zoo.prediction.file_names import FreePaths, file_stems

            paths = FreePaths(Path(), file_stems(prediction.image.name for prediction in self))
            names = [paths.new(prediction.image.name).as_posix() for prediction in self]
            output = OutputFolder(folder, names, overwrite=overwrite)
            for prediction, name in zip(self, names, strict=True):
                output.write(name, prediction.draw)
            output.close()
        return [prediction.plot() for prediction in self]

    def _results(self, files: Any = None) -> Any:
        from zoo.prediction.many import Results

        results = Results(self.model, left_out=self.left_out)
        for prediction in self:
            results.add(prediction.image.name, prediction, files)
        for name, error in self.failures:
            results.add(name, error, files)
        results.complete = True
        return results

    def __repr__(self) -> str:
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"<{len(self)} predictions{failed}>"
