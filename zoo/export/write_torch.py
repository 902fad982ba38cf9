"""Write a traced network as TorchScript."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from zoo.common.types import Arrays
from zoo.export.formats import Written
from zoo.graphs.check import draw_inputs
from zoo.graphs.export_torch import TRACED, Ordered
from zoo.model import Model


def write(model: Model, folder: Path, precision: str) -> Written:
    """Trace the network and write it; the file, read again, says what it computes."""
    inputs = draw_inputs(model.algorithm, TRACED)
    tensors = tuple(torch.from_numpy(value) for value in inputs.values())
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of sizes that are constants of the trace
        torch.jit.save(torch.jit.trace(Ordered(model.net).eval(), tensors), str(folder / "net.pt"))
        again = torch.jit.load(str(folder / "net.pt"))
    return ["net.pt"], answering(again, list(model.engine.forward(inputs)))


def answering(module: Callable[..., tuple[torch.Tensor, ...]], names: list[str]) -> Callable[[Arrays], Arrays]:
    """Return a module of ordered inputs and outputs as a function of named arrays."""

    def forward(arrays: Arrays) -> dict[str, np.ndarray]:
        with torch.inference_mode():
            found = module(*(torch.from_numpy(np.ascontiguousarray(value)) for value in arrays.values()))
        return {name: value.numpy() for name, value in zip(names, found, strict=True)}

    return forward
