"""Hold what a reduced precision costs against the scores of full precision, on the validation split."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.common.errors import BackendError
from zoo.common.files.outputs import json_text, write_text
from zoo.graphs.graph import Graph

if TYPE_CHECKING:
    from zoo.common.datasets import Dataset
    from zoo.engines.engine import Engine

SPLIT = "val"  # never test: what is chosen here is reported there
LARGEST_LOSS = 0.002  # of the score by which checkpoints are chosen, which is better when it is larger
LARGEST_ERROR_MM = 0.05  # that a mean error in millimetres may grow
ERROR_MM = "_error_mm"
BATCH = 4


@dataclass(frozen=True)
class Gate:
    """What was compared: each score in full and in reduced precision, and by how much it may be worse."""

    data: str
    cases: int
    scores: Mapping[str, tuple[float, float, float]]

    @property
    def worse(self) -> list[str]:
        """Say, of each score that got too bad, what it was and is."""
        return [
            f"{name} {full:.4f} became {reduced:.4f}, {allowed:g} allowed"
            for name, (full, reduced, allowed) in self.scores.items()
            if not loss(name, full, reduced) <= allowed
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return dataclasses.asdict(self)


def loss(name: str, full: float, reduced: float) -> float:
    """Return by how much a score got worse."""
    return reduced - full if name.endswith(ERROR_MM) else full - reduced


def measure(algorithm: Any, full: Engine, reduced: Engine, data: Dataset) -> Gate:
    """Score two runners on the validation split of a data set."""
    from zoo.evaluation import score_all

    samples = data.split(SPLIT)
    before, after = (algorithm.summarise(score_all(algorithm, e, samples, BATCH)) for e in (full, reduced))
    allowed = {name: LARGEST_ERROR_MM for name in before if name.endswith(ERROR_MM)}
    allowed[algorithm.monitor] = LARGEST_LOSS
    scores = {name: (float(before[name]), float(after[name]), limit) for name, limit in allowed.items()}
    return Gate(data.origin, len(samples), scores)


def note(graph: Graph, runtime: str, gate: Gate) -> None:
    """Keep what was measured, beside the graph."""
    write_text(graph.folder / f"gate-{runtime}.json", json_text(gate.to_dict()))


def find(graph: Graph, runtime: str) -> Gate | None:
    """Return what was measured with this version of a runtime and this precision; None where nobody did."""
    try:
        known = json.loads((graph.folder / f"gate-{runtime}.json").read_text(encoding="utf-8"))
        scores = {name: (float(a), float(b), float(c)) for name, (a, b, c) in known["scores"].items()}
        return Gate(str(known["data"]), int(known["cases"]), scores)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def forget(graph: Graph, precision: str) -> None:
    """Drop what was measured in a precision that is about to be made anew."""
    for path in graph.folder.glob(f"gate-*-{precision}.json"):
        path.unlink(missing_ok=True)


def refuse_worse(gate: Gate, who: str) -> None:
    """Raise BackendError where a score got too bad."""
    if gate.worse:
        raise BackendError(
            f"{who} is not used: on the {gate.cases} validation cases of {gate.data} {'; '.join(gate.worse)}. "
            'Use precision="f32"'
        )
