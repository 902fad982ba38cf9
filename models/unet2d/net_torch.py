"""The network of 2D-UNet in PyTorch: five levels, four skips."""

from __future__ import annotations

import torch
from torch import nn

from zoo.common.networks.unet2d_torch import Decoder2d, Scales2d, UNet2d

from .config import Config


class Net(nn.Module):
    """U-Net with one map per class, or a single one for two classes."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        normed, padded = config.norm == "batch", config.padding == "same"
        self.unet = UNet2d(config.input_channels, config.maps, config.width, config.levels, normed, padded)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        # (n, c, h, w), with a margin if not padded -> logits (n, maps, h, w)
        return {"logits": self.unet(image)}

    def encode(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Return the features that decoders start from, finest first."""
        return self.unet.encode(image)

    def decode(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """Return what the network's own decoder makes of them at each level, finest first."""
        return self.unet.decode(features)

    def answer(self, maps: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the outputs for what decode() found."""
        return {"logits": self.unet.head(maps[0])}


class Decoder(nn.Module):
    """One more decoder, see Decoder2d; it only trains."""

    def __init__(self, config: Config, up: str = "transposed") -> None:
        super().__init__()
        normed, padded = config.norm == "batch", config.padding == "same"
        self.unet = Decoder2d(config.maps, config.width, config.levels, normed, padded, up)

    def forward(self, features: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        # of encode() -> logits (n, maps, h, w)
        return {"logits": self.unet(features)}


class Scales(nn.Module):
    """Heads for the coarser levels of the decoder, see Scales2d; they only train."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.unet = Scales2d(config.maps, config.width, config.levels)

    def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        # of decode() -> (n, maps, h, w) for each level but the finest
        return self.unet(maps)
