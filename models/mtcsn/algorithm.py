"""Everything about MTCSN but its network and its loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from scipy.special import logit

from zoo.common.algorithm import Steps
from zoo.common.answers.frames import ClassifiedSegmentation
from zoo.common.answers.prediction import Prediction
from zoo.common.augment.options import Augmentation
from zoo.common.classification.algorithm import ClassificationAlgorithm
from zoo.common.errors import ConfigError, DataError, InputError
from zoo.common.frames.scores import score_frame, summarise_frames
from zoo.common.metrics.cases import mean_of_defined
from zoo.common.transforms.pictures import letterbox, to_channels, undo_letterbox
from zoo.common.types import Arrays, Case, Image, Sample

from .augment import FrameAugmentation, augment
from .config import Config
from .endoscope import draw_frame
from .trivial import fit_trivial

STRIDE = 32  # of the deepest map
IGNORED = 255  # in a mask: not judged
SURE = 9.0  # logit of a perfect output
LEAST_MEAN = 8.0  # of a channel, of 0..255; a darker one is noise
BLACK = 12  # of 0..255: the largest value of what lies outside of the field of view


class MTCSN(ClassificationAlgorithm[Config]):
    """Classify a frame (c, h, w) of intensities 0..255 and label its pixels."""

    task = "classification-segmentation"
    labels: ClassVar[tuple[str, ...]] = ("label", "mask")
    answer_type: ClassVar[type[Prediction]] = ClassifiedSegmentation
    monitor = "both"
    of_names: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({"tissues": ("mask_threshold",)})
    augmentation: Augmentation = FrameAugmentation()

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        tissues = config.tissues
        if len(tissues) < 2 or len(set(tissues)) < len(tissues):
            raise ConfigError(f"tissues={tissues} given; expected at least two, all different")
        if not 0 < config.mask_threshold < 1 or (len(tissues) > 2 and config.mask_threshold != 0.5):
            given = f"mask_threshold={config.mask_threshold} given"
            raise ConfigError(f"{given}; expected 0..1, and 0.5 for more than two tissues")
        if config.colours and (len(config.colours) != config.input_channels or min(config.colours) <= 0):
            given = f"colours={config.colours} given for {config.input_channels} channels"
            raise ConfigError(f"{given}; expected a mean above 0 for each, or none")
        if any(side < STRIDE or side % STRIDE for side in config.input_size):
            raise ConfigError(f"input_size={config.input_size} given; expected multiples of {STRIDE}")

    @property
    def head(self) -> tuple[str, ...]:
        return ("cd_head.",)

    @property
    def heads(self) -> Mapping[str, tuple[str, ...]]:
        return {"classes": self.head, "tissues": ("seg_head.", "cd_hidden.")}

    def counted(self, label: str) -> tuple[str, ...]:
        return self.config.tissues if label == "mask" else super().counted(label)

    def preprocess(self, image: Image) -> Arrays:
        if image.array.ndim != 3:
            raise InputError(f"{image.name}: {image.array.ndim} axes; MTCSN expects a picture (c, h, w)")
        channels = self.config.input_channels
        mean, std = (
            np.broadcast_to(np.array(v, np.float32), channels).reshape(-1, 1, 1)
            for v in (self.config.mean, self.config.std)
        )
        boxed, _ = letterbox(to_channels(image.array, channels), self.config.input_size)
        boxed = self._balanced(boxed)
        return {"image": ((boxed / 255 - mean) / std).astype(np.float32)}

    def steps(self) -> Steps | str:
        config = self.config
        fitted: list[dict[str, object]] = [
            {"do": "channels", "count": config.input_channels},
            {"do": "letterbox", "size": config.input_size},
        ]
        if config.colours:
            fitted.append({"do": "balance", "black": BLACK, "means": config.colours, "least": LEAST_MEAN})
        return {"image": [*fitted, {"do": "normalise", "divide": 255, "mean": config.mean, "std": config.std}]}

    def _balanced(self, picture: np.ndarray) -> np.ndarray:
        """Scale each channel to its usual mean over the field of view: lamps differ more than blood and mucosa do."""
        seen = picture.max(axis=0) > BLACK
        if not self.config.colours or not seen.any():
            return picture
        means = np.maximum(picture[:, seen].mean(axis=1, dtype=np.float64), LEAST_MEAN)
        return picture * (np.array(self.config.colours) / means).astype(np.float32).reshape(-1, 1, 1)

    def targets(self, sample: Sample) -> Arrays:
        mask = self.mask_of(sample)
        boxed, _ = letterbox(mask[None].astype(np.float32), self.config.input_size, self._beyond, nearest=True)
        return {**super().targets(sample), "mask": boxed[0].astype(np.int64)}

    def mask_of(self, sample: Sample) -> np.ndarray:
        """Return the tissues of a sample, 255 where it is not judged; DataError when a number is unknown."""
        mask, tissues = np.asarray(sample.labels["mask"]), len(self.config.tissues)
        if mask.shape != sample.image.size:
            raise DataError(f"{sample.image.name}: mask of {mask.shape}; expected the image's size {sample.image.size}")
        unknown = np.unique(mask[((mask < 0) | (mask >= tissues)) & (mask != IGNORED)])
        if unknown.size:
            raise DataError(f"{sample.image.name}: tissue {unknown[0]}; expected 0..{tissues - 1}, or {IGNORED}")
        return mask

    def postprocess(self, outputs: Arrays, image: Image) -> ClassifiedSegmentation:
        scores = undo_letterbox(np.asarray(outputs["segmentation"], np.float32), image.size)
        scores[-1] -= logit(self.config.mask_threshold)
        return self.answer(self.probabilities(outputs["logits"]), scores.argmax(0).astype(np.uint8), image)

    def answer(self, probabilities: np.ndarray, labels: np.ndarray, image: Image) -> ClassifiedSegmentation:
        """Join both answers and the field of view."""
        config = self.config
        if config.outside in config.tissues:
            seen = labels != config.tissues.index(config.outside)
        else:
            seen = image.array.max(axis=0) > BLACK
        return ClassifiedSegmentation(
            image, config.classes, probabilities, None, config.tissues, labels, seen, config.mucosa
        )

    def perfect_outputs(self, sample: Sample) -> Arrays:
        """Name the class and every tissue without doubt."""
        targets = self.targets(sample)
        logits = SURE * (np.arange(len(self.config.classes)) == targets["label"])
        tissues = np.arange(len(self.config.tissues)).reshape(-1, 1, 1)
        return {"logits": logits, "segmentation": SURE * (tissues == targets["mask"])}

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return augment(sample, self.config.input_size, self._beyond, self.options(FrameAugmentation), rng)

    def score(self, prediction: Prediction, sample: Sample) -> Case:
        if not isinstance(prediction, ClassifiedSegmentation):
            raise TypeError(f"{type(prediction).__name__} given; expected ClassifiedSegmentation")
        return score_frame(super().score(prediction, sample).row, prediction, sample)

    def summarise(self, cases: Sequence[Case]) -> dict[str, float]:
        """Summarise both tasks; both: the mean of ROC-AUC and Dice, by which weights are chosen."""
        scores = {**super().summarise(cases), **summarise_frames(cases, self.config.tissues)}
        return {**scores, "both": mean_of_defined([scores["roc_auc"], scores["dice"]])}

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        """Classify by the mean colour; label each place by its most frequent tissue."""
        predict = fit_trivial(training, len(self.config.classes), len(self.config.tissues))
        return lambda image: self.answer(*predict(image), image)

    @classmethod
    def example(cls, config: Config, rng: np.random.Generator) -> Sample:
        return draw_frame(config.input_size, len(config.classes), len(config.tissues), config.input_channels, rng)

    @property
    def _beyond(self) -> int:
        tissues = self.config.tissues
        return tissues.index(self.config.outside) if self.config.outside in tissues else IGNORED
