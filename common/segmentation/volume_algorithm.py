"""What segmentation on volumes shares: the grid, the windows, the training pieces, a synthetic sample."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np

from zoo.common.answers.segmentation import Segmentation
from zoo.common.augment.options import Augmentation
from zoo.common.errors import ConfigError
from zoo.common.segmentation.algorithm import SegmentationAlgorithm, SegmentationConfig
from zoo.common.segmentation.volume_patches import VolumeAugmentation, random_patch
from zoo.common.segmentation.volumes import from_network, mask_to_network, network_patch, to_network
from zoo.common.tta import View, flips
from zoo.common.types import Arrays, Image, Sample


class VolumeConfig(SegmentationConfig, Protocol):
    """What the configuration of an algorithm on volumes has to say beside its classes."""

    @property
    def input_channels(self) -> int:
        """Channels of the network's input."""

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        """(d, h, w) of the network's voxels; () keeps the image's own."""

    @property
    def intensities(self) -> tuple[float, ...]:
        """(low, high) to keep, such as HU; () cuts at percentiles."""

    @property
    def overlap(self) -> float:
        """Share of their side by which neighbouring windows overlap."""

    @property
    def mirrored(self) -> tuple[int, ...]:
        """Axes (0, 1, 2 for d, h, w) that training and test-time augmentation flip."""


V = TypeVar("V", bound=VolumeConfig)


class VolumeSegmentation(SegmentationAlgorithm[V]):
    """Labels every voxel of a volume, window by window; pictures count as volumes of one slice."""

    prediction_options = ("largest_component", "probabilities", "overlap")
    augmentation: Augmentation = VolumeAugmentation()

    def __init__(self, config: V, stride: int) -> None:
        """Check the configuration; the sides of a window are multiples of `stride`."""
        super().__init__(config)
        if any(len(size) != 3 or any(side < 1 or side % stride for side in size) for size in (self.window, self.patch)):
            raise ConfigError(f"windows of {self.window}, pieces of {self.patch}; expected multiples of {stride}")
        if len(config.spacing_mm) not in (0, 3) or min(config.spacing_mm, default=1) <= 0:
            raise ConfigError(f"spacing_mm={config.spacing_mm} given; expected three positive numbers, or ()")
        bounds = config.intensities
        if bounds and not (len(bounds) == 2 and bounds[0] < bounds[1]):
            raise ConfigError(f"intensities={bounds} given; expected (low, high), or () for each volume's percentiles")

    @property
    def window(self) -> tuple[int, ...]:
        """(d, h, w) of a window at prediction."""
        raise NotImplementedError

    @property
    def patch(self) -> tuple[int, ...]:
        """(d, h, w) of a training piece."""
        return self.window

    @property
    def views(self) -> tuple[View, ...]:
        return mirror_views(self.config.mirrored if self.mirrors else ())

    @property
    def tiling(self) -> tuple[float, str]:
        return self.config.overlap, "gaussian"

    def preprocess(self, image: Image) -> Arrays:
        config = self.config
        return {"image": to_network(image, config.input_channels, config.spacing_mm, config.intensities)}

    def targets(self, sample: Sample) -> Arrays:
        mask = mask_to_network(self.mask_of(sample), sample.image, self.config.spacing_mm)
        return {"mask": mask.astype(np.int64)}

    def postprocess(self, outputs: Arrays, image: Image) -> Segmentation:
        return self.answer(from_network(outputs["logits"], image, len(self.config.classes)), image)

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Cut a piece, mostly around a class; turn, scale, mirror and recolour it."""
        array, mask = self.preprocess(sample.image)["image"], self.targets(sample)["mask"]
        options = self.options(VolumeAugmentation)
        piece, labels = random_patch(array, mask, self.patch, options, self.config.mirrored, rng)
        return replace(sample, image=network_patch(sample.image, piece), labels={"mask": labels})


def mirror_views(axes: tuple[int, ...]) -> tuple[View, ...]:
    """List the ways to mirror a volume along some of its axes (0, 1, 2 for d, h, w); () when there are none."""
    return tuple(view for view in flips(3) if set(view.flipped) <= set(axes)) if axes else ()


def draw_parts(
    size: tuple[int, ...], classes: int, channels: int, spacing_mm: tuple[float, ...], rng: np.random.Generator
) -> Sample:
    """Draw an ellipsoid in noise, cut along h into a part per class; each part has its own brightness."""
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in size), indexing="ij"))
    centre, radii = rng.uniform(-0.15, 0.15, 3), rng.uniform(0.5, 0.75, 3)
    place = (grid - centre.reshape(3, 1, 1, 1)) / radii.reshape(3, 1, 1, 1)
    part = np.minimum((place[1] + 1) / 2 * (classes - 1), classes - 2).astype(np.int64) + 1
    mask = np.where((place**2).sum(0) < 1, part, 0)
    brightness = np.linspace(0, 400, classes)[mask] + 100
    array = brightness + rng.normal(0, 25, (channels, *size))
    image = Image(array.astype(np.float32), tuple(spacing_mm) or None, name="example.nii.gz")
    return Sample(image, {"mask": mask}, group=f"example-{rng.integers(2**31)}")
