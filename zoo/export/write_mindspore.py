"""Write a network as MindIR; MindSpore's own export to ONNX is not there for networks that pool."""

from __future__ import annotations

from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from zoo.common.types import Arrays
from zoo.engines.engine_mindspore import turn
from zoo.export.formats import Written
from zoo.graphs.check import BATCHES, draw_inputs
from zoo.model import Model


class Ordered(nn.Cell):
    """A network with its outputs in their order instead of by name."""

    def __init__(self, net: nn.Cell, names: tuple[str, ...]) -> None:
        super().__init__()
        self.net, self.names = net, names

    def construct(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        # as the network takes them -> its outputs
        outputs = self.net(*inputs)
        return tuple(outputs[name] for name in self.names)


def write(model: Model, folder: Path, precision: str) -> Written:
    """Export the network, one file per batch size that is checked; read again, it says what it computes."""
    names = tuple(model.engine.forward(draw_inputs(model.algorithm, 1)))
    loaded = {}
    with turn():
        model.net.set_train(False)
        for count in BATCHES:
            tensors = [Tensor(value) for value in draw_inputs(model.algorithm, count).values()]
            path = folder / f"net_batch{count}.mindir"
            ms.export(Ordered(model.net, names), *tensors, file_name=str(path), file_format="MINDIR")
            loaded[count] = nn.GraphCell(ms.load(str(path)))

    def forward(arrays: Arrays) -> dict[str, np.ndarray]:
        with turn():
            count = len(next(iter(arrays.values())))
            found = loaded[count](*(Tensor(np.ascontiguousarray(value)) for value in arrays.values()))
            found = found if isinstance(found, tuple) else (found,)
            return {name: value.asnumpy().copy() for name, value in zip(names, found, strict=True)}

    return [f"net_batch{count}.mindir" for count in BATCHES], forward
