"""The networks of WeaklyLesionLocalisation in PyTorch: a generator, and a critic that predictions do not run."""

from __future__ import annotations

import torch
from torch import nn

from .config import Config
from .critic_torch import Critic
from .generator_torch import Published, Subtractive


class Net(nn.Module):
    """Paint the healthy slice and the lesion."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.generator = Published(config) if config.is_published else Subtractive(config)
        self.critic = Critic(config)

    def forward(self, image: torch.Tensor, lung: torch.Tensor, level: torch.Tensor) -> dict[str, torch.Tensor]:
        # (n, c, h, w), (n, 1, h, w), (n, 1, 1, 1) -> healthy and lesion (n, 1, h, w)
        healthy, lesion = self.generator(image, lung, level)
        return {"healthy": healthy, "lesion": lesion}
