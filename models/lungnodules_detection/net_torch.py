"""The network of LungNodules-Detection in PyTorch: a body, and one head per quantity (Zhou et al. 2019)."""

from __future__ import annotations

import torch
from torch import nn

from zoo.common.networks.dla34_torch import DLA34, DLAUp, IDAUp
from zoo.common.networks.residual_unet_torch import ResidualUNet2d

from .config import Config


class Dla34Body(nn.Module):
    """DLA-34 and its neck, to stride 4."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        stages = config.channels[2:]
        self.backbone = DLA34(config.channels, config.input_channels)
        self.dla_up = DLAUp(stages, config.deformable)
        self.ida_up = IDAUp(stages[:3], stages[0], (1, 2, 4), config.deformable)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # (n, c, h, w) -> (n, channels[2], h/4, w/4)
        maps = self.dla_up(self.backbone(x))
        return self.ida_up(maps[:3])[-1]


def head(inputs: int, inner: int, outputs: int) -> nn.Module:
    """Predict one quantity per cell."""
    return nn.Sequential(nn.Conv2d(inputs, inner, 3, padding=1), nn.ReLU(), nn.Conv2d(inner, outputs, 1))


class Net(nn.Module):
    """Body and heads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        until = config.stride.bit_length() - 1
        if config.body == "dla34":
            self.body, width = Dla34Body(config), config.channels[2]
        else:
            self.body = ResidualUNet2d(config.input_channels, config.channels, until)
            width = config.channels[until]
        self.heads = nn.ModuleDict(
            {name: head(width, config.head_channels, count) for name, count in config.outputs.items()}
        )

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        # (n, c, h, w) -> per head (n, channels, h/stride, w/stride)
        features = self.body(x)
        return {name: layers(features) for name, layers in self.heads.items()}
