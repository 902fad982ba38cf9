"""Time a step of every method beside the passes through networks that it needs, and count what it holds.

A step is recorded once: which networks, encoders and decoders were asked about what, with or without a gradient. These
calls by themselves, forwards and backwards, are "the passes"; steps and passes are timed in turn, medians are told.
PyTorch, one thread: python ci/bench_methods.py [--variant small] [--rows 4] [--steps 5] [METHOD ...]
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import zoo
from zoo.common.batches import stack
from zoo.common.methods import find_method, list_methods
from zoo.common.methods.contract import Moment
from zoo.training.networks import learning_of

PARTS = ("encode", "decode", "answer")  # of a network with several decoders
LATE = 0.9  # share of the run, where all terms have their weight
Call = tuple[Callable[..., Any], tuple[Any, ...], bool]


def main() -> None:
    """Print a row per method."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("methods", nargs="*", metavar="METHOD")
    parser.add_argument("--entry", default="2D-UNet")
    parser.add_argument("--variant", default="small")
    parser.add_argument("--rows", type=int, default=4, help="of the batch")
    parser.add_argument("--steps", type=int, default=5, help="of which the median is told")
    asked = parser.parse_args()
    importlib.import_module("torch").set_num_threads(1)
    table = Table("method", "step [ms]", "its passes [ms]", "ratio", "learned, x network", "held, x network")
    for name in asked.methods or list_methods():
        table.add_row(name, *measure(name, asked.entry, asked.variant, asked.rows, asked.steps))
    Console().print(table)


def measure(name: str, entry: str, variant: str, rows: int, steps: int) -> list[str]:
    """Time steps and passes of one method in turn."""
    model = zoo.load(entry, backend="torch", checkpoint=None, variant=variant)
    method = find_method(name)
    model.engine.start_training(
        model.recipe(), model.algorithm.head, (), model.algorithm.phases, learning_of(method, model, 0)
    )
    inputs, targets, labelled = draw_batch(model, method, rows)
    step = partial(model.engine.step, inputs, targets, 1e-6, 0, Moment(1000, LATE, labelled))
    calls = record(model, step)
    times: dict[str, list[float]] = {"step": [], "passes": []}
    for _ in range(steps + 1):
        times["step"].append(timed(step))
        times["passes"].append(timed(partial(replay, calls)))
    whole, passes = (1e3 * statistics.median(values[1:]) for values in times.values())
    network = sum(value.size for value in model.engine.weights().values())
    held = sum(value.size for value in model.engine.training_state().values())
    learned = sum(p.numel() for _, p in model.engine._parameters())
    ratios = (f"{whole / passes:.2f}", f"{learned / network:.2f}", f"{(network + held) / network:.2f}")
    return [f"{whole:.0f}", f"{passes:.0f}", *ratios]


def draw_batch(model: zoo.Model, method: Any, rows: int) -> tuple[Any, Any, int]:
    """Draw a batch whose first half carries labels where the method mixes two kinds of images."""
    rng = np.random.default_rng(0)
    samples = [type(model.algorithm).example(model.config, np.random.default_rng(seed)) for seed in range(rows)]
    inputs = stack([model.algorithm.preprocess(sample.image) for sample in samples])
    targets = stack([model.algorithm.targets(sample) for sample in samples])
    if method.uses_partial:
        targets["mask"] = np.where(rng.random(targets["mask"].shape) < 0.05, targets["mask"], 255)
    return inputs, targets, method.labelled_rows(rows)


def record(model: zoo.Model, step: Callable[[], object]) -> list[Call]:
    """Take a step, and return the calls of networks that it made, outermost ones only, with what they were given."""
    torch = importlib.import_module("torch")
    companions = model.engine._companions
    nets = [model.engine.net, *(companions.all.values() if companions else ())]
    calls: list[Call] = []
    inside = [0]

    def watched(own: Callable[..., Any], *given: Any) -> Any:
        if not inside[0]:
            calls.append((own, freed(given), torch.is_grad_enabled()))
        inside[0] += 1
        try:
            return own(*given)
        finally:
            inside[0] -= 1

    changed = [(net, part) for net in nets for part in ("forward", *PARTS) if hasattr(net, part)]
    for net, part in changed:
        setattr(net, part, partial(watched, getattr(net, part)))
    step()
    for net, part in changed:
        delattr(net, part)
    return calls


def freed(value: Any) -> Any:
    """Return tensors apart from what made them, as leaves."""
    if isinstance(value, list | tuple):
        return [freed(item) for item in value]
    return value.detach() if hasattr(value, "detach") else value


def replay(calls: list[Call]) -> None:
    """Repeat calls, and go back through those that had a gradient."""
    torch = importlib.import_module("torch")
    for call, given, has_gradient in calls:
        with torch.set_grad_enabled(has_gradient):
            found = call(*map(leaves, given))
        if has_gradient:
            outputs = [x for x in flat(found) if x.requires_grad]
            torch.autograd.backward(outputs, [torch.ones_like(x) for x in outputs])


def leaves(value: Any) -> Any:
    """Let gradients reach what a decoder is given, as in a step; images are one tensor and need none."""
    if isinstance(value, list):
        return [leaf.detach().requires_grad_() for leaf in value]
    return value


def flat(found: Any) -> list[Any]:
    """List the tensors of what a network returns."""
    if isinstance(found, dict):
        return flat(list(found.values()))
    return [x for item in found for x in flat(item)] if isinstance(found, list | tuple) else [found]


def timed(work: Callable[[], object]) -> float:
    """Return how long it takes [s]."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
