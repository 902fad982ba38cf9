"""The network of 2D-UNet in MindSpore: five levels, four skips."""

from __future__ import annotations

from mindspore import Tensor

from zoo.common.layers import layers_mindspore as nn
from zoo.common.networks.unet2d_mindspore import UNet2d

from .config import Config


class Net(nn.Module):
    """U-Net with one map per class, or a single one for two classes."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        normed, padded = config.norm == "batch", config.padding == "same"
        self.unet = UNet2d(config.input_channels, config.maps, config.width, config.levels, normed, padded)

    def construct(self, image: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w), with a margin if not padded -> logits (n, maps, h, w)
        return {"logits": self.unet(image)}
