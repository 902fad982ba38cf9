"""Everything about 2D-UNet but its network and its loss."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from zoo.common.algorithm import Steps
from zoo.common.answers.segmentation import Segmentation
from zoo.common.augment.options import Augmentation
from zoo.common.errors import ConfigError, InputError
from zoo.common.labels import beyond
from zoo.common.networks.unet2d_sizes import fits, margin_px
from zoo.common.segmentation.algorithm import SegmentationAlgorithm
from zoo.common.tiling import labels as name_largest
from zoo.common.transforms.pictures import letterbox, to_channels, undo_letterbox
from zoo.common.tta import View
from zoo.common.types import Arrays, Image, Sample

from .augment import PictureAugmentation, augment
from .config import Config
from .example import draw_example

PERCENTILES = (0.5, 99.5)  # a marker or a bright edge shall not set the scale


class UNet2D(SegmentationAlgorithm[Config]):
    """Label each pixel of a picture; a volume (c, d, h, w) goes through slice by slice along d."""

    slicewise = True
    parts: ClassVar[tuple[str, ...]] = ("decoder", "scales")
    augmentation: Augmentation = PictureAugmentation()

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.norm not in ("batch", "none") or config.padding not in ("same", "none"):
            raise ConfigError(
                f"norm={config.norm!r}, padding={config.padding!r} given; expected batch or same, or none"
            )
        if not all(fits(side, config.levels, config.padding == "same") for side in config.input_size):
            step = 2 ** (config.levels - 1)
            more = "" if config.padding == "same" else " and 4 more"
            raise ConfigError(f"input_size={config.input_size} given; expected multiples of {step}{more}")
        bounds = config.intensities
        if bounds and not (len(bounds) == 2 and bounds[0] < bounds[1]):
            raise ConfigError(f"intensities={bounds} given; expected (low, high), or () for each image's percentiles")

    @property
    def head(self) -> tuple[str, ...]:
        return ("unet.head.",)

    @property
    def views(self) -> tuple[View, ...]:
        """Mirror left and right, as in training; bodies do not stand on their heads."""
        return (View((0, 1)), View((0, 1), (1,))) if self.mirrors else ()

    def preprocess(self, image: Image) -> Arrays:
        """Scale to 0..1 and letterbox; a picture gives (c, *input_size), a volume (c, d, *input_size)."""
        if image.array.ndim not in (3, 4):
            raise InputError(f"{image.name}: {image.array.ndim} axes; 2D-UNet expects (c, h, w) or (c, d, h, w)")
        low, high = self.config.intensities or np.percentile(image.array, PERCENTILES)
        array = to_channels(image.array, self.config.input_channels)
        scaled = np.clip((array - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
        if image.array.ndim == 3:
            return {"image": self._fitted(scaled)}
        return {"image": np.stack([self._fitted(scaled[:, i]) for i in range(scaled.shape[1])], axis=1)}

    def steps(self) -> Steps | str:
        config = self.config
        if config.padding != "same":
            return "the network sees a mirrored margin around the picture, which no step draws"
        bounds = {"bounds": config.intensities} if config.intensities else {"percentiles": PERCENTILES}
        scaled = {"do": "channels", "count": config.input_channels}, {"do": "clip", "a_min": 0, "a_max": 1}
        return {"image": [{"do": "stretch", **bounds}, *scaled, {"do": "letterbox", "size": config.input_size}]}

    def targets(self, sample: Sample) -> Arrays:
        mask = self.mask_of(sample)
        boxed, _ = letterbox(mask[None].astype(np.float32), self.config.input_size, beyond(mask), nearest=True)
        return {"mask": boxed[0].astype(np.int32)}

    def postprocess(self, outputs: Arrays, image: Image) -> Segmentation:
        logits = np.asarray(outputs["logits"], np.float32)
        if logits.ndim == 3:
            return self.answer(self._spread(logits, image), image)
        slices = (self._spread(logits[:, i], image) for i in range(logits.shape[1]))
        if self.config.probabilities:
            return self.answer(np.stack(list(slices), axis=1), image)
        return self.answer(np.stack([name_largest(scores) for scores in slices]), image)  # scores take k times 4 bytes

    def perfect_outputs(self, sample: Sample) -> Arrays:
        logits = super().perfect_outputs(sample)["logits"]
        return {"logits": logits if self.config.maps > 1 else logits[1:]}

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return augment(sample, self.config.input_size, self.options(PictureAugmentation), rng)

    @classmethod
    def example(cls, config: Config, rng: np.random.Generator) -> Sample:
        return draw_example(config, rng)

    def _fitted(self, scaled: np.ndarray) -> np.ndarray:
        boxed, _ = letterbox(scaled, self.config.input_size)
        if self.config.padding == "same":
            return boxed
        margin = margin_px(self.config.levels)
        return np.pad(boxed, ((0, 0), (margin, margin), (margin, margin)), mode="reflect")

    def _spread(self, logits: np.ndarray, image: Image) -> np.ndarray:
        """Bring logits (maps, *input_size) to the image's grid, one map per class: (k, h, w)."""
        scores = undo_letterbox(logits, image.size[-2:])
        if self.config.maps > 1:
            return scores
        return np.concatenate([np.zeros_like(scores), scores])  # softmax over (0, z) is the sigmoid of z
