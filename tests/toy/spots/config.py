"""The configuration of the toy."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.recipe import Recipe


@dataclass(frozen=True)
class Config:
    """What the network looks like."""

    classes: tuple[str, ...] = ("empty", "spot")
    input_channels: int = 1
    input_size: tuple[int, int] = (16, 16)  # (h, w) [px]
    width: int = 8  # channels of the first convolution


VARIANTS = {"paper": Config(width=16), "small": Config(), "tiny": Config(width=4)}
RECIPES = {
    name: Recipe(epochs=4, batch_size=4, learning_rate=0.05, warmup_epochs=0) for name in ("paper", "small", "tiny")
}
