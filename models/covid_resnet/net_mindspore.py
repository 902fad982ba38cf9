"""The network of Covid-ResNet in MindSpore: ResNet v1.5 with the parameter names of timm, and class activation maps."""

from __future__ import annotations

from mindspore import Tensor

from zoo.common.layers import layers_mindspore as nn

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

    def construct(self, x: Tensor) -> Tensor:
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

    def construct(self, x: Tensor) -> Tensor:
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


class Net(nn.Module):
    """Stem, four stages, and a linear head that also reads every position of the last map."""

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
        self.fc = nn.Linear(config.features, len(config.classes))

    def construct(self, image: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w) -> logits (n, classes), cam (n, classes, h/32, w/32)
        x = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        cam = self.fc(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        # the head is linear: the mean of its answers is its answer to the mean (Zhou et al. 2016, eq. 2)
        return {"logits": cam.mean((2, 3)), "cam": cam}
