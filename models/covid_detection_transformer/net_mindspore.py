"""The network of Covid-Detection-Transformer in MindSpore: DETR as published, or with chosen queries."""

from __future__ import annotations

from mindspore import Tensor

from zoo.common.layers import layers_mindspore as nn

from .chosen_mindspore import ChosenDetr
from .config import Config
from .plain_mindspore import PlainDetr


class Net(nn.Module):
    """One of the two."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.detr = PlainDetr(config) if config.is_plain else ChosenDetr(config)

    def construct(self, image: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w) -> logits (n, layers, queries, values), boxes (n, layers, queries, 4), maps of chosen queries
        return self.detr(image)
