"""Everything about Han-Net but its network and its loss."""

from __future__ import annotations

from zoo.common.errors import ConfigError
from zoo.common.instances.ternary import TernaryAlgorithm

from .config import KEY_SHARE, Config


class HanNet(TernaryAlgorithm[Config]):
    """Outline every nucleus of a picture (c, h, w) of any size, window by window."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, config.stride)
        if config.features % KEY_SHARE or not all(config.dilations) or not config.dilations:
            raise ConfigError(
                f"features={config.features}, dilations={config.dilations} given; expected a multiple of {KEY_SHARE}, "
                "and at least one block with at least one layer each"
            )

    @property
    def head(self) -> tuple[str, ...]:
        return ("head.",)
