"""The encoder of MTCSN in PyTorch: ResNet v1.5 with the parameter names of timm, and all of its maps."""

from __future__ import annotations

import torch
from torch import nn

from .config import EXPANSION, Config


def projection(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Match the channels and the size of the residual."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and the residual."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        is_same = inputs == width and stride == 1
        self.downsample = nn.Identity() if is_same else projection(inputs, width, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # (n, inputs, h, w) -> (n, width, h/s, w/s)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + self.downsample(x))


class Bottleneck(nn.Module):
    """A 3 x 3 convolution between two 1 x 1, and the residual; v1.5 puts the stride on the 3 x 3."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = EXPANSION * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        is_same = inputs == outputs and stride == 1
        self.downsample = nn.Identity() if is_same else projection(inputs, outputs, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # (n, inputs, h, w) -> (n, 4 width, h/s, w/s)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + self.downsample(x))


def stage(config: Config, index: int) -> nn.Module:
    """Build stage 0..3; the first block halves the size, but for stage 0."""
    width = config.width * 2**index
    factor = EXPANSION if config.bottleneck else 1
    block = Bottleneck if config.bottleneck else BasicBlock
    inputs = config.width if index == 0 else factor * width // 2
    first = block(inputs, width, 1 if index == 0 else 2)
    rest = [block(factor * width, width, 1) for _ in range(config.layers[index] - 1)]
    return nn.Sequential(first, *rest)


class ResNet(nn.Module):
    """Stem and four stages; each halves the size, but for the pooling between the stem and the first stage."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(config.input_channels, config.width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(config.width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(config, 0)
        self.layer2 = stage(config, 1)
        self.layer3 = stage(config, 2)
        self.layer4 = stage(config, 3)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        # (n, c, h, w) -> maps of h/2, h/4, h/8, h/16 and h/32
        f0 = self.relu(self.bn1(self.conv1(image)))
        f1 = self.layer1(self.maxpool(f0))
        f2 = self.layer2(f1)
        f3 = self.layer3(f2)
        return f0, f1, f2, f3, self.layer4(f3)
