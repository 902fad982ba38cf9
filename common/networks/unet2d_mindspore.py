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
        skips = []
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        for level in range(len(self.up) - 1, -1, -1):
            x = self.up[level](x)
            skip = skips[level] if self.padded else crop(skips[level], x.shape[2], x.shape[3])
            x = self.decoder[level](ops.cat([skip, x], axis=1))
        return self.head(x)


def crop(x: Tensor, height: int, width: int) -> Tensor:
    """Cut out the middle of (n, c, h, w)."""
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    return x[:, :, top : top + height, left : left + width]
