"""The bare network's forward in MindSpore, without anything of the zoo around it; what the benchmark compares with."""

from __future__ import annotations

from collections.abc import Callable

import mindspore
import numpy as np
from mindspore import Tensor, nn

from zoo.common.types import Arrays


def bare_forward(net: nn.Cell, inputs: Arrays, device: str) -> Callable[[], None]:
    """Return a call that runs the network once on tensors that are already there, and waits for it."""
    net.set_train(False)
    tensors = [Tensor(np.ascontiguousarray(value)) for value in inputs.values()]

    def run() -> None:
        net(*tensors)
        mindspore.runtime.synchronize()

    return run
