"""Everything about the toy but its network and its loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.answers.prediction import Prediction
from zoo.common.transforms.pictures import letterbox, to_channels, undo_letterbox
from zoo.common.types import Arrays, Case, Image, Sample

from .answer import Spots
from .config import Config

SURE = 20.0  # logit of a network without doubt


class SpotFinder(Algorithm[Config]):
    """Say whether there is a spot, and outline it."""

    task = "spot-finding"
    labels: ClassVar[tuple[str, ...]] = ("label", "mask")
    answer_type: ClassVar[type[Prediction]] = Spots
    monitor = "dice"

    @property
    def head(self) -> tuple[str, ...]:
        return ("presence.",)

    def preprocess(self, image: Image) -> Arrays:
        boxed, _ = letterbox(to_channels(image.array, self.config.input_channels), self.config.input_size)
        return {"image": (boxed / 255).astype(np.float32)}

    def targets(self, sample: Sample) -> Arrays:
        boxed, _ = letterbox(sample.labels["mask"][None].astype(np.float32), self.config.input_size, nearest=True)
        return {"label": np.array(sample.labels["label"], np.int64), "mask": (boxed[0] > 0).astype(np.int32)}

    def perfect_outputs(self, sample: Sample) -> Arrays:
        target = self.targets(sample)
        names = np.arange(len(self.config.classes))
        return {
            "presence": np.where(names == target["label"], SURE, -SURE),
            "place": np.where(target["mask"][None] > 0, SURE, -SURE),
        }

    def postprocess(self, outputs: Arrays, image: Image) -> Spots:
        odds = np.exp(outputs["presence"] - np.max(outputs["presence"]))
        place = undo_letterbox(np.asarray(outputs["place"], np.float32), image.size)[0]
        return Spots(image, float(1 - odds[0] / odds.sum()), place > 0)

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        noise = rng.normal(0, 5, sample.image.array.shape)
        return replace(sample, image=replace(sample.image, array=(sample.image.array + noise).astype(np.float32)))

    def score(self, prediction: Prediction, sample: Sample) -> Case:
        assert isinstance(prediction, Spots)
        true = np.asarray(sample.labels["mask"]) > 0
        counts = np.array([(prediction.mask & true).sum(), prediction.mask.sum() + true.sum()])
        right = (prediction.probability > 0.5) == bool(sample.labels["label"])
        return Case({"name": sample.image.name, "group": sample.group, "right": float(right)}, {"counts": counts})

    def summarise(self, cases: Sequence[Case]) -> dict[str, float]:
        """Pool the pixels of all cases."""
        shared, total = np.sum([case.evidence["counts"] for case in cases], axis=0)
        dice = float(2 * shared / total) if total else float("nan")
        return {"dice": dice, "accuracy": float(np.mean([float(case.row["right"]) for case in cases]))}

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        share = float(np.mean([float(sample.labels["label"]) for sample in training]))
        return lambda image: Spots(image, share, np.ones(image.size, bool))

    @classmethod
    def example(cls, config: Config, rng: np.random.Generator) -> Sample:
        label = int(rng.random() < 0.7)
        array = rng.uniform(0, 60, (1, *config.input_size))
        mask = np.zeros(config.input_size, np.int16)
        y, x = rng.integers(2, min(config.input_size) - 6, 2)
        mask[y : y + 5, x : x + 5] = label
        array[0][mask > 0] += 150
        name = f"spot-{rng.integers(2**31)}"
        labels = {"label": np.array(label, np.int64), "mask": mask}
        return Sample(Image(array.astype(np.float32), name=name), labels, name)
