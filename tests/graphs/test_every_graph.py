"""Every entry of the registry: exported, checked, and predicting and scoring what PyTorch does."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import zoo
from zoo.common.types import Sample
from zoo.graphs.check import LARGEST_DIFFERENCE, as_trained, draw_inputs
from zoo.registry import load_registry

pytest.importorskip("torch")
NAMES = list(load_registry())
RUNTIMES = ("openvino", "onnxruntime")
CASES = 2
SIDE = 64  # [px] that published networks see here; at their own size: ci/check_graphs.py
ROOT = Path(__file__).resolve().parents[2]
SCORE_TOLERANCE = 1e-3


def scored(model: zoo.Model, samples: list[Sample]) -> dict[str, float]:
    predictions = model.predict([sample.image for sample in samples])
    cases = [model.algorithm.score(p, s) for p, s in zip(predictions, samples, strict=True)]
    return model.algorithm.summarise(cases)


def compare(model: zoo.Model, expected: zoo.Model) -> None:
    inputs = draw_inputs(expected.algorithm, 2, seed=50)
    ours, theirs = model.engine.forward(inputs), expected.engine.forward(inputs)
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        np.testing.assert_allclose(
            ours[name], value, atol=LARGEST_DIFFERENCE * np.abs(value).max(), rtol=0, err_msg=name
        )
    algorithm = type(expected.algorithm)
    samples = [algorithm.example(expected.config, np.random.default_rng(seed)) for seed in range(CASES)]
    found, wanted = scored(model, samples), scored(expected, samples)
    assert found == pytest.approx(wanted, abs=SCORE_TOLERANCE, nan_ok=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_graph_of_every_network_answers_as_pytorch_does(name: str) -> None:
    expected = zoo.load(name, backend="torch", checkpoint=None, variant="tiny")
    weights = as_trained(expected.engine.weights())
    expected.engine.load(weights)

    for runtime in RUNTIMES:
        pytest.importorskip(runtime)
        model = zoo.load(name, backend=runtime, checkpoint=None, variant="tiny", state_dict=weights)
        compare(model, expected)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_inputs_that_a_network_has_no_use_for_are_bound_by_their_place(runtime: str) -> None:
    pytest.importorskip(runtime)
    name, chosen = "WeaklyLesionLocalisation", {"checkpoint": None, "variant": "tiny", "design": "tied"}
    expected = zoo.load(name, backend="torch", **chosen)  # sees the picture, and neither lung nor level
    weights = as_trained(expected.engine.weights())
    expected.engine.load(weights)

    compare(zoo.load(name, backend=runtime, state_dict=weights, **chosen), expected)


@pytest.fixture
def check_graphs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Open ci/check_graphs.py beside a cache of its own, which is gone afterwards: published networks are large."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    spec = importlib.util.spec_from_file_location("check_graphs", ROOT / "ci" / "check_graphs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    shutil.rmtree(tmp_path / "home", ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_graph_of_every_published_network_answers_as_pytorch_does(
    name: str, check_graphs: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    for runtime in RUNTIMES:
        pytest.importorskip(runtime)

    assert check_graphs.check_variant(name, "paper", side=SIDE), capsys.readouterr().out


SHIPPED = [entry for entry in load_registry().values() if entry.default_checkpoint is not None]


# one of each task; all variants and checkpoints: ci/check_graphs.py
@pytest.mark.slow
@pytest.mark.parametrize("name", {entry.task: entry.name for entry in SHIPPED}.values())
def test_a_graph_of_a_default_checkpoint_answers_as_pytorch_does(name: str) -> None:
    expected = zoo.load(name, backend="torch")
    for runtime in RUNTIMES:
        pytest.importorskip(runtime)
        compare(zoo.load(name, backend=runtime), expected)
