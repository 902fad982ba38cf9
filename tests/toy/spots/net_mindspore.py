"""The network of the toy in MindSpore."""

from __future__ import annotations

from mindspore import Tensor

from zoo.common.layers import layers_mindspore as nn

from .config import Config


class Net(nn.Module):
    """A convolution that both answers read."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.body = nn.Conv2d(config.input_channels, config.width, 3, padding=1)
        self.norm = nn.BatchNorm2d(config.width)
        self.relu = nn.ReLU()
        self.place = nn.Conv2d(config.width, 1, 1)
        self.presence = nn.Linear(config.width, len(config.classes))

    def construct(self, image: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w) -> presence (n, classes), place (n, 1, h, w)
        x = self.relu(self.norm(self.body(image)))
        return {"presence": self.presence(x.mean((2, 3))), "place": self.place(x)}
