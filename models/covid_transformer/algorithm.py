"""Everything about Covid-Transformer but its network and its loss."""

from __future__ import annotations

import numpy as np

from zoo.common.answers.classification import Classification
from zoo.common.answers.prediction import Prediction
from zoo.common.classification.slice_classifier import SliceClassifier
from zoo.common.lungs.slices import spread
from zoo.common.networks.vit_config import check_vit_config
from zoo.common.networks.vit_weights import initial_vit_value
from zoo.common.types import Arrays, Image, Sample

from .config import Config


class CovidTransformer(SliceClassifier[Config]):
    """Classify one slice; say how probable each class is and what the class token looked at."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        check_vit_config(config)

    @property
    def head(self) -> tuple[str, ...]:
        return ("head.",)

    @property
    def undecayed(self) -> tuple[str, ...]:
        return ("cls_token", "pos_embed")

    def postprocess(self, outputs: Arrays, image: Image) -> Prediction:
        flow = np.asarray(outputs["rollout"])
        # what every token receives alike says nothing about the picture
        heat_map = spread(flow - flow.min(), image, self.config)
        return Classification(image, self.config.classes, self.probabilities(outputs["logits"]), heat_map)

    def perfect_outputs(self, sample: Sample) -> Arrays:
        """Name the class; look at every token alike."""
        return {**super().perfect_outputs(sample), "rollout": np.ones((2, 2), np.float32)}

    def initialise(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return initial_vit_value(name, shape, rng)
