"""Builds a PyTorch network on the meta device, where it takes no memory, and counts its weights."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from zoo.common.weights.allowance import reserve


class Counting(TorchDispatchMode):
    """Reserve every tensor that is made out of nothing."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        is_new = isinstance(made, torch.Tensor) and not any(isinstance(a, torch.Tensor) for a in args)
        if is_new:
            reserve(tuple(made.shape))
        return made


def try_out(net: Callable[[Any], torch.nn.Module], config: object) -> None:
    """Build the network without memory; raises what `reserve` raises, and what the network itself does."""
    # a network that computes with values while it is built cannot be tried so, and is built as it is
    with suppress(NotImplementedError), torch.device("meta"), Counting():
        net(config)
