"""Everything about the 3D-UNet but its network and its loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zoo.common.errors import ConfigError
from zoo.common.segmentation import Segmentation
from zoo.common.segmentation_task import SegmentationAlgorithm
from zoo.common.tta import View
from zoo.common.types import Arrays, Image, Sample
from zoo.common.volume_patches import Changes, random_patch
from zoo.common.volume_tasks import draw_parts, mirror_views
from zoo.common.volumes import from_network, mask_to_network, network_patch, to_network

from .config import Config

EXAMPLE = 32  # largest side of a synthetic volume


class UNet3D(SegmentationAlgorithm[Config]):
    """Label every voxel of a volume."""

    prediction_options = ("largest_component", "probabilities", "overlap")

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if any(side % config.stride for side in config.patch_size):
            raise ConfigError(f"patch_size={config.patch_size} given; expected multiples of {config.stride}")
        if len(config.spacing_mm) not in (0, 3) or len(config.window) not in (0, 2):
            raise ConfigError(
                f"spacing_mm={config.spacing_mm}, window={config.window}; expected three and two numbers, or ()"
            )

    @property
    def head(self) -> tuple[str, ...]:
        return ("head.", "extra_heads.") if self.config.deep_supervision else ("head.",)

    @property
    def window(self) -> tuple[int, ...]:
        return self.config.patch_size

    @property
    def tiling(self) -> tuple[float, str]:
        return self.config.overlap, "gaussian"

    @property
    def views(self) -> tuple[View, ...]:
        return mirror_views(self.config.mirrored)

    def preprocess(self, image: Image) -> Arrays:
        config = self.config
        return {"image": to_network(image, config.input_channels, config.spacing_mm, config.window)}

    def targets(self, sample: Sample) -> Arrays:
        mask = mask_to_network(self.mask_of(sample), sample.image, self.config.spacing_mm)
        return {"mask": mask.astype(np.int64)}

    def postprocess(self, outputs: Arrays, image: Image) -> Segmentation:
        return self.answer(from_network(outputs["logits"], image, len(self.config.classes)), image)

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Cut a piece, mostly around a class; turn up to 15 degrees, scale up to 15 %, mirror, recolour."""
        array, mask = self.preprocess(sample.image)["image"], self.targets(sample)["mask"]
        changes = Changes(mirrored=self.config.mirrored)
        piece, labels = random_patch(array, mask, self.config.patch_size, changes, rng)
        return replace(sample, image=network_patch(sample.image, piece), labels={"mask": labels})

    @classmethod
    def example(cls, config: Config, rng: np.random.Generator) -> Sample:
        """Draw a bright body whose parts lie one behind the other, in noise."""
        size = tuple(min(EXAMPLE, side) for side in config.patch_size)
        return draw_parts(size, len(config.classes), config.input_channels, config.spacing_mm, rng)
