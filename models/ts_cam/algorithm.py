"""Everything about TS-CAM but its network and its loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

import numpy as np

from zoo.common.algorithm import Steps
from zoo.common.answers.localisation import Localisation, regions_of_map
from zoo.common.answers.prediction import Prediction
from zoo.common.augment.options import Augmentation
from zoo.common.classification.slice_classifier import SLICE_OPTIONS, SliceClassifier
from zoo.common.errors import ConfigError
from zoo.common.localisation.scores import bright_map, is_lung, score_map, summarise_maps
from zoo.common.lungs.boxes import BLACK
from zoo.common.lungs.slices import (
    MirrorAugmentation,
    brightness_classifier,
    crop_steps,
    cropped,
    mirror_slice,
    normalised,
    slice_steps,
    spread,
    token_weights,
    tokens_of_mask,
)
from zoo.common.networks.vit_config import check_vit_config
from zoo.common.networks.vit_weights import initial_vit_value, uniform_kernel
from zoo.common.types import Arrays, Case, Image, Sample

from .config import Config
from .coupling import COUPLINGS, IN_LOG_ODDS

ROIS = ("none", "lung")
LEAST_WEIGHT = 1e-3  # of a token; what is black all over can show nothing


class TSCam(SliceClassifier[Config]):
    """Classify one slice and show where the finding is; masks are for scoring only, training never sees one."""

    task = "localisation"
    augmentation: Augmentation = MirrorAugmentation()
    labels: ClassVar[tuple[str, ...]] = ("label", "mask")
    answer_type: ClassVar[type[Prediction]] = Localisation
    prediction_options: ClassVar[tuple[str, ...]] = (
        *SLICE_OPTIONS,
        "coupling",
        "roi",
        "map_scale",
        "map_threshold",
        "largest_only",
        "smallest_px",
    )

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        check_vit_config(config)
        if config.coupling not in COUPLINGS:
            raise ConfigError(f"coupling={config.coupling!r} given; expected one of {', '.join(COUPLINGS)}")
        if config.roi not in ROIS:
            raise ConfigError(f"roi={config.roi!r} given; expected one of {', '.join(ROIS)}")
        if not 0 <= config.map_threshold < 1:
            raise ConfigError(f"map_threshold={config.map_threshold} given; expected 0 or more and less than 1")
        for field in ("sharpness", "background_weight", "map_scale"):
            if getattr(config, field) < 0:
                raise ConfigError(f"{field}={getattr(config, field)} given; expected 0 or more")

    @property
    def head(self) -> tuple[str, ...]:
        return ("head.",)

    @property
    def undecayed(self) -> tuple[str, ...]:
        return ("cls_token", "pos_embed")

    def preprocess(self, image: Image) -> Arrays:
        """Return the image and, per token, its weight, (gh, gw) in [0, 1]."""
        array = cropped(image, self.config)
        h, w = (side // self.config.patch for side in self.config.input_size)
        lung = token_weights(array, (h, w)) if self.config.roi_pool else np.ones((h, w), np.float32)
        return {"image": normalised(array, self.config), "lung": lung}

    def steps(self) -> Steps | str:
        grid = [side // self.config.patch for side in self.config.input_size]
        black = BLACK if self.config.roi_pool else 255  # where all is black, all counts
        cells: dict[str, object] = {"do": "brightness", "size": grid, "black": black}
        return {"image": slice_steps(self.config), "lung": [*crop_steps(self.config), cells]}

    def postprocess(self, outputs: Arrays, image: Image) -> Localisation:
        probabilities = self.probabilities(outputs["logits"])
        shown = self._shown(probabilities)
        maps = (
            np.asarray(outputs["maps"]) * outputs["lung"]
        )  # a token's part in the logits is its answer times its weight
        cells = COUPLINGS[self.config.coupling](maps, np.asarray(outputs["attention"]), shown)
        if self.config.coupling == "official":
            cells = cells - cells.min()  # the published map is scaled from its minimum
        scale = self.config.map_scale if self.config.coupling in IN_LOG_ODDS else 0.0
        return self._localised(image, probabilities, shown, spread(cells, image, self.config, scale))

    def perfect_outputs(self, sample: Sample) -> Arrays:
        """Name the class; let exactly the tokens of the mask speak for it, as strongly as the map can show."""
        logits = super().perfect_outputs(sample)["logits"]
        inputs = self.preprocess(sample.image)
        share = tokens_of_mask(sample.labels["mask"], sample.image, self.config, inputs["lung"].shape)
        evidence = share * (self.config.map_scale or 1.0) / np.maximum(inputs["lung"], LEAST_WEIGHT)
        maps = np.where(logits[:, None, None] > 0, evidence, 0)
        return {"logits": logits, "maps": maps, "attention": np.ones_like(share), "lung": inputs["lung"]}

    def augment(self, sample: Sample, rng: np.random.Generator) -> Sample:
        # no turning or scaling: interpolation would smooth what the map has to resolve (a guess, not measured alone)
        return mirror_slice(sample, self.options(MirrorAugmentation), rng)

    def score(self, prediction: Prediction, sample: Sample) -> Case:
        if not isinstance(prediction, Localisation):
            raise TypeError(f"{type(prediction).__name__} given; expected Localisation")
        return score_map(super().score(prediction, sample).row, prediction, sample)

    def summarise(self, cases: Sequence[Case]) -> dict[str, float]:
        return {**super().summarise(cases), **summarise_maps(cases)}

    def baseline(self, training: Iterable[Sample]) -> Callable[[Image], Prediction]:
        """Classify by the mean brightness of what is not black; show the smoothed brightness."""
        classify = brightness_classifier(training, len(self.config.classes))

        def predict(image: Image) -> Prediction:
            probabilities = classify(image)
            return self._localised(image, probabilities, self._shown(probabilities), bright_map(image))

        return predict

    def initialise(self, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        if len(shape) == 4:  # a stem drawn He-normal classified as well and showed less (pixel PR-AUC 0.35, not 0.41)
            return uniform_kernel(shape, rng)
        return initial_vit_value(name, shape, rng)

    def _shown(self, probabilities: np.ndarray) -> int:
        """Choose the named class, or the most probable other one where that is the background."""
        order = np.argsort(-probabilities, kind="stable")
        return int(order[1] if self.config.classes[order[0]] == self.config.background else order[0])

    def _localised(self, image: Image, probabilities: np.ndarray, shown: int, heat_map: np.ndarray) -> Localisation:
        if self.config.roi == "lung":
            heat_map = np.where(is_lung(image), heat_map, 0)
        mask, boxes, scores = regions_of_map(
            heat_map, self.config.map_threshold, self.config.smallest_px, self.config.largest_only
        )
        if self.config.classes[int(probabilities.argmax())] == self.config.background:
            mask, boxes, scores = np.zeros_like(mask), boxes[:0], scores[:0]  # the map's maximum is 1 in any slice
        names = self.config.classes
        return Localisation(image, names, probabilities, heat_map, names[shown], boxes, scores, mask)
