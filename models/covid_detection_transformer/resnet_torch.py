"""The body of plain DETR in PyTorch: ResNet-50 to stride 32, with norms that do not learn."""

from __future__ import annotations

import torch
from torch import nn

from .config import DEPTHS

EPS = 1e-5
STEM = 64  # channels of the first map
EXPANSION = 4  # output channels of a block, as a multiple of its inner ones


class FrozenBatchNorm2d(nn.Module):
    """Scale and shift each channel by fixed numbers, which come with published weights."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # (n, c, h, w) -> (n, c, h, w)
        scale = self.weight * torch.rsqrt(self.running_var + EPS)
        shift = self.bias - self.running_mean * scale
        return x * scale[:, None, None] + shift[:, None, None]


class Bottleneck(nn.Module):
    """A 3 x 3 convolution between two 1 x 1, and the residual; the stride is on the 3 x 3."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = EXPANSION * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = FrozenBatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = FrozenBatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = FrozenBatchNorm2d(outputs)
        self.relu = nn.ReLU()
        if inputs == outputs and stride == 1:
            self.downsample = nn.Identity()
        else:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), FrozenBatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # (n, inputs, h, w) -> (n, 4 width, h / stride, w / stride)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.relu(self.bn3(self.conv3(y)) + self.downsample(x))


def stage(index: int) -> nn.Module:
    """Build stage 0..3; the first block halves the size, but for stage 0."""
    width = STEM * 2**index
    inputs = STEM if index == 0 else EXPANSION * width // 2
    first = Bottleneck(inputs, width, 1 if index == 0 else 2)
    return nn.Sequential(first, *[Bottleneck(EXPANSION * width, width, 1) for _ in range(DEPTHS[index] - 1)])


class FrozenResNet50(nn.Module):
    """Stem and four stages."""

    outputs = 8 * EXPANSION * STEM

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, STEM, 7, stride=2, padding=3, bias=False)
        self.bn1 = FrozenBatchNorm2d(STEM)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(0)
        self.layer2 = stage(1)
        self.layer3 = stage(2)
        self.layer4 = stage(3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        # (n, c, h, w) -> (n, 2048, h/32, w/32)
        x = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))
