"""The network of the pair in PyTorch."""

from __future__ import annotations

from torch import nn

from ..spots.net_torch import Net as Finder
from .config import Config


class Net(Finder):
    """The finder, and a critic that predictions do not run."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.judge = nn.Conv2d(1, 1, 5)
