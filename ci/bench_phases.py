"""Time one training step of an algorithm against the passes it cannot do without, interleaved, in one framework.

python ci/bench_phases.py WeaklyLesionLocalisation --backend mindspore

The passes are the objective of each phase and its gradient by the weights of that phase; the step adds clipping, the
optimisers, the moving average and what the engine does around them. A GAN's aim is 1.15 times its passes.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import zoo
from zoo.common.batches import stack
from zoo.model import Model


def batch_of(model: Model, count: int) -> tuple[Any, Any]:
    """Draw labelled examples until both classes are there, and stack them."""
    rng = np.random.default_rng(0)
    samples = [type(model.algorithm).example(model.config, rng) for _ in range(2 * count)]
    inputs = stack([model.algorithm.preprocess(sample.image) for sample in samples])
    return inputs, stack([model.algorithm.targets(sample) for sample in samples])


def torch_passes(model: Model, batch: tuple[Any, Any]) -> Callable[[], object]:
    """Return what runs each phase's objective and its gradient in PyTorch, and nothing else."""
    import torch

    engine: Any = model.engine

    def run() -> None:
        tensors = [engine._tensors(arrays) for arrays in batch]
        engine._train_mode()
        for part, (phase, own) in enumerate(engine._parts):
            with engine._only(own):
                terms = engine._terms(*tensors, phase.name, np.random.default_rng(part))
                torch.autograd.grad(torch.stack(list(terms.values())).sum(), own)

    return run


def mindspore_passes(model: Model, batch: tuple[Any, Any]) -> Callable[[], object]:
    """Return what runs each phase's objective and its gradient in MindSpore, and nothing else."""
    import mindspore as ms

    from zoo.engines import engine_mindspore

    engine: Any = model.engine

    def run() -> None:
        tensors = [engine_mindspore._tensors(arrays) for arrays in batch]
        engine._train_mode()
        for number, part in enumerate(engine._parts):

            def total(inputs: Any, targets: Any, part: Any = part, number: int = number) -> Any:
                terms = engine._terms(inputs, targets, part.phase, np.random.default_rng(number))
                return sum(terms.values())

            weights = ms.ParameterTuple(list(part.parameters.values()))
            value, _ = ms.value_and_grad(total, None, weights)(*tensors)
            value.asnumpy()

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--variant", default="small")
    parser.add_argument("--backend", default="torch", choices=("torch", "mindspore"))
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    model = zoo.load(options.name, backend=options.backend, checkpoint=None, variant=options.variant)
    recipe, algorithm = model.recipe(), model.algorithm
    model.engine.start_training(recipe, algorithm.head, algorithm.undecayed, algorithm.phases)
    batch = batch_of(model, recipe.batch_size)
    passes = (torch_passes if options.backend == "torch" else mindspore_passes)(model, batch)
    runs = {"step": lambda: model.engine.step(*batch, 1e-4, 0), "its passes": passes}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(options.repeats + 2):  # two to warm up
        for name, run in runs.items():
            started = time.process_time()
            run()
            if repeat > 1:
                times[name].append(time.process_time() - started)
    table = Table("what", "median processor time", title=f"{options.name} {options.variant}, {options.backend}")
    for name, values in times.items():
        table.add_row(name, f"{1e3 * statistics.median(values):.1f} ms")
    ratio = statistics.median(a / b for a, b in zip(*times.values(), strict=True))
    table.add_row("ratio", f"{ratio:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
