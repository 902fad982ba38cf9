"""Everything about UNETR but its network and its loss."""

from __future__ import annotations

import numpy as np

from zoo.common.errors import ConfigError
from zoo.common.initialise import initial_value
from zoo.common.segmentation.hippocampus import draw_hippocampus, is_hippocampus
from zoo.common.segmentation.volume_algorithm import VolumeSegmentation, draw_parts
from zoo.common.types import Sample

from .config import PATCH, Config

SPREAD = 0.02  # standard deviation of the first positions, cut at two of it


class UNETR(VolumeSegmentation[Config]):
    """Label every voxel of a volume."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, PATCH)
        if config.dim % config.heads or not 0 <= min(config.taps) < max(config.taps) < config.depth:
            raise ConfigError(
                f"dim={config.dim}, heads={config.heads}, taps={config.taps}; expected heads that divide dim, and taps "
                f"within 0..{config.depth - 1}"
            )

    @property
    def head(self) -> tuple[str, ...]:
        return ("head.",)

    @property
    def undecayed(self) -> tuple[str, ...]:
        return ("pos_embed",)

    @property
    def window(self) -> tuple[int, ...]:
        return self.config.input_size

    @classmethod
    def example(cls, config: Config, rng: np.random.Generator) -> Sample:
        """Draw a hippocampus for its classes, else a bright body whose parts lie one behind the other, in noise."""
        if is_hippocampus(config.classes, config.input_size):
            return draw_hippocampus(config.input_channels, rng)
        return draw_parts(config.input_size, len(config.classes), config.input_channels, config.spacing_mm, rng)

    def initialise(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        if name == "pos_embed":
            return np.clip(rng.normal(0, SPREAD, shape), -2 * SPREAD, 2 * SPREAD)
        return initial_value(name, shape, rng)
