"""Speed and memory of one algorithm per framework, measured in turns on this machine in one run."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from typing import IO, Any

from rich.table import Table
from tqdm import tqdm

from zoo.benchmark.worker import BATCH
from zoo.common.errors import BackendError
from zoo.engines.backends import installed
from zoo.registry import find

COLD_STARTS = 3
Samples = list[dict[str, float]]
ROWS = {  # key -> (label, unit, factor)
    "latency_s": ("latency, one image", "ms", 1e3),
    "throughput": (f"throughput, batches of {BATCH}", "images/s", 1),
    "peak_bytes": ("peak memory of the process", "MB", 1e-6),
    "cold_start_s": ("cold start to the first prediction", "s", 1),
    "load_s": ("  of which import and load", "s", 1),
    "bare_s": (f"bare network, batch of {BATCH}", "ms", 1e3),
    "engine_s": (f"engine, batch of {BATCH}", "ms", 1e3),
    "preprocess_s": (f"preprocessing of {BATCH}", "ms", 1e3),
    "postprocess_s": (f"postprocessing of {BATCH}", "ms", 1e3),
    "predict_s": (f"predict() of {BATCH}", "ms", 1e3),
    "interface_overhead": ("interface over the bare network (processor time on CPU)", "%", 100),
}


def benchmark(
    name: str,
    *,
    backends: Iterable[str] | None = None,
    device: str | None = None,
    variant: str | None = None,
    repeats: int = 9,
    threads: int | None = None,
) -> dict[str, Any]:
    """Measure each backend in a process of its own; the processes take turns, the figures are medians.

    variant: random weights of this network; None takes the default checkpoint, or random weights where there is none.
    Interface overhead: (predict - preprocessing - postprocessing) / bare network - 1, per round, at a batch of 8; on
    the CPU in processor time, which other programs on the machine disturb least.
    """
    entry = find(name)
    chosen = list(backends or installed())
    if not chosen:
        raise BackendError("no framework is installed; pip install 'openmedia-zoo[torch]' or '[mindspore]'")
    random_weights = variant is not None or entry.default_checkpoint is None
    options: dict[str, Any] = {"name": entry.name, "device": device}
    options |= {"checkpoint": None, "variant": variant} if random_weights else {}
    workers = {backend: Worker({**options, "backend": backend}, threads) for backend in chosen}
    try:
        measured = _take_turns(workers, repeats, entry.name)
    finally:
        for worker in workers.values():
            worker.stop()
    first = chosen[0]
    ratios = {f"{other} / {first}": _ratios(measured[other], measured[first]) for other in chosen[1:]}
    return {
        "name": entry.name,
        "machine": _machine(threads),
        "repeats": repeats,
        "backends": measured,
        "ratios": ratios,
    }


class Worker:
    """The other end of worker: starts it, asks it, stops it."""

    def __init__(self, options: dict[str, Any], threads: int | None) -> None:
        self.options = options
        self.environment = dict(os.environ)
        if threads is not None:
            self.environment |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        self.about: dict[str, Any] = {}
        self._process: subprocess.Popen[str] | None = None
        self._log: IO[str] | None = None

    def start(self) -> dict[str, float]:
        """Start the process and wait for its first prediction; return the times it took [s]."""
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed by stop()
        command = [sys.executable, "-m", "zoo.benchmark.worker", json.dumps(self.options)]
        started = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, env=self.environment
        )
        answer = self._read()
        elapsed = time.perf_counter() - started
        self.about = {key: answer[key] for key in ("framework", "device", "variant", "weights")}
        return {
            "cold_start_s": elapsed - answer["example_s"],
            "load_s": answer["load_s"],
            "first_prediction_s": answer["first_prediction_s"],
        }

    def ask(self, command: str) -> dict[str, float]:
        """Run one command in the process."""
        if self._process is None or self._process.stdin is None:
            raise RuntimeError("start() comes before ask()")
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._read()

    def stop(self) -> None:
        """End the process, if it runs."""
        if self._process is not None:
            self._process.communicate()  # closes stdin, at which the worker ends
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def _read(self) -> dict[str, Any]:
        stdout = self._process.stdout if self._process else None
        answer: dict[str, Any] = json.loads((stdout.readline() if stdout else "") or "{}")
        if not answer or "error" in answer:
            tail = ""
            if self._log is not None and not answer:
                self._log.seek(0)
                tail = " ".join(self._log.read()[-500:].split())
            raise BackendError(f"benchmark of {self.options['backend']} failed: {answer.get('error', tail)}")
        return answer


def benchmark_table(result: dict[str, Any]) -> Table:
    """Lay the result of `benchmark` out as a table."""
    machine, backends, ratios = result["machine"], result["backends"], result["ratios"]
    about = next(iter(backends.values()))
    table = Table(title=f"{result['name']} ({about['variant']}), medians of {result['repeats']}", title_justify="left")
    table.caption = f"{machine['processor']}, {machine['threads']} threads, {machine['system']}"
    table.add_column("measure")
    for backend, figures in backends.items():
        table.add_column(f"{backend}\n{figures['device']}", justify="right")
    for name in ratios:
        table.add_column(f"ratio\n{name}", justify="right")
    for key, (label, unit, factor) in ROWS.items():
        values = [f"{figures[key] * factor:.4g}" for figures in backends.values()]
        shown = [f"{ratio[key]:.2f}" if key in ratio else "" for ratio in ratios.values()]
        table.add_row(f"{label} [{unit}]", *values, *shown)
    return table


def _take_turns(workers: dict[str, Worker], repeats: int, title: str) -> dict[str, dict[str, Any]]:
    cold: dict[str, Samples] = {backend: [] for backend in workers}
    for _ in range(COLD_STARTS):
        for backend, worker in workers.items():
            worker.stop()
            cold[backend].append(worker.start())
    rounds: dict[str, Samples] = {backend: [] for backend in workers}
    for _ in tqdm(range(repeats), desc=title, unit="round", disable=None):
        for backend, worker in workers.items():
            rounds[backend].append(worker.ask("round"))
    return {
        backend: {
            **worker.about,
            **_medians(cold[backend], rounds[backend], worker.about["device"]),
            **worker.ask("memory"),
        }
        for backend, worker in workers.items()
    }


def _medians(cold: Samples, rounds: Samples, device: str) -> dict[str, float]:
    found = {key: statistics.median(sample[key] for sample in cold) for key in cold[0]}
    found |= {key: statistics.median(sample[key] for sample in rounds) for key in rounds[0]}
    found["throughput"] = BATCH / found["predict_s"]
    clock = "_cpu" if device == "cpu" else ""
    predict, before, after, bare = (f"{part}_s{clock}" for part in ("predict", "preprocess", "postprocess", "bare"))
    overheads = [(r[predict] - r[before] - r[after]) / r[bare] - 1 for r in rounds]
    return {**found, "interface_overhead": statistics.median(overheads)}


def _ratios(figures: dict[str, Any], reference: dict[str, Any]) -> dict[str, float]:
    return {key: figures[key] / reference[key] for key in ROWS if key != "interface_overhead"}


def _machine(threads: int | None) -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads or os.environ.get("OMP_NUM_THREADS") or os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"
