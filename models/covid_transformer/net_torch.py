"""The network of Covid-Transformer in PyTorch: a vision transformer that tells what its class token looked at."""

from __future__ import annotations

import torch
from torch import nn

from zoo.common.networks.vit_torch import VisionTransformer

from .config import Config


def rollout(attention: list[torch.Tensor]) -> torch.Tensor:
    """Multiply the attention of all blocks, each mixed half and half with the residual (Abnar & Zuidema 2020)."""
    tokens = attention[0].shape[-1]
    residual = torch.eye(tokens, device=attention[0].device)
    flow = 0.5 * attention[0] + 0.5 * residual
    for weights in attention[1:]:
        flow = (0.5 * weights + 0.5 * residual) @ flow
    return flow


class Net(VisionTransformer):
    """The body and a linear head on the class token."""

    def __init__(self, config: Config) -> None:
        super().__init__(
            config.input_channels,
            config.input_size,
            config.patch,
            config.stem,
            config.dim,
            config.depth,
            config.heads,
            config.drop_path,
        )
        self.head = nn.Linear(config.dim, len(config.classes))

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        # (n, c, h, w) -> logits (n, classes); when not training also rollout (n, h / patch, w / patch)
        tokens, attention = self.tokens(image)
        logits = self.head(tokens[:, 0])
        if self.training:
            return {"logits": logits}
        return {"logits": logits, "rollout": rollout(attention)[:, 0, 1:].unflatten(1, self.grid)}
