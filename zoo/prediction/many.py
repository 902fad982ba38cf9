"""Predictions for any number of images, written as they come, so that memory does not grow with their number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from zoo.common.algorithm import Algorithm
from zoo.common.answers.prediction import Prediction
from zoo.common.errors import InputError
from zoo.common.io import file_suffix
from zoo.common.tables import write_csv
from zoo.common.types import Image, Row
from zoo.engines.engine import Engine
from zoo.prediction.passes import chunks, predict_batch, prepare, with_options
from zoo.prediction.scope import Scope
from zoo.prediction.sources import Images

if TYPE_CHECKING:
    from zoo.model import Model


@dataclass
class Results:
    """What is kept of each prediction once its image is gone."""

    model: dict[str, str]
    predictions: list[dict[str, object]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    failures: list[tuple[str, InputError]] = field(default_factory=list)
    out_of_scope: int = 0  # predictions of images unlike those of the training

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        failures = [{"name": name, "error": str(error)} for name, error in self.failures]
        return {"model": self.model, "predictions": self.predictions, "failures": failures}

    def save(self, folder: Path) -> None:
        """Write predictions.json and predictions.csv."""
        text = json.dumps(self.to_dict(), indent=2, allow_nan=False)
        (folder / "predictions.json").write_text(text + "\n", encoding="utf-8")
        write_csv(folder / "predictions.csv", self.rows)


def predict_many(
    model: Model,
    found: Images,
    out: Path | None = None,
    *,
    batch_size: int = 8,
    overlays: bool = True,
    tta: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Results:
    """Predict every image under its full path; write JSON, CSV, masks and overlays into `out` if given."""
    algorithm = with_options(model.algorithm, options or {})
    results = Results({"name": model.name, "backend": model.backend, "device": model.device, "weights": model.source})
    overlay_paths = FreePaths(out / "overlays") if out is not None and overlays else None
    mask_paths = FreePaths(out / "masks") if out is not None else None
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    bar = tqdm(found, desc=model.name, unit="image", disable=None)
    for batch in chunks(bar, batch_size):
        for prediction in _predict_usable(algorithm, model.engine, batch, results, tta, model.scope):
            results.predictions.append(prediction.to_dict())
            results.rows += prediction.table()
            results.lines.append(described(prediction))
            results.out_of_scope += bool(prediction.out_of_scope)
            if overlay_paths is not None:
                prediction.draw(overlay_paths.new(prediction.image.name))
            if mask_paths is not None and prediction.suffix != ".json":
                prediction.save(mask_paths.new(prediction.image.name, prediction.suffix))
    if out is not None:
        results.save(out)
    return results


def _predict_usable(
    algorithm: Algorithm[Any],
    engine: Engine,
    batch: list[tuple[str, Image | InputError]],
    results: Results,
    tta: bool,
    scope: Scope,
) -> list[Prediction]:
    prepared = []
    for name, image in batch:
        try:
            if isinstance(image, InputError):
                raise image
            prepared.append(prepare(algorithm, replace(image, name=name), scope))
        except InputError as error:
            results.failures.append((name, error))
    return [scope.judge(p) for p in predict_batch(algorithm, engine, prepared, tta=tta)] if prepared else []


def described(prediction: Prediction) -> str:
    """Return the line that stands for a prediction, and one more where its image is out of scope."""
    note = f"\n  out of scope: {'; '.join(prediction.out_of_scope)}" if prediction.out_of_scope else ""
    return f"{prediction}{note}"


class FreePaths:
    """Free names in a folder: equal file names from different folders get numbers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.taken: set[str] = set()

    def new(self, name: str, suffix: str = ".png") -> Path:
        """Return `<folder>/<file name without suffix><suffix>`, numbered where it is taken."""
        path = Path(name)
        stem = path.name[: len(path.name) - len(file_suffix(path))] or path.name
        candidate, number = stem, 2
        while candidate.lower() in self.taken:
            candidate, number = f"{stem}_{number}", number + 1
        self.taken.add(candidate.lower())
        return self.folder / f"{candidate}{suffix}"
