"""Everything about Covid-ResNet but its network and its loss."""

from __future__ import annotations

import numpy as np

from zoo.common.answers.classification import Classification
from zoo.common.answers.prediction import Prediction
from zoo.common.classification.slice_classifier import SliceClassifier
from zoo.common.lungs.slices import spread
from zoo.common.types import Arrays, Image, Sample

from .config import Config


class CovidResNet(SliceClassifier[Config]):
    """Classify one slice; say how probable each class is and where it was seen."""

    @property
    def head(self) -> tuple[str, ...]:
        return ("fc.",)

    def postprocess(self, outputs: Arrays, image: Image) -> Prediction:
        probabilities = self.probabilities(outputs["logits"])
        cam, named = np.asarray(outputs["cam"], np.float32), int(probabilities.argmax())
        # only differences of logits matter, so the evidence is measured against the mean of the other classes
        evidence = cam[named] - np.delete(cam, named, axis=0).mean(0)
        return Classification(image, self.config.classes, probabilities, spread(evidence, image, self.config))

    def perfect_outputs(self, sample: Sample) -> Arrays:
        """Name the class; say of every place that it speaks for it alike."""
        logits = super().perfect_outputs(sample)["logits"]
        return {"logits": logits, "cam": np.broadcast_to(logits[:, None, None], (len(logits), 2, 2))}
