"""EllipseNet-Fit: segments structures in fetal ultrasound by a U-Net and fits an ellipse to each."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from zoo.common.answers.prediction import Prediction
from zoo.common.ellipses import geometry
from zoo.common.ellipses.algorithm import EllipseAlgorithm
from zoo.common.errors import ConfigError
from zoo.common.networks.unet2d_sizes import fits
from zoo.common.segmentation.algorithm import softmax, sure_scores
from zoo.common.transforms.pictures import undo_letterbox
from zoo.common.types import Arrays, Image, Sample

from .config import Config
from .fitting import FITS, largest_part
from .prediction import FittedEllipses


class EllipseNetFit(EllipseAlgorithm[Config]):
    """One mask and one ellipse per class, with head sizes or heart ratios measured on them."""

    answer_type: ClassVar[type[Prediction]] = FittedEllipses
    prediction_options: ClassVar[tuple[str, ...]] = ("fit",)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.fit not in FITS:
            raise ConfigError(f"fit={config.fit!r} given; expected one of {', '.join(FITS)}")
        if not all(fits(side, config.levels, padded=True) for side in config.input_size):
            step = 2 ** (config.levels - 1)
            raise ConfigError(f"input_size={config.input_size} given; expected multiples of {step}")

    @property
    def head(self) -> tuple[str, ...]:
        return ("unet.head.",)

    def targets(self, sample: Sample) -> Arrays:
        """Fill the true ellipses, each class over the one before."""
        mask = np.zeros(self.config.input_size, np.int32)
        for row in sorted(self.truth(sample), key=lambda row: row[0]):
            mask[geometry.fill(row, self.config.input_size)] = int(row[0]) + 1
        return {"mask": mask}

    def perfect_outputs(self, sample: Sample) -> Arrays:
        return {"logits": sure_scores(self.targets(sample)["mask"], 1 + len(self.config.classes))}

    def postprocess(self, outputs: Arrays, image: Image) -> FittedEllipses:
        probabilities = undo_letterbox(softmax(np.asarray(outputs["logits"], np.float32)), image.size)
        labels = probabilities.argmax(axis=0).astype(np.uint8)
        rows, scores = [], []
        for label in range(len(self.config.classes)):
            part = largest_part(labels > label)  # a structure covers those inside it, too
            row = FITS[self.config.fit](part, label)
            if np.isfinite(row).all():
                rows.append(row)
                scores.append(probabilities[label + 1 :].sum(axis=0)[part].mean())
        found = self.answer(np.array(rows).reshape(-1, 6), np.array(scores), image)
        return FittedEllipses(image, found.classes, found.ellipses, found.scores, found.measurements, labels)
