"""The network of Covid-Detection-Transformer in PyTorch: DETR as published, or with chosen queries."""

from __future__ import annotations

import torch
from torch import nn

from .chosen_torch import ChosenDetr
from .config import Config
from .plain_torch import PlainDetr


class Net(nn.Module):
    """One of the two."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.detr = PlainDetr(config) if config.is_plain else ChosenDetr(config)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        # (n, c, h, w) -> logits (n, layers, queries, values), boxes (n, layers, queries, 4), maps of chosen queries
        return self.detr(image)
