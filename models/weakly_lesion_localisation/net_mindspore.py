"""The networks of WeaklyLesionLocalisation in MindSpore: a generator, and a critic that predictions do not run."""

from __future__ import annotations

from mindspore import Tensor

from zoo.common.layers import layers_mindspore as nn

from .config import Config
from .critic_mindspore import Critic
from .generator_mindspore import Published, Subtractive


class Net(nn.Module):
    """Paint the healthy slice and the lesion."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.generator = Published(config) if config.is_published else Subtractive(config)
        self.critic = Critic(config)

    def construct(self, image: Tensor, lung: Tensor, level: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w), (n, 1, h, w), (n, 1, 1, 1) -> healthy and lesion (n, 1, h, w)
        healthy, lesion = self.generator(image, lung, level)
        return {"healthy": healthy, "lesion": lesion}
