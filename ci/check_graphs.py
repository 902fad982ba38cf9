"""Make the graphs of every algorithm, variant and checkpoint, and hold OpenVINO and ONNX Runtime against PyTorch.

Prints the largest difference of each, as a share of the largest value of the output; a runtime that is refused is told
with the output's name. Minutes for all small networks, half an hour for the paper's. Random weights are offset as
training leaves them: biases and running means away from zero, variances away from one. Beside it stands by how much the
answers to two inputs differ, of the output that tells them apart least; where that is little, the check says little.
"""

from __future__ import annotations

import argparse
import sys

import zoo
from zoo.common.types import Arrays
from zoo.graphs.check import as_trained, draw_inputs
from zoo.graphs.store import found_earlier
from zoo.registry import info, list_models
from zoo.registry.package import Package

RUNTIMES = ("openvino", "onnxruntime")
SIZES = ("input_size", "patch_size", "window_size")
# What is drawn for the published depth and does not say anything: scores of LOD-Net are all 1.0000, ties that the last
# bit breaks in PyTorch, too; kernels of U-CSRNet (0.01, as published) leave the biases alone at its end.
FACTORS = {("LOD-Net", "paper"): (("rpn.", "box.scores."), 0.01), ("U-CSRNet", "paper"): (("",), 3.0)}


def drawn(name: str, variant: str, weights: Arrays) -> Arrays:
    """Return drawn weights as training leaves them, with answers that can be compared."""
    starts, factor = FACTORS.get((name, variant), ((), 1.0))
    found = as_trained(weights)
    return {key: found[key] * factor if found[key].ndim > 1 and key.startswith(starts) else found[key] for key in found}


def told_apart(torch: zoo.Model) -> str:
    """Return how much an output differs between two inputs, as a share of its largest value; the output with least."""
    one, other = (torch.engine.forward(draw_inputs(torch.algorithm, 1, seed)) for seed in (0, 5))
    shares = {key: float(abs(one[key] - other[key]).max() / abs(one[key]).max()) for key in one if key != "count"}
    least = min(shares, key=lambda key: shares[key])
    return f"inputs differ by {shares[least]:.1e} ({least})"


def check(name: str, what: str, torch: zoo.Model, weights: Arrays) -> bool:
    """Print a line per runtime; False where one is refused."""
    is_right, apart = True, told_apart(torch)
    for runtime in RUNTIMES:
        try:
            options = {"checkpoint": None, "variant": torch.variant, "state_dict": weights}
            options |= {field: value for field, value in vars(torch.config).items()}
            runner = zoo.load(name, backend=runtime, **options).engine  # which holds itself against PyTorch
            found = found_earlier(runner.graph, runner.runtime)
            worst = max(found, key=lambda output: found[output])
            print(f"{name} {what} {runtime}: {found[worst]:.1e} ({worst}); {apart}", flush=True)
        except zoo.ZooError as error:
            print(f"{name} {what} {runtime}: refused. {error}", flush=True)
            is_right = False
    return is_right


def check_variant(name: str, variant: str, side: int = 0) -> bool:
    """Check a variant with drawn weights, on pictures of `side` px if that is not 0 (volumes: half); True if right."""
    config, smaller = Package(info(name)).config.VARIANTS[variant], {}
    for field in SIZES if side else ():
        axes = len(getattr(config, field, ()))
        smaller |= {field: (side // (axes - 1),) * axes} if axes else {}
    model = zoo.load(name, backend="torch", checkpoint=None, variant=variant, **smaller)
    weights = drawn(name, variant, model.engine.weights())
    model.engine.load(weights)
    return check(name, variant, model, weights)


def main() -> None:
    """Check the named algorithms, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--variant", action="append", help="only these; `checkpoints` means the trained weights")
    asked = parser.parse_args()
    refused = 0
    for name in asked.names or list_models():
        for variant in Package(info(name)).config.VARIANTS:
            if asked.variant is None or variant in asked.variant:
                refused += not check_variant(name, variant)
        for checkpoint in info(name).checkpoints:
            if asked.variant is None or "checkpoints" in asked.variant:
                model = zoo.load(name, backend="torch", checkpoint=checkpoint)
                refused += not check(name, checkpoint, model, model.engine.weights())
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()
