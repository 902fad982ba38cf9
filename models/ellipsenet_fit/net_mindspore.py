"""The network of EllipseNet-Fit in MindSpore: a padded U-Net with batch norms."""

from __future__ import annotations

from mindspore import Tensor

from zoo.common.layers import layers_mindspore as nn
from zoo.common.networks.unet2d_mindspore import UNet2d

from .config import Config


class Net(nn.Module):
    """U-Net with one map for the background and one per class."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.unet = UNet2d(config.input_channels, 1 + len(config.classes), config.width, config.levels)

    def construct(self, image: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w) -> logits (n, 1 + classes, h, w)
        return {"logits": self.unet(image)}
