"""The network of TS-CAM in PyTorch: a vision transformer whose patch tokens carry maps of the classes."""

from __future__ import annotations

import torch
from torch import nn

from zoo.common.networks.vit_torch import VisionTransformer

from .config import Config

LEAST = 1e-6  # weight of a token without lung


def pool(maps: torch.Tensor, weights: torch.Tensor, sharpness: float) -> torch.Tensor:
    """Average (n, k, h, w) with weights (n, h, w); with a sharpness r, log-mean-exp of r times the maps, over r."""
    maps, weights = maps.flatten(2), weights.relu().flatten(1)[:, None] + LEAST
    share = weights / weights.sum(2, keepdim=True)
    if not sharpness:
        return (maps * share).sum(2)
    return torch.logsumexp(sharpness * maps + torch.log(share), 2) / sharpness


class Net(VisionTransformer):
    """The body, a convolution over the grid of tokens, and the mean of its answers."""

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
        self.head = nn.Conv2d(config.dim, len(config.classes), 3, padding=1)
        self.sharpness = config.sharpness

    def forward(self, image: torch.Tensor, lung: torch.Tensor) -> dict[str, torch.Tensor]:
        # (n, c, h, w), (n, gh, gw) -> logits (n, classes), maps (n, classes, gh, gw) and the weights of the tokens in
        # the logits, lung (n, gh, gw); when not training also attention (n, gh, gw), what the class token looked at,
        # summed over the blocks
        tokens, attention = self.tokens(image)
        maps = self.head(tokens[:, 1:].transpose(1, 2).unflatten(2, self.grid))
        outputs = {"logits": pool(maps, lung, self.sharpness), "maps": maps, "lung": lung}
        if self.training:
            return outputs
        looked = torch.stack([weights[:, 0, 1:] for weights in attention]).sum(0)
        return {**outputs, "attention": looked.unflatten(1, self.grid)}
