"""A U-Net of residual blocks in MindSpore, whose decoder may stop at a coarser grid than the input's."""

from __future__ import annotations

from collections.abc import Sequence

from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with norms beside a shortcut (He et al. 2016), which projects where shapes change."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        if inputs == outputs and stride == 1:
            self.shortcut = nn.Identity()
        else:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def construct(self, x: Tensor) -> Tensor:
        # (n, inputs, h, w) -> (n, outputs, h / stride, w / stride)
        y = self.relu(self.norm1(self.conv1(x)))
        return self.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ResidualUNet2d(nn.Module):
    """An encoder that halves the grid at each level but the first, a decoder up to level `until`.

    widths: channels per level, finest first. The output has widths[until] channels and 1 / 2**until of the size.
    """

    def __init__(self, inputs: int, widths: Sequence[int], until: int) -> None:
        super().__init__()
        self.until = until
        pairs = zip([inputs, *widths[:-1]], widths, strict=True)
        self.encoder = nn.ModuleList([ResidualBlock(a, b, 2 if level else 1) for level, (a, b) in enumerate(pairs)])
        levels = range(until, len(widths) - 1)
        self.up = nn.ModuleList([nn.ConvTranspose2d(widths[i + 1], widths[i], 2, stride=2) for i in levels])
        self.decoder = nn.ModuleList([ResidualBlock(2 * widths[i], widths[i]) for i in levels])

    def construct(self, x: Tensor) -> Tensor:
        # (n, inputs, h, w) -> (n, widths[until], h / 2**until, w / 2**until)
        maps = []
        for block in self.encoder:
            x = block(x)
            maps.append(x)
        for i in range(len(self.up) - 1, -1, -1):
            x = self.decoder[i](ops.cat([maps[self.until + i], self.up[i](x)], axis=1))
        return x
