"""What a configuration says about the body of a vision transformer, and what cannot be."""

from __future__ import annotations

from typing import Protocol

from zoo.common.errors import ConfigError


class VitConfig(Protocol):
    """The numbers that shape the body."""

    @property
    def dim(self) -> int:
        """Channels of a token."""

    @property
    def heads(self) -> int:
        """Heads of the attention."""

    @property
    def patch(self) -> int:
        """Side of what becomes one token [px]."""

    @property
    def stem(self) -> tuple[int, ...]:
        """Channels of convolutions of stride 2; () for one convolution per patch."""

    @property
    def input_size(self) -> tuple[int, int]:
        """(h, w) [px]."""


def check_vit_config(config: VitConfig) -> None:
    """Raise ConfigError for sizes that do not fit each other."""
    if config.dim % config.heads:
        raise ConfigError(f"dim={config.dim} and heads={config.heads} given; expected a multiple of the heads")
    if any(side % config.patch or side < config.patch for side in config.input_size):
        raise ConfigError(f"input_size={config.input_size} given; expected multiples of patch={config.patch}")
    if config.stem and 2 ** len(config.stem) != config.patch:
        raise ConfigError(
            f"stem of {len(config.stem)} convolutions and patch={config.patch} given; "
            f"expected patch={2 ** len(config.stem)}, because each convolution halves the picture"
        )
