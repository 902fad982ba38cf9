"""The critic in MindSpore: convolutions of falling resolution, three of which have a say."""

from __future__ import annotations

from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn

from .config import STRIDED, Config

LEAST = 1e-6  # lung that a mean is divided by
GAIN = 3.0  # of the slice before the first convolution of the small critic


class Block(nn.Module):
    """Convolve, with stride 2 or 1, normalise where it is published, and let a fifth through below zero."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, has_norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1)
        self.norm = nn.BatchNorm2d(out_channels) if has_norm else nn.Identity()
        self.act = nn.LeakyReLU(0.2)

    def construct(self, x: Tensor) -> Tensor:
        # (n, in, h, w) -> (n, out, h / stride, w / stride)
        return self.act(self.norm(self.conv(x)))


class Critic(nn.Module):
    """Score how healthy slices look, from the first, the middle and the last block.

    As published it averages them over the whole slice. The small one averages over the lung, and adds the maxima in the
    lung of the last two.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        channels = (1, *config.critic)
        self.blocks = nn.ModuleList(
            [
                Block(channels[i], channels[i + 1], 2 if i < STRIDED else 1, config.is_published)
                for i in range(len(config.critic))
            ]
        )
        last = len(config.critic) - 1
        self.averaged = (0, last // 2, last)
        self.peaks = () if config.is_published else (last // 2, last)
        self.gain = 1.0 if config.is_published else GAIN
        self.in_lung = not config.is_published
        self.score = nn.Linear(sum(config.critic[i] for i in (*self.averaged, *self.peaks)), 1)

    def construct(self, x: Tensor, lung: Tensor) -> Tensor:
        # (n, 1, h, w), (n, 1, h, w) -> (n,)
        maps = [self.gain * x]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        weights = [self.weight(lung, found) for found in maps[1:]]
        means = [(maps[i + 1] * weights[i]).sum((2, 3)) / (weights[i].sum((2, 3)) + LEAST) for i in self.averaged]
        peaks = [(maps[i + 1] * weights[i]).amax((2, 3)) for i in self.peaks]
        return self.score(ops.cat([*means, *peaks], 1))[:, 0]

    def weight(self, lung: Tensor, found: Tensor) -> Tensor:
        """Return the share of lung (n, 1, h, w) in each cell of a map, or 1 where the whole slice counts."""
        if not self.in_lung:
            return ops.ones_like(found[:, :1])
        return ops.adaptive_avg_pool2d(lung, found.shape[2:])
