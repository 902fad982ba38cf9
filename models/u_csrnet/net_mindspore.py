"""The network of U-CSRNet in MindSpore: VGG-16's front end, dilated convolutions, three transposed ones."""

from __future__ import annotations

from mindspore import Tensor

from zoo.common.layers import layers_mindspore as nn

from .config import BACK, FRONT, UPS, Config


def block(convolution: nn.Module, outputs: int, normed: bool) -> list[nn.Module]:
    """Follow a convolution by a norm, if asked for, and ReLU."""
    return [convolution, *([nn.BatchNorm2d(outputs)] if normed else []), nn.ReLU()]


class Net(nn.Module):
    """CSRNet with maps of the input's size; `features` has the names of a VGG-16, with or without norms."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, normed = config.width, config.norm == "batch"
        front, inputs = [], config.input_channels
        for factor in FRONT:
            if not factor:
                front.append(nn.MaxPool2d(2))
                continue
            outputs = factor * width
            front += block(nn.Conv2d(inputs, outputs, 3, padding=1, bias=not normed), outputs, normed)
            inputs = outputs
        back = []
        for factor in BACK:
            outputs = factor * width
            convolution = nn.Conv2d(inputs, outputs, 3, padding=2, dilation=2, bias=not normed)
            back += block(convolution, outputs, normed)
            inputs = outputs
        up = []
        for _ in range(UPS):
            up += block(nn.ConvTranspose2d(width, width, 4, stride=2, padding=1, bias=not normed), width, normed)
        self.features = nn.Sequential(*front)
        self.back = nn.Sequential(*back)
        self.up = nn.Sequential(*up)
        self.head = nn.Conv2d(width, len(config.classes), 1)

    def construct(self, image: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w) -> logits (n, classes, h, w)
        return {"logits": self.head(self.up(self.back(self.features(image))))}
