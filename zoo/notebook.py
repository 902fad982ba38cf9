"""What notebooks show of models, lists of predictions, evaluations and the registry."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.common.notebook import THUMBNAIL_PX, block, facts, note, picture, table, warning
from zoo.common.tables import data_frame

if TYPE_CHECKING:
    from pandas import DataFrame

    from zoo.evaluation import Evaluation
    from zoo.model import Model
    from zoo.prediction.predictions import PredictionList
    from zoo.registry.entries import Entry

PICTURES = 4  # of a list of predictions, of the cases of an evaluation
FAILURES = 5
MEDICAL = "Not a medical device; no decision about a patient may rest on it."


class ModelNames(list[str]):
    """Names of algorithms; a notebook shows them as a table."""

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        super().__init__(entry.name for entry in entries)
        self._entries = list(entries)

    def rows(self) -> list[dict[str, str]]:
        """Return a row per algorithm: what it does, what its default weights were trained on, and what they reach."""
        return [_summary(entry) for entry in self._entries if entry.name in self]

    def to_dataframe(self) -> DataFrame:
        """Return the rows as a table of pandas, which has to be installed."""
        return data_frame(self.rows())

    def _repr_html_(self) -> str:
        return block(f"{len(self)} algorithms", [table(self.rows(), most=100), note(MEDICAL)])


def _summary(entry: Entry) -> dict[str, str]:
    checkpoint = entry.default_checkpoint
    measured = next(iter(checkpoint.metrics.values()), {}) if checkpoint else {}
    return {
        "name": entry.name,
        "task": entry.task,
        "what it does": entry.summary,
        "input": f"{entry.input.modality}, {entry.input.dimensions}-D",
        "frameworks": ", ".join(entry.frameworks),
        "weights": checkpoint.name if checkpoint else "none yet",
        "trained on": checkpoint.dataset.name if checkpoint else "",
        "test split": _figures(measured, 2),
    }


def entry_html(entry: Entry) -> str:
    """Show everything of one algorithm that a user chooses by."""
    reported = entry.reported
    published = {"original": reported.original, **reported.openmedia}
    told = {
        "what it does": entry.summary,
        "task": entry.task,
        "input": f"{entry.input.modality}, {entry.input.dimensions}-D, {entry.input.channels} channel(s)",
        "frameworks": ", ".join(entry.frameworks),
        "also found as": ", ".join(entry.aliases),
        "paper": f"{entry.paper.title} ({entry.paper.year}), {entry.paper.url}",
        f"published {reported.metric}": f"{reported.dataset}: {_figures(published)}",
        "licence": entry.licence,
    }
    rows = [
        {
            "weights": f"{name} (default)" if checkpoint.default else name,
            "size": f"{checkpoint.bytes / 1e6:.1f} MB",
            "trained on": checkpoint.dataset.name,
            "licence of the data": checkpoint.dataset.licence,
            **{f"test split, {framework}": _figures(values) for framework, values in checkpoint.metrics.items()},
            "to beat": "; ".join(f"{trivial}: {_figures(values)}" for trivial, values in checkpoint.baselines.items()),
        }
        for name, checkpoint in entry.checkpoints.items()
    ]
    return block(entry.name, [facts(told), table(rows), note(MEDICAL)])


def model_html(model: Model) -> str:
    """Show what a model is, where it runs, what its weights are and reach."""
    config = dataclasses.asdict(model.config)
    weights = sum(_size(shape) for shape in model.engine.shapes().values())
    known = next((c for c in model.entry.checkpoints.values() if c.sha256 == model.sha256), None)
    told = {
        "what it does": model.entry.summary,
        "task": model.algorithm.task,
        "framework": f"{model.backend} on {model.device}",
        "network": f"{model.variant}, {weights:,} weights",
        "weights": model.source,
        "SHA-256": model.sha256,
        "trained on": f"{known.dataset.name} ({known.dataset.licence})" if known else "",
        "test split": _figures(known.metrics.get(model.backend, {})) if known else "",
        "classes": ", ".join(map(str, config.get("classes", ()))),
        "options of predict": ", ".join(model.algorithm.prediction_options),
    }
    return block(model.name, [facts(told), note(MEDICAL)])


def predictions_html(found: PredictionList) -> str:
    """Show the first answers as pictures, all of them as a table, and what could not be used."""
    failed, left = len(found.failures), len(found.left_out)
    parts = [picture(one.plot(), str(one), THUMBNAIL_PX) for one in found[:PICTURES]]
    if len(found) > PICTURES:
        parts.append(note(f"pictures of the first {PICTURES}"))
    parts.append(table(found.rows()))
    if failed:
        rows = [{"not used": name, "why": str(error)} for name, error in found.failures[:FAILURES]]
        parts += [warning(found.complaint()), table(rows)]
    if left:
        parts += [note(f"{left} left out"), table([{"left out": path, "why": why} for path, why in found.left_out])]
    return block(f"{len(found)} predictions" + (f", {failed} failed" if failed else ""), parts)


def evaluation_html(result: Evaluation) -> str:
    """Show every score with its interval beside the trivial baseline, and the worst and best cases."""
    about: dict[str, Any] = result.about.get("model", {})
    name = str(about.get("name", "")) or "Evaluation"
    rows = [
        {
            "score": row["metric"],
            "value": row["value"],
            "95 % interval": _interval(row),
            **({"trivial baseline": row["baseline"]} if "baseline" in row else {}),
            **({"cases": row["used"], "missed": row["missed"]} if "used" in row else {}),
        }
        for row in result.table()
    ]
    parts = [table(rows, most=40)]
    if result.out_of_scope:
        parts.append(warning(f"{result.out_of_scope} of {len(result.rows)} images are unlike those of the training"))
    ends = [one for kind in ("worst", "best") for one in result.pictures if one.kind == kind][:PICTURES]
    parts += [picture(one.answer, f"{one.kind}: {one.name}; {one.told}", THUMBNAIL_PX) for one in ends]
    return block(f"{name}: {len(result.rows)} cases", parts)


def _interval(row: dict[str, float | str]) -> str:
    low, high = float(row["low"]), float(row["high"])
    return f"{low:.4g} to {high:.4g}" if low == low else "–"


def _figures(values: dict[str, float | None] | dict[str, float], most: int = 8) -> str:
    told = [f"{name} {value:.4g}" for name, value in values.items() if value is not None]
    return ", ".join(told[:most])


def _size(shape: Sequence[int]) -> int:
    count = 1
    for side in shape:
        count *= side
    return count
