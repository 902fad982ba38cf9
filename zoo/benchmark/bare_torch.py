"""The bare network's forward in PyTorch, without anything of the zoo around it; what the benchmark compares with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from zoo.common.types import Arrays


def bare_forward(net: torch.nn.Module, inputs: Arrays, device: str) -> Callable[[], None]:
    """Return a call that runs the network once on tensors that are already on the device, and waits for it."""
    net.eval()
    tensors = [torch.from_numpy(np.ascontiguousarray(value)).to(device) for value in inputs.values()]

    def run() -> None:
        with torch.inference_mode():
            net(*tensors)
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    return run
