"""Write a model into a folder, whole or not at all: files, sidecar, example, program, preprocessing as data."""

from __future__ import annotations

import importlib
import inspect
import os
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.algorithm import Algorithm, Steps
from zoo.common.errors import BackendError, ConfigError, OutputError
from zoo.common.files.outputs import STAGED, explained, json_text, user_path
from zoo.common.types import Arrays
from zoo.engines.engine import UNREDUCED
from zoo.export.formats import PREPARE, Format, Forward, checked_format, script_of
from zoo.export.reduce import reduced
from zoo.export.scripts.prepare import prepare
from zoo.graphs.check import differences, draw_inputs, refer
from zoo.registry.package import Package
from zoo.weights.hub import hash_file
from zoo.weights.identity import versions

if TYPE_CHECKING:
    from zoo.common.datasets import Dataset
    from zoo.model import Model

SIDECAR, EXAMPLE, PREPROCESSING, PROGRAM = "graph.json", "example.npz", "preprocessing.json", "predict.py"
PREPARED = 1e-4  # by which steps may differ from preprocess(), of the largest value


def export(
    model: Model,
    out: str | Path,
    format: str = "onnx",
    precision: str = UNREDUCED,
    data: Dataset | None = None,
) -> Path:
    """Write a model in one format; what was written is held against the framework's own network first.

    data: labelled data for reduced precision: their training split calibrates it, their validation split allows it.
    """
    chosen, final = checked_format(format, precision), user_path(out)
    _refuse(model, chosen, final, precision, data)
    model = _in_framework(model, chosen)
    gate = None if data is None or precision == UNREDUCED else reduced(model, precision, data)
    with explained(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=STAGED, dir=final.parent))
        try:
            files, forward = importlib.import_module(chosen.module).write(model, staging, precision)
            about = _about(model, chosen, precision, staging, files)
            about["differences"] = _check(model, chosen, forward) if precision == UNREDUCED else {}
            about["validation"] = gate.to_dict() if gate is not None else {}
            _write_beside(model, chosen, staging, about)
            staging.chmod(0o755)
            if final.is_dir():
                final.rmdir()  # an empty one
            os.rename(staging, final)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return final


def _refuse(model: Model, chosen: Format, final: Path, precision: str, data: object) -> None:
    if final.exists() and (not final.is_dir() or any(final.iterdir())):
        raise OutputError(f"{final}: is there already; give a new or an empty folder")
    if precision != UNREDUCED and data is None:
        raise ConfigError(
            f"precision={precision!r} given without data; expected labelled data, whose validation split tells what it "
            "costs" + (", and whose training split calibrates it" if precision == "int8" else "")
        )
    package = Package(model.entry)
    if len(_stages(package, model)) > 1:
        raise ConfigError(
            f"{model.name} goes through NumPy between its parts, so no single file computes it; load it with "
            'zoo.load(..., backend="openvino") or "onnxruntime", which run the parts'
        )
    if chosen.network not in package.frameworks:
        raise BackendError(f"{model.name} has no network in {chosen.network}, which {chosen.title} is made of")


def _stages(package: Package, model: Model) -> tuple[str, ...]:
    """Name the parts of a network, without building it where it is one."""
    if not package.stage_modules or getattr(model.config, "is_plain", False):
        return ("net",)
    return package.stage_modules


def _in_framework(model: Model, chosen: Format) -> Model:
    """Return the model in the framework that the format is made of, with a network of its own.

    It is traced on the CPU and in evaluation mode; the model's own stays where its owner has it, as it is.
    """
    from zoo.engines.engine import open_engine
    from zoo.model import Model as Opened

    device = model.device if model.backend == chosen.network == "mindspore" else "cpu"  # a process has one there
    engine = open_engine(Package(model.entry), model.config, chosen.network, device)
    engine.load(model.engine.weights())
    return Opened(model.entry, model.algorithm, engine, model.variant, model.source, model.record, model.sha256)


def _check(model: Model, chosen: Format, forward: Forward) -> dict[str, float]:
    """Measure what the written files differ by from the engine; BackendError where it is too much."""
    found = differences(forward, refer(model.engine.forward, model.algorithm))
    wrong = {name: value for name, value in found.items() if not value <= chosen.tolerance}
    if wrong:
        told = ", ".join(f"{name} by {value:.1e}" for name, value in wrong.items())
        raise BackendError(
            f"{chosen.title} of {model.name} does not compute what {chosen.network} does: {told} of the largest value, "
            f"expected {chosen.tolerance:g} at most. Nothing was written; take another format"
        )
    return found


def _about(model: Model, chosen: Format, precision: str, folder: Path, files: list[str]) -> dict[str, Any]:
    inputs = draw_inputs(model.algorithm, 1)
    return {
        "algorithm": model.name,
        "task": model.algorithm.task,
        "format": chosen.title,
        "precision": precision,
        "licence": model.entry.licence,
        "weights": model.made_by.to_dict(),
        "inputs": {name: ["batch", *value.shape[1:]] for name, value in inputs.items()},
        "outputs": list(model.engine.forward(inputs)),
        "window": model.algorithm.window,
        "config": asdict(model.config),
        "files": {name: {"sha256": hash_file(folder / name)} for name in files},
        "network": files[0],
        "versions": versions(),
    }


def _write_beside(model: Model, chosen: Format, folder: Path, about: dict[str, Any]) -> None:
    sample = type(model.algorithm).example(model.config, np.random.default_rng(0))
    inputs = draw_inputs(model.algorithm, 1)
    expected = {f"expected {name}": value for name, value in model.engine.forward(inputs).items()}
    np.savez(folder / EXAMPLE, picture=sample.image.array, **inputs, **expected)
    (folder / SIDECAR).write_text(json_text(about), encoding="utf-8")
    (folder / PREPROCESSING).write_text(json_text(_preprocessing(model, inputs)), encoding="utf-8")
    shutil.copyfile(script_of(chosen.script), folder / PROGRAM)
    shutil.copyfile(script_of(PREPARE), folder / f"{PREPARE}.py")


def written_steps(algorithm: Algorithm[Any]) -> Steps | str:
    """Return what preprocess() does as steps that were held against it, or why there are none."""
    line = type(algorithm).__mro__
    own = {name: next(i for i, kind in enumerate(line) if name in vars(kind)) for name in ("steps", "preprocess")}
    if own["steps"] > own["preprocess"]:  # those of another algorithm, which this one builds on
        return Algorithm.steps(algorithm)
    steps = algorithm.steps()
    if not isinstance(steps, str):
        image = type(algorithm).example(algorithm.config, np.random.default_rng(0)).image
        for name, expected in algorithm.preprocess(algorithm.enter(image)).items():
            found = prepare(image.array, {name: steps[name]})[name]
            if not np.allclose(found, expected, rtol=0, atol=PREPARED * float(np.abs(expected).max())):
                raise ConfigError(
                    f"{type(algorithm).__name__}.steps() do not make of {name} what preprocess() does; correct them, "
                    "or return why it cannot be written as steps"
                )
    return steps


def _preprocessing(model: Model, inputs: Arrays) -> dict[str, Any]:
    """Say as data what the network expects: shapes, ranges, what an example became, and the steps of the way in."""
    steps = written_steps(model.algorithm)
    told = {
        name: {
            "shape": list(value.shape[1:]),
            "type": "float32",
            "smallest": float(value.min()),
            "largest": float(value.max()),
            "mean": float(value.mean()),
            "standard_deviation": float(value.std()),
        }
        for name, value in inputs.items()
    }
    return {
        "modality": model.entry.input.modality,
        "channels": model.scope.channels,
        "window": model.algorithm.window,
        "inputs_of_the_example": told,
        "example": f"{EXAMPLE}: `picture` is an image as it was read, the inputs are what became of it",
        "steps": {} if isinstance(steps, str) else steps,
        "not_as_steps": steps if isinstance(steps, str) else "DICOM, series, volumes and views of a picture",
        "in_words": inspect.getdoc(type(model.algorithm).preprocess) or "",
        "scope": None if model.record is None else model.record.to_dict(),
    }
