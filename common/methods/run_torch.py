"""What a method has at hand in one step, in PyTorch: networks, batch, the entry's own loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from zoo.common.methods.contract import Moment

Tensors = dict[str, torch.Tensor]


@dataclass
class Run:
    """One step. Rows of the batch with labels come first; `labelled` counts them."""

    nets: Sequence[nn.Module]  # that learn, the one that is shipped first
    teacher: nn.Module | None
    inputs: Tensors
    targets: Tensors
    losses: Callable[[Tensors, Tensors], Tensors]  # the entry's own
    moment: Moment
    rng: np.random.Generator  # of this step, the same in both frameworks
    spread: float = 1.0  # standard deviation of the images of the batch
    memory: dict[str, np.ndarray] = field(default_factory=dict)  # what the method keeps from step to step
    told: dict[str, float] = field(default_factory=dict)  # what is logged beside the loss terms

    @property
    def labelled(self) -> int:
        """Rows that carry labels."""
        rows = len(next(iter(self.inputs.values())))
        return rows if self.moment.labelled is None else min(rows, self.moment.labelled)

    @property
    def image(self) -> torch.Tensor:
        """The image that the network takes, (n, c, *size)."""
        return next(iter(self.inputs.values()))

    def outputs(self, net: nn.Module, inputs: Tensors | None = None) -> Tensors:
        """Ask a network, of the whole batch unless told."""
        found = net(*inputs.values()) if inputs is not None else self.apart(lambda *images: net(*images))
        return {name: value.float() for name, value in found.items()}

    def apart(self, ask: Callable[..., Any]) -> Any:
        """Ask about the rows with labels and about the others apart; join the tensors of both answers.

        In one batch its norms would mix them, and images without a label change what is learned from the others.
        """
        rows, inputs = self.labelled, list(self.inputs.values())
        if rows == len(inputs[0]):
            return ask(*inputs)
        return joined(ask(*(value[:rows] for value in inputs)), ask(*(value[rows:] for value in inputs)))

    def supervised(self, outputs: Tensors) -> Tensors:
        """Return the entry's own terms of the rows that carry labels."""
        return self.losses(head(outputs, self.labelled), head(self.targets, self.labelled))

    def like_mask(self, labels: torch.Tensor) -> torch.Tensor:
        """Return labels as a loss takes masks."""
        return labels.to(self.targets["mask"].dtype)

    def array(self, value: np.ndarray) -> torch.Tensor:
        """Bring an array to the device of the batch."""
        return torch.from_numpy(np.ascontiguousarray(value)).to(self.image.device)

    def numbers(self, x: torch.Tensor) -> np.ndarray:
        """Take values out, without their gradient."""
        return np.asarray(x.detach().float().cpu().numpy())


def joined(first: Any, second: Any) -> Any:
    """Join tensors row by row, in mappings and sequences of them, too."""
    if isinstance(first, dict):
        return {name: joined(value, second[name]) for name, value in first.items()}
    if isinstance(first, list | tuple):
        return [joined(one, other) for one, other in zip(first, second, strict=True)]
    return torch.cat((first, second))


def head(tensors: Tensors, rows: int) -> Tensors:
    """Return the first rows."""
    return {name: value[:rows] for name, value in tensors.items()}


def tail(tensors: Tensors, rows: int) -> Tensors:
    """Return what comes after the first rows."""
    return {name: value[rows:] for name, value in tensors.items()}


def total(terms: Sequence[torch.Tensor]) -> torch.Tensor:
    """Add terms up."""
    return torch.stack(list(terms)).sum()


def still(x: torch.Tensor) -> torch.Tensor:
    """Return a tensor through which no gradient passes."""
    return x.detach()


def value_of(x: torch.Tensor) -> float:
    """Take a number out, without its gradient."""
    return float(x.detach())
