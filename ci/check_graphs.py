"""Make the graphs of every algorithm, variant and checkpoint, and hold OpenVINO and ONNX Runtime against PyTorch.

Prints the largest difference of each, as a share of the largest value of the output; a runtime that is refused is told
with the output's name. Minutes for the small networks, an hour for the paper's. Random weights are offset as training
leaves them: biases and running means away from zero, variances away from one.
"""

from __future__ import annotations

import argparse
import sys

import zoo
from zoo.common.types import Arrays
from zoo.graphs.check import as_trained
from zoo.graphs.store import found_earlier
from zoo.registry import info, list_models
from zoo.registry.package import Package

RUNTIMES = ("openvino", "onnxruntime")


def check(name: str, what: str, torch: zoo.Model, weights: Arrays) -> bool:
    """Print a line per runtime; False where one is refused."""
    is_right = True
    for runtime in RUNTIMES:
        try:
            options = {"checkpoint": None, "variant": torch.variant, "state_dict": weights}
            options |= {field: value for field, value in vars(torch.config).items()}
            runner = zoo.load(name, backend=runtime, **options).engine  # which holds itself against PyTorch
            found = found_earlier(runner.graph, runner.runtime)
            worst = max(found, key=lambda output: found[output])
            print(f"{name} {what} {runtime}: {found[worst]:.1e} ({worst})", flush=True)
        except zoo.ZooError as error:
            print(f"{name} {what} {runtime}: refused. {error}", flush=True)
            is_right = False
    return is_right


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
                model = zoo.load(name, backend="torch", checkpoint=None, variant=variant)
                weights = as_trained(model.engine.weights())
                model.engine.load(weights)
                refused += not check(name, variant, model, weights)
        for checkpoint in info(name).checkpoints:
            if asked.variant is None or "checkpoints" in asked.variant:
                model = zoo.load(name, backend="torch", checkpoint=checkpoint)
                refused += not check(name, checkpoint, model, model.engine.weights())
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()
