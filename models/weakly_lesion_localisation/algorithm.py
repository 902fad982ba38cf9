"""Everything about WeaklyLesionLocalisation but its networks and its losses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from zoo.common.algorithm import Sampler, Steps
from zoo.common.answers.localisation import Localisation, regions_of_map
from zoo.common.answers.prediction import Prediction
from zoo.common.augment.options import Augmentation
from zoo.common.classification.slice_classifier import SLICE_OPTIONS, SliceClassifier
from zoo.common.errors import ConfigError
from zoo.common.localisation.scores import above_median_map, is_lung, score_map, summarise_maps
from zoo.common.lungs.boxes import BLACK
from zoo.common.lungs.slices import (
    CROPS,
    MirrorAugmentation,
    brightness_classifier,
    cropped,
    mirror_slice,
    normalised,
    tokens_of_mask,
)
from zoo.common.metrics.localisation import LEVELS, quantise
from zoo.common.pairs import Pairs
from zoo.common.phases import Phase
from zoo.common.transforms.pictures import resize, to_channels
from zoo.common.types import Arrays, Case, Image, Sample

from .answer import Repainted
from .config import Config
from .maps import MAPS, edge_weights, own_map, published_map, rooted
from .start import first_value

LEAST = 1e-6  # of what is taken away; its logarithm is asked for
CALM = 0.01  # share of the normal lungs that may lie above the threshold of the map
STEADY = 1e-3  # spread, of 0..1, below which a painting says nothing
HEALTHY, LESION = "healthy", "lesion"


class WeaklyLesionLocalisation(SliceClassifier[Config]):
    """Paint what is healthy in a slice; the rest is the lesion. Masks are for scoring only, training never sees one."""

    task = "localisation"
    augmentation: Augmentation = MirrorAugmentation(contrast=0.1, brightness=12.0)
    labels: ClassVar[tuple[str, ...]] = ("label", "mask")
    answer_type: ClassVar[type[Prediction]] = Repainted
    of_classes = ("threshold", "class_weights", "map_threshold")
    prediction_options: ClassVar[tuple[str, ...]] = (
        *SLICE_OPTIONS,
        "rule",
        "map",
        "roi",
        "smooth_px",
        "map_scale",
        "map_threshold",
        "published_level",
        "smallest_px",
    )

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if len(config.classes) != 2:
            raise ConfigError(f"classes={config.classes} given; expected two, one with a finding and one without")
        step = 2 ** (config.depth if not config.is_published else config.depth - 1)
        if any(side % step for side in config.input_size):
            raise ConfigError(f"input_size={config.input_size} given; expected multiples of {step} at this depth")
        if not config.is_published and config.filters % 4:
            raise ConfigError(f"filters={config.filters} given; expected a multiple of 4, the groups of the norms")

    @property
    def head(self) -> tuple[str, ...]:
        return ("critic.",)

    @property
    def phases(self) -> tuple[Phase, ...]:
        return Phase("critic", ("critic.",)), Phase("generator", ("generator.",))

    @property
    def ships(self) -> tuple[str, ...]:
        return ("generator.",)

    def sampler(self, samples: Sequence[Sample]) -> Sampler:
        """Pair every slice with a finding with a normal one of about as much lung."""
        seen = [(int(sample.labels["label"]), float(is_lung(sample.image).mean())) for sample in samples]
        labels, areas = np.array([s[0] for s in seen], np.int64), np.array([s[1] for s in seen])
        kinds = [np.flatnonzero(labels == number) for number in (self.config.finding, self.config.normal)]
        return Pairs(kinds[0], kinds[1], areas[kinds[0]], areas[kinds[1]])

    def preprocess(self, image: Image) -> Arrays:
        """Return the slice (c, h, w), its lung (1, h, w) as 0 or 1, and the median of that lung, level (1, 1, 1)."""
        config = self.config
        array = normalised(cropped(image, config), config)
        mean, std = (np.reshape(values, (-1, 1, 1)).astype(np.float32) for values in (config.mean, config.std))
        array = array.clip(-mean / std, (1 - mean) / std)  # a bicubic filter overshoots
        grey = array.mean(0, keepdims=True)
        lung = (array * std + mean).mean(0, keepdims=True) > BLACK / 255
        level = np.median(grey[lung]) if lung.any() else 0.0
        return {"image": array, "lung": lung.astype(np.float32), "level": np.full((1, 1, 1), level, np.float32)}

    def steps(self) -> Steps | str:
        return "the network takes the lung and the median of its greys beside the slice, which no step draws"

    def targets(self, sample: Sample) -> Arrays:
        targets = dict(super().targets(sample))
        if self.config.is_published:
            greys = resize(to_channels(cropped(sample.image, self.config), 1), self.config.input_size)[0]
            targets["edges"] = edge_weights(greys)
        return targets

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return mirror_slice(sample, self.options(MirrorAugmentation), rng)

    def postprocess(self, outputs: Arrays, image: Image) -> Repainted:
        config, lung = self.config, is_lung(image)
        x = to_channels(image.array, 1)[0] / 255
        healthy, lesion = self._in_frame(outputs, image, x)
        shown = MAPS[config.map](x, healthy, lesion)
        probabilities = self.probabilities(self._logits(float(shown[lung].mean()) if lung.any() else 0.0))
        if config.rule == "published":
            heat_map, threshold = published_map(config.map, x, healthy, lesion), (config.published_level - 0.5) / 255
            heat_map = np.where(lung, heat_map, 0) if config.roi == "lung" else heat_map
        else:
            heat_map, threshold = own_map(shown, lung, config), config.map_threshold
        mask, boxes, scores = regions_above(heat_map, threshold, config.smallest_px)
        if config.rule == "own" and int(probabilities.argmax()) == config.normal:
            mask, boxes, scores = np.zeros_like(mask), boxes[:0], scores[:0]
        named = config.classes[config.finding]
        return Repainted(
            image, config.classes, probabilities, heat_map, named, boxes, scores, mask, healthy * 255, lesion * 255
        )

    def perfect_outputs(self, sample: Sample) -> Arrays:
        """Take half of the brightness away where the mask is."""
        inputs = self.preprocess(sample.image)
        x = inputs["image"].mean(0, keepdims=True)
        share = tokens_of_mask(sample.labels["mask"], sample.image, self.config, x.shape[1:])[None]
        lowest = -self.config.mean[0] / self.config.std[0]
        lesion = (share * (x - lowest) / 2).astype(np.float32)
        return {HEALTHY: x - lesion, LESION: lesion}

    def score(self, prediction: Prediction, sample: Sample) -> Case:
        if not isinstance(prediction, Localisation):
            raise TypeError(f"{type(prediction).__name__} given; expected Localisation")
        case = score_map(super().score(prediction, sample).row, prediction, sample)
        evidence, lung = dict(case.evidence), is_lung(sample.image)
        is_finding = int(sample.labels["label"]) == self.config.finding
        if prediction.heat_map is not None and not is_finding:
            evidence["calm"] = np.bincount(quantise(prediction.heat_map)[lung], minlength=LEVELS)
        if isinstance(prediction, Repainted):
            lesion = prediction.lesion[lung] if is_finding else prediction.lesion[:0]
            evidence["painted"] = np.stack([moments(prediction.healthy[lung] / 255), moments(lesion / 255)])
        return Case(case.row, evidence)

    def summarise(self, cases: Sequence[Case]) -> dict[str, float]:
        """Add mean and spread, over the lungs, of the healthy slices and of the lesions of slices with a finding."""
        painted = [case.evidence["painted"] for case in cases if "painted" in case.evidence]
        scores = {**super().summarise(cases), **summarise_maps(cases)}
        for name, (n, total, squares) in zip(
            (HEALTHY, LESION), np.sum(painted, axis=0) if painted else (), strict=False
        ):
            mean = total / n if n else np.nan
            scores |= {
                f"{name}_mean": float(mean),
                f"{name}_std": float(np.sqrt(max(squares / max(n, 1) - mean**2, 0))),
            }
        return scores

    def why_stopped(self, metrics: Mapping[str, float]) -> str:
        healthy, lesion = (metrics.get(f"{name}_std", 1.0) for name in (HEALTHY, LESION))
        if healthy < STEADY:
            return (
                f"the healthy slices are of one grey (spread {healthy:.1g} of 1, less than {STEADY}); the generator "
                "has collapsed. Start anew with another seed or a lower learning_rate"
            )
        if lesion < STEADY:
            return (
                f"the lesions have vanished (spread {lesion:.1g} of 1, less than {STEADY}); the generator returns what "
                "it gets. Start anew with another seed, or a lower normal_weight and lesion_weight"
            )
        return ""

    def operating_point(self, cases: Sequence[Case]) -> dict[str, Any]:
        """Choose the threshold of slices, and that of the map above which little of a normal lung lies: no masks."""
        chosen = super().operating_point(cases)
        calm = [case.evidence["calm"] for case in cases if "calm" in case.evidence]
        if not calm or self.config.rule == "published":
            return chosen
        return {**chosen, "map_threshold": calm_level(np.sum(calm, axis=0))}

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        """Classify by brightness; show what is brighter than the lung's median, smoothed, cut by the same rule."""
        calm = np.zeros(LEVELS, np.int64)

        def heard() -> Iterator[Sample]:
            for sample in training:
                if int(sample.labels["label"]) == self.config.normal:
                    heat = quantise(self._trivial_map(sample.image))
                    calm[:] += np.bincount(heat[is_lung(sample.image)], minlength=LEVELS)
                yield sample

        classify = brightness_classifier(heard(), len(self.config.classes))
        threshold = calm_level(calm)

        def predict(image: Image) -> Prediction:
            heat_map, names = self._trivial_map(image), self.config.classes
            mask, boxes, scores = regions_above(heat_map, threshold, self.config.smallest_px)
            shown = names[self.config.finding]
            return Localisation(image, names, classify(image), heat_map, shown, boxes, scores, mask)

        return predict

    def initialise(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return first_value(name, shape, rng, self.config.is_published)

    def _trivial_map(self, image: Image) -> np.ndarray:
        return rooted(above_median_map(image), self.config.map_scale)

    def _logits(self, taken: float) -> np.ndarray:
        """Return the log odds (2,) of a finding where so much of the mean of the lung is taken away."""
        return np.log(max(taken, LEAST) / self.config.slice_level) * (np.arange(2) == self.config.finding)

    def _in_frame(self, outputs: Arrays, image: Image, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lay both pictures (1, gh, gw) over the slice x (h, w): healthy and lesion (h, w), of 0..1."""
        box = CROPS[self.config.crop](image.array)
        shape = (box.bottom - box.top, box.right - box.left)
        healthy, lesion = x.copy(), np.zeros_like(x)
        inside = np.s_[box.top : box.bottom, box.left : box.right]
        mean, std = (float(np.mean(values)) for values in (self.config.mean, self.config.std))
        lesion[inside] = resize(np.asarray(outputs[LESION], np.float32), shape)[0] * std
        if self.config.is_published:
            healthy[inside] = resize(np.asarray(outputs[HEALTHY], np.float32), shape)[0] * std + mean
        else:  # what is left has the slice's own sharpness
            lesion = np.minimum(lesion.clip(0), x)
            healthy = x - lesion
        return healthy, lesion


def regions_above(
    heat_map: np.ndarray, threshold: float, smallest_px: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut a map (h, w) at a value, which is the same for all slices; return mask, boxes, scores, see regions_of_map."""
    highest = float(np.floor(np.asarray(heat_map, np.float64).max() * 255))
    return regions_of_map(heat_map, threshold * 255 / max(highest, 1), smallest_px)


def calm_level(counts: np.ndarray) -> float:
    """Return the value of the map above which at most `CALM` of the pixels lie that counts (256,) holds per level."""
    above = np.cumsum(counts[::-1])[::-1] - counts
    level = int(np.argmax(above <= CALM * counts.sum()))
    return round(min(level, LEVELS - 2) / (LEVELS - 1) + 1e-4, 4)


def moments(values: np.ndarray) -> np.ndarray:
    """Return number, sum and sum of squares."""
    values = np.asarray(values, np.float64)
    return np.array([values.size, values.sum(), np.square(values).sum()])
