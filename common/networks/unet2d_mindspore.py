"""The 2D U-Net in MindSpore (Ronneberger et al. 2015): as published, or padded and normalised."""

from __future__ import annotations

from itertools import pairwise

from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn


class DoubleConv(nn.Module):
    """Two 3 x 3 convolutions, each with a norm if asked for, and ReLU; without padding a side loses 4 px."""

    def __init__(self, inputs: int, outputs: int, normed: bool, padded: bool) -> None:
        super().__init__()
        padding = 1 if padded else 0
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=padding, bias=not normed)
        self.norm1 = nn.BatchNorm2d(outputs) if normed else nn.Identity()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=padding, bias=not normed)
        self.norm2 = nn.BatchNorm2d(outputs) if normed else nn.Identity()
        self.relu = nn.ReLU()

    def construct(self, x: Tensor) -> Tensor:
        # (n, inputs, h, w) -> (n, outputs, h, w) or (n, outputs, h - 4, w - 4)
        x = self.relu(self.norm1(self.conv1(x)))
        return self.relu(self.norm2(self.conv2(x)))


class UNet2d(nn.Module):
    """Encoder with 2 x 2 max-pooling, decoder with 2 x 2 transposed convolutions, skips between equal sizes."""

    def __init__(
        self, inputs: int, outputs: int, width: int, levels: int, normed: bool = True, padded: bool = True
    ) -> None:
        super().__init__()
        widths = [width * 2**k for k in range(levels)]
        pairs = list(pairwise(widths))
        self.padded = padded
        self.encoder = nn.ModuleList([DoubleConv(a, b, normed, padded) for a, b in [(inputs, width), *pairs]])
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList([nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairs])
        self.decoder = nn.ModuleList([DoubleConv(b, a, normed, padded) for a, b in pairs])
        self.head = nn.Conv2d(width, outputs, 1)

    def construct(self, x: Tensor) -> Tensor:
        # (n, inputs, h, w) -> (n, outputs, h, w), smaller by `margin_px` without padding
        return self.head(self.decode(self.encode(x))[0])

    def encode(self, x: Tensor) -> list[Tensor]:
        """Return the features of each level, finest first."""
        skips = []
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        return skips

    def decode(self, skips: list[Tensor]) -> list[Tensor]:
        """Return what the decoder made of the features at each level but the coarsest, finest first."""
        x, found = skips[-1], []
        for level in range(len(self.up) - 1, -1, -1):
            x = self.up[level](x)
            skip = skips[level] if self.padded else crop(skips[level], x.shape[2], x.shape[3])
            x = self.decoder[level](ops.cat([skip, x], axis=1))
            found.append(x)
        return found[::-1]


class Decoder2d(nn.Module):
    """One more decoder for the features of a U-Net, for methods that compare several answers.

    up: how it doubles a grid: "transposed" as the U-Net itself, or "bilinear" or "nearest" and a 1 x 1 convolution.
    """

    def __init__(
        self, outputs: int, width: int, levels: int, normed: bool = True, padded: bool = True, up: str = "transposed"
    ) -> None:
        super().__init__()
        pairs = list(pairwise([width * 2**k for k in range(levels)]))
        self.padded, self.mode = padded, up
        if up == "transposed":
            self.up = nn.ModuleList([nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairs])
        else:
            self.up = nn.ModuleList([nn.Conv2d(b, a, 1) for a, b in pairs])
        self.decoder = nn.ModuleList([DoubleConv(b, a, normed, padded) for a, b in pairs])
        self.head = nn.Conv2d(width, outputs, 1)

    def construct(self, skips: list[Tensor]) -> Tensor:
        # features of each level, finest first -> (n, outputs, h, w)
        x = skips[-1]
        for level in range(len(self.up) - 1, -1, -1):
            x = self.up[level](x if self.mode == "transposed" else enlarge(x, self.mode))
            skip = skips[level] if self.padded else crop(skips[level], x.shape[2], x.shape[3])
            x = self.decoder[level](ops.cat([skip, x], axis=1))
        return self.head(x)


class Scales2d(nn.Module):
    """Heads for the coarser levels of a decoder, each brought to the size of the finest."""

    def __init__(self, outputs: int, width: int, levels: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList([nn.Conv2d(width * 2**k, outputs, 1) for k in range(1, levels - 1)])

    def construct(self, maps: list[Tensor]) -> list[Tensor]:
        # what decode() found -> (n, outputs, h, w) for each level but the finest
        size = (maps[0].shape[2], maps[0].shape[3])
        answers = [head(maps[1 + level]) for level, head in enumerate(self.heads)]
        return [ops.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in answers]


def enlarge(x: Tensor, mode: str) -> Tensor:
    """Double the sides of (n, c, h, w)."""
    size = (2 * x.shape[2], 2 * x.shape[3])
    if mode == "nearest":
        return ops.interpolate(x, size=size, mode="nearest")
    return ops.interpolate(x, size=size, mode="bilinear", align_corners=False)


def crop(x: Tensor, height: int, width: int) -> Tensor:
    """Cut out the middle of (n, c, h, w)."""
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    return x[:, :, top : top + height, left : left + width]
