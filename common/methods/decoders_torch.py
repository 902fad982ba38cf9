"""What methods with several decoders share in PyTorch: one encoder, the answer of each decoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from zoo.common.methods.run_torch import Run, Tensors, total


def answers(run: Run) -> list[Tensors]:
    """Return the outputs of the network and of each further decoder for the whole batch."""

    def ask(image: torch.Tensor) -> list[Tensors]:
        features, outputs = answered(run.nets[0], image)
        return [outputs, *(decoder(features) for decoder in run.nets[1:])]

    return [floats(outputs) for outputs in run.apart(ask)]


def answered(net: nn.Module, image: torch.Tensor) -> tuple[list[torch.Tensor], Tensors]:
    """Return what the encoder found, and what the network's own decoder answers."""
    features = net.encode(image)
    return features, net.answer(net.decode(features))


def floats(outputs: Tensors) -> Tensors:
    """Return outputs in full precision."""
    return {name: value.float() for name, value in outputs.items()}


def averaged(terms: Sequence[Tensors]) -> Tensors:
    """Average terms of the same names."""
    return {name: total([one[name] for one in terms]) / len(terms) for name in terms[0]}


def mean_of(maps: Sequence[torch.Tensor]) -> torch.Tensor:
    """Average maps of one shape."""
    return sum(maps[1:], maps[0]) / len(maps)
