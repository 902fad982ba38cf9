"""The benchmark measures every framework in a process of its own and puts the figures side by side."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from zoo import benchmark as benchmarking
from zoo.benchmark import BATCH, ROWS, Worker, benchmark, benchmark_table
from zoo.common.errors import BackendError
from zoo.engines.backends import installed

NAME = "Covid-ResNet"


def test_every_installed_framework_is_measured_and_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarking, "COLD_STARTS", 1)

    result = benchmark(NAME, variant="tiny", repeats=3, threads=1)

    assert list(result["backends"]) == installed()
    for figures in result["backends"].values():
        assert all(figures[key] > 0 for key in ROWS if key != "interface_overhead")
        assert figures["cold_start_s"] > figures["load_s"]
        assert figures["throughput"] == pytest.approx(BATCH / figures["predict_s"])
        assert figures["peak_bytes"] > 50e6
    assert len(result["ratios"]) == len(installed()) - 1
    assert json.loads(json.dumps(result)) == result
    printed = io.StringIO()
    Console(file=printed, width=200).print(benchmark_table(result))
    assert all(label in printed.getvalue() for label, _, _ in ROWS.values())


@pytest.mark.parametrize(("device", "expected"), [("cpu", 0.04), ("cuda", 0.54)])
def test_the_overhead_leaves_out_what_is_the_algorithms_own(device: str, expected: float) -> None:
    processor = {"predict_s_cpu": 1.30, "preprocess_s_cpu": 0.15, "postprocess_s_cpu": 0.11, "bare_s_cpu": 1.0}
    wall = {"predict_s": 1.80, "preprocess_s": 0.15, "postprocess_s": 0.11, "bare_s": 1.0}

    measured = benchmarking._medians([{}], [processor | wall] * 3, device)

    assert measured["interface_overhead"] == pytest.approx(expected)


def test_a_backend_that_cannot_run_says_so_and_leaves_no_process() -> None:
    worker = Worker({"name": NAME, "backend": "jax", "checkpoint": None}, threads=1)

    with pytest.raises(BackendError, match="benchmark of jax failed: BackendError: backend 'jax' is unknown"):
        worker.start()
    process = worker._process
    worker.stop()

    assert process is not None and process.returncode is not None
