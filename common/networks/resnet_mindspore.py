"""ResNets in MindSpore with the parameter names of timm: all maps, norms that learn or do not, the stride on 3 or 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn

EPS = 1e-5
EXPANSION = 4  # output channels of a bottleneck per inner channel


class FrozenBatchNorm2d(nn.Module):
    """Scale and shift each channel by fixed numbers, which come with published weights."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.parameter(channels, value=1.0, trained=False)
        self.bias = nn.parameter(channels, trained=False)
        self.running_mean = nn.parameter(channels, trained=False)
        self.running_var = nn.parameter(channels, value=1.0, trained=False)

    def construct(self, x: Tensor) -> Tensor:
        # (n, c, h, w) -> (n, c, h, w)
        scale = self.weight * ops.rsqrt(self.running_var + EPS)
        shift = self.bias - self.running_mean * scale
        return x * scale.reshape(-1, 1, 1) + shift.reshape(-1, 1, 1)


@dataclass(frozen=True)
class Style:
    """How the blocks are made.

    bottleneck: 1 x 1, 3 x 3 and 1 x 1 as in ResNet-50, else two 3 x 3. is_frozen: the norms do not learn.
    stride_in_1x1: a bottleneck halves the size in its first convolution, as MSRA's weights have it; v1.5, and timm's
    weights, in its 3 x 3.
    """

    bottleneck: bool = False
    is_frozen: bool = False
    stride_in_1x1: bool = False

    def norm(self, channels: int) -> nn.Module:
        """Build the norm."""
        return FrozenBatchNorm2d(channels) if self.is_frozen else nn.BatchNorm2d(channels)

    def projection(self, inputs: int, outputs: int, stride: int) -> nn.Module:
        """Match the channels and the size of the residual."""
        if inputs == outputs and stride == 1:
            return nn.Identity()
        return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), self.norm(outputs))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and the residual."""

    def __init__(self, inputs: int, width: int, stride: int, style: Style) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = style.norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = style.norm(width)
        self.relu = nn.ReLU()
        self.downsample = style.projection(inputs, width, stride)

    def construct(self, x: Tensor) -> Tensor:
        # (n, inputs, h, w) -> (n, width, h/s, w/s)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + self.downsample(x))


class Bottleneck(nn.Module):
    """A 3 x 3 convolution between two 1 x 1, and the residual."""

    def __init__(self, inputs: int, width: int, stride: int, style: Style) -> None:
        super().__init__()
        outputs = EXPANSION * width
        first, second = (stride, 1) if style.stride_in_1x1 else (1, stride)
        self.conv1 = nn.Conv2d(inputs, width, 1, stride=first, bias=False)
        self.bn1 = style.norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=second, padding=1, bias=False)
        self.bn2 = style.norm(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = style.norm(outputs)
        self.relu = nn.ReLU()
        self.downsample = style.projection(inputs, outputs, stride)

    def construct(self, x: Tensor) -> Tensor:
        # (n, inputs, h, w) -> (n, 4 width, h/s, w/s)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + self.downsample(x))


def stage(width: int, blocks: int, index: int, style: Style) -> nn.Module:
    """Build stage 0..3 of a network of `width`; the first block halves the size, but for stage 0."""
    inner = width * 2**index
    factor = EXPANSION if style.bottleneck else 1
    block = Bottleneck if style.bottleneck else BasicBlock
    inputs = width if index == 0 else factor * inner // 2
    first = block(inputs, inner, 1 if index == 0 else 2, style)
    return nn.Sequential(first, *[block(factor * inner, inner, 1, style) for _ in range(blocks - 1)])


class ResNetBody(nn.Module):
    """Stem and four stages, as the base of a network; each halves the size, as the pooling behind the stem does."""

    def __init__(self, inputs: int, width: int, layers: Sequence[int], style: Style) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = style.norm(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(width, layers[0], 0, style)
        self.layer2 = stage(width, layers[1], 1, style)
        self.layer3 = stage(width, layers[2], 2, style)
        self.layer4 = stage(width, layers[3], 3, style)
        self.outputs = 8 * width * (EXPANSION if style.bottleneck else 1)  # channels of the last map

    def maps(self, image: Tensor) -> tuple[Tensor, ...]:
        # (n, c, h, w) -> maps of h/2, h/4, h/8, h/16 and h/32
        f0 = self.relu(self.bn1(self.conv1(image)))
        f1 = self.layer1(self.maxpool(f0))
        f2 = self.layer2(f1)
        f3 = self.layer3(f2)
        return f0, f1, f2, f3, self.layer4(f3)


class ResNet(ResNetBody):
    """All maps of the body."""

    def construct(self, image: Tensor) -> tuple[Tensor, ...]:
        # (n, c, h, w) -> see maps()
        return self.maps(image)
