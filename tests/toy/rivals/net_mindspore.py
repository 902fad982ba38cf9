"""The network of the pair in MindSpore."""

from __future__ import annotations

from zoo.common.layers import layers_mindspore as nn

from ..spots.net_mindspore import Net as Finder
from .config import Config


class Net(Finder):
    """The finder, and a critic that predictions do not run."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.judge = nn.Conv2d(1, 1, 5)
