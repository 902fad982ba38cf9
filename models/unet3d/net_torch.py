"""The network of the 3D-UNet in PyTorch (Cicek et al. 2016, figure 2), with convolutions that keep the size."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .config import Config


class Double(nn.Module):
    """Two 3 x 3 x 3 convolutions, each with batch norm and ReLU."""

    def __init__(self, inputs: int, middle: int, outputs: int, config: Config) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(inputs, middle, 3, padding=1, bias=config.conv_bias)
        self.bn1 = nn.BatchNorm3d(middle, affine=config.norm_affine)
        self.conv2 = nn.Conv3d(middle, outputs, 3, padding=1, bias=config.conv_bias)
        self.bn2 = nn.BatchNorm3d(outputs, affine=config.norm_affine)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # (n, inputs, d, h, w) -> (n, outputs, d, h, w)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)))


class Net(nn.Module):
    """Encoder, decoder and a head; with deep supervision two more heads that speak in training only."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        w, levels, k = config.width, config.levels, len(config.classes)
        inputs = [config.input_channels, *(w * 2**i for i in range(1, levels))]
        self.encoders = nn.ModuleList([Double(inputs[i], w * 2**i, w * 2 ** (i + 1), config) for i in range(levels)])
        self.pool = nn.MaxPool3d(2)
        coarse = [w * 2 ** (i + 2) for i in range(levels - 1)]  # channels that come up to level i
        self.ups = nn.ModuleList([nn.ConvTranspose3d(c, c, 2, stride=2, bias=config.up_bias) for c in coarse])
        self.decoders = nn.ModuleList([Double(c // 2 + c, c // 2, c // 2, config) for c in coarse])
        self.head = nn.Conv3d(2 * w, k, 1)
        extra = coarse[: min(2, levels - 2)] if config.deep_supervision else []
        self.extra_heads = nn.ModuleList([nn.Conv3d(c, k, 1) for c in extra])

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        # (n, c, d, h, w) -> logits (n, k, d, h, w); in training also extra_1 (n, k, d/2, ...), extra_2 (n, k, d/4, ...)
        return self.answer(self.decode(self.encode(x)))

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the features that decoders start from, finest first."""
        skips: list[torch.Tensor] = []
        for encoder in self.encoders:  # a slice of these would rename their weights in MindSpore
            x = encoder(x if not skips else self.pool(skips[-1]))
            skips.append(x)
        return skips

    def decode(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """Return what the network's own decoder makes of them at each level, finest first."""
        x, found = features[-1], []
        for level in range(len(features) - 2, -1, -1):
            x = self.decoders[level](torch.cat([features[level], self.ups[level](x)], dim=1))
            found.append(x)
        return found[::-1]

    def answer(self, maps: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the outputs for what decode() found."""
        outputs = {"logits": self.head(maps[0])}
        if self.training:
            for i, head in enumerate(self.extra_heads):
                outputs[f"extra_{i + 1}"] = head(maps[1 + i])
        return outputs


class Decoder(nn.Module):
    """One more decoder for the features of the network, which only trains.

    up: how it doubles a grid: "transposed" as the network itself, or "bilinear" (linear along each axis) or "nearest",
    and a 1 x 1 x 1 convolution.
    """

    def __init__(self, config: Config, up: str = "transposed") -> None:
        super().__init__()
        w, levels = config.width, config.levels
        coarse = [w * 2 ** (i + 2) for i in range(levels - 1)]
        self.mode = up
        if up == "transposed":
            self.ups = nn.ModuleList([nn.ConvTranspose3d(c, c, 2, stride=2, bias=config.up_bias) for c in coarse])
        else:
            self.ups = nn.ModuleList([nn.Conv3d(c, c, 1) for c in coarse])
        self.decoders = nn.ModuleList([Double(c // 2 + c, c // 2, c // 2, config) for c in coarse])
        self.head = nn.Conv3d(2 * w, len(config.classes), 1)

    def forward(self, features: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        # of encode() -> logits (n, k, d, h, w)
        x = features[-1]
        for level in range(len(features) - 2, -1, -1):
            x = self.ups[level](x if self.mode == "transposed" else enlarge(x, self.mode))
            x = self.decoders[level](torch.cat([features[level], x], dim=1))
        return {"logits": self.head(x)}


class Scales(nn.Module):
    """Heads for the coarser levels of the decoder, each brought to the size of the finest; they only train."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        coarse = [config.width * 2 ** (i + 2) for i in range(config.levels - 2)]
        self.heads = nn.ModuleList([nn.Conv3d(c, len(config.classes), 1) for c in coarse])

    def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        # of decode() -> (n, k, d, h, w) for each level but the finest
        size = tuple(maps[0].shape[2:])
        answers = [head(maps[1 + level]) for level, head in enumerate(self.heads)]
        return [functional.interpolate(x, size=size, mode="trilinear", align_corners=False) for x in answers]


def enlarge(x: torch.Tensor, mode: str) -> torch.Tensor:
    """Double the sides of (n, c, d, h, w); "bilinear" is trilinear here."""
    size = tuple(2 * side for side in x.shape[2:])
    if mode == "nearest":
        return functional.interpolate(x, size=size, mode="nearest")
    return functional.interpolate(x, size=size, mode="trilinear", align_corners=False)
