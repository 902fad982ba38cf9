"""Everything about the 3D-UNet but its network and its loss."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from zoo.common.segmentation.volume_algorithm import VolumeSegmentation, draw_parts
from zoo.common.types import Sample

from .config import Config

EXAMPLE = 32  # largest side of a synthetic volume


class UNet3D(VolumeSegmentation[Config]):
    """Label every voxel of a volume."""

    parts: ClassVar[tuple[str, ...]] = ("decoder", "scales")

    def __init__(self, config: Config) -> None:
        super().__init__(config, 2 ** (config.levels - 1))

    @property
    def head(self) -> tuple[str, ...]:
        return ("head.", "extra_heads.") if self.config.deep_supervision else ("head.",)

    @property
    def window(self) -> tuple[int, ...]:
        return self.config.window_size or self.config.patch_size

    @property
    def patch(self) -> tuple[int, ...]:
        return self.config.patch_size

    @classmethod
    def example(cls, config: Config, rng: np.random.Generator) -> Sample:
        """Draw a bright body whose parts lie one behind the other, in noise."""
        size = tuple(min(EXAMPLE, side) for side in config.patch_size)
        return draw_parts(size, len(config.classes), config.input_channels, config.spacing_mm, rng)
