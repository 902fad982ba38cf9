"""The network of Covid-ResNet in MindSpore: ResNet v1.5 with the parameter names of timm, and class activation maps."""

from __future__ import annotations

from mindspore import Tensor

from zoo.common.layers import layers_mindspore as nn
from zoo.common.networks.resnet_mindspore import ResNetBody, Style

from .config import Config


class Net(ResNetBody):
    """Stem, four stages, and a linear head that also reads every position of the last map."""

    def __init__(self, config: Config) -> None:
        super().__init__(config.input_channels, config.width, config.layers, Style(config.bottleneck))
        self.fc = nn.Linear(config.features, len(config.classes))

    def construct(self, image: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w) -> logits (n, classes), cam (n, classes, h/32, w/32)
        x = self.maps(image)[-1]
        cam = self.fc(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        # the head is linear: the mean of its answers is its answer to the mean (Zhou et al. 2016, eq. 2)
        return {"logits": cam.mean((2, 3)), "cam": cam}
