"""Write a network by torch.export, with a free batch axis."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from zoo.common.errors import BackendError
from zoo.export.formats import Written
from zoo.export.write_torch import answering
from zoo.graphs.check import draw_inputs
from zoo.graphs.export_torch import TRACED, Ordered
from zoo.model import Model


def write(model: Model, folder: Path, precision: str) -> Written:
    """Export the network and write it; the file, read again, says what it computes."""
    inputs = draw_inputs(model.algorithm, TRACED)
    tensors = tuple(torch.from_numpy(value) for value in inputs.values())
    batch = torch.export.Dim("batch", min=1, max=1024)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shapes = (tuple({0: batch} for _ in tensors),)  # of the one argument `*inputs`
            made = torch.export.export(Ordered(model.net).eval(), tensors, dynamic_shapes=shapes)
            torch.export.save(made, str(folder / "net.pt2"))
            again = torch.export.load(str(folder / "net.pt2")).module()
    except Exception as error:  # whatever its many parts raise
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise BackendError(
            f"torch.export does not take {model.name} ({reason:.200}); take torchscript or onnx"
        ) from error
    return ["net.pt2"], answering(again, list(model.engine.forward(inputs)))
