"""Fields in windows: what a seam cuts is one object, as in one pass; several dense outputs, views that swap them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from zoo.common.instances.example import draw_nuclei
from zoo.common.instances.targets import BOUNDARY, INSIDE, ternary_map
from zoo.common.metrics.instances import count_overlaps
from zoo.common.tta import View
from zoo.common.types import Arrays, Image
from zoo.models.han_net.algorithm import HanNet
from zoo.models.han_net.config import VARIANTS
from zoo.prediction.passes import predict_batch, prepare

CONFIG = replace(VARIANTS["tiny"], intensities="as they are", window_size=(96, 96), overlap=0.25)
UNSURE_PX = 5  # next to the border of a window, where a network sees little


class Oracle:
    """An engine that reads the ternary map off the picture, smooths it, and errs at the border of what it sees."""

    device = "cpu"

    def forward(self, inputs: Arrays) -> dict[str, np.ndarray]:
        (image,) = inputs.values()
        h, w = image.shape[2:]
        rng = np.random.default_rng(h * w)
        scores = np.stack([np.round(2 * image[:, 0]) == c for c in range(3)], axis=1).astype(np.float32)
        scores = 6 * ndimage.gaussian_filter(scores, (0, 0, 0.5, 0.5), mode="constant")
        depth = np.minimum.outer(
            np.minimum(np.arange(h), np.arange(h)[::-1]), np.minimum(np.arange(w), np.arange(w)[::-1])
        )
        return {"logits": scores + np.where(depth < UNSURE_PX, rng.normal(0, 6, scores.shape), 0).astype(np.float32)}


def field() -> tuple[Image, np.ndarray]:
    """Draw a field whose picture holds its ternary map."""
    instances = draw_nuclei((310, 370), 3, np.random.default_rng(4)).labels["instances"]
    picture = np.repeat(ternary_map(instances)[None] * np.float32(127.5), 3, axis=0)
    return Image(picture, name="field"), instances


def predict(algorithm: Any, image: Image, engine: Any, tta: bool = False) -> Any:
    (found,) = predict_batch(algorithm, engine, [prepare(algorithm, image)], tta=tta)
    return found


def test_objects_on_seams_are_those_of_one_pass_none_doubled_none_lost() -> None:
    image, instances = field()
    whole = predict(HanNet(replace(CONFIG, window_size=(384, 384))), image, Oracle()).instances

    tiled = predict(HanNet(CONFIG), image, Oracle()).instances

    assert instances.max() > 150
    rim = np.ones(whole.shape, bool)  # where the border of a window is that of the field, and no other window sees more
    rim[UNSURE_PX + 2 : -UNSURE_PX - 2, UNSURE_PX + 2 : -UNSURE_PX - 2] = False
    inside = np.setdiff1d(whole, whole[rim])
    overlaps = count_overlaps(whole, tiled)
    best = np.zeros(whole.max())
    np.maximum.at(best, overlaps.reference, overlaps.iou)
    assert len(inside) > 180
    assert (best[inside[inside > 0] - 1] >= 0.95).all()
    found = overlaps.prediction[np.isin(overlaps.reference, inside - 1) & (overlaps.shared > 5)]
    assert len(found) == len(set(found.tolist())) == np.count_nonzero(inside)  # none doubled, none joined


def test_what_is_kept_of_a_field_is_a_byte_per_class_and_pixel() -> None:
    kept = HanNet(CONFIG).keep(np.random.default_rng(0).normal(0, 3, (3, 20, 30)).astype(np.float32))

    assert kept.dtype == np.uint8 and kept.shape == (3, 20, 30)
    assert (np.abs(kept.sum(axis=0, dtype=int) - 255) <= 1).all()


class TwoMaps(HanNet):
    """A network with a second dense output, whose two channels point left and right."""

    dense_outputs = ("logits", "sides")  # type: ignore[assignment]
    seen: dict[str, np.ndarray]

    def undo_view(self, outputs: Arrays, view: View) -> Arrays:
        undone = {name: view.undo(outputs[name]) for name in self.dense_outputs}
        return undone | {"sides": undone["sides"][:, ::-1]} if 1 in view.flipped else undone

    def keep(self, scores: np.ndarray) -> np.ndarray:
        return scores.copy()

    def name_kept(self, kept: np.ndarray) -> Arrays:
        return {"logits": kept[:3], "sides": kept[3:]}

    def postprocess(self, outputs: Arrays, image: Image) -> Any:
        self.seen = dict(outputs)
        return super().postprocess({"logits": super().keep(outputs["logits"])}, image)


class Sided(Oracle):
    """Adds a map of the step from each pixel to its left neighbour, and one to its right."""

    def forward(self, inputs: Arrays) -> dict[str, np.ndarray]:
        (image,) = inputs.values()
        sides = np.stack(
            [image[:, 0] - np.roll(image[:, 0], 1, -1), image[:, 0] - np.roll(image[:, 0], -1, -1)], axis=1
        )
        return super().forward(inputs) | {"sides": sides, "unused": np.zeros((len(image), 1))}


@pytest.mark.parametrize("tta", [False, True])
def test_several_dense_outputs_are_blended_and_brought_back_by_their_own_rules(tta: bool) -> None:
    image, _ = field()
    algorithm = TwoMaps(CONFIG)

    predict(algorithm, image, Sided(), tta=tta)

    (inputs,) = algorithm.preprocess(image).values()
    expected = Sided().forward({"image": inputs[None]})["sides"][0]
    assert list(algorithm.seen) == ["logits", "sides"]
    away = (slice(None), slice(None), slice(100, 270))  # from the ends of windows, where roll() wraps around
    error = np.abs(algorithm.seen["sides"] - expected)[away]
    assert np.quantile(error, 0.9) < 1e-5 and error.mean() < 0.02


def test_an_empty_and_a_full_field_are_defined() -> None:
    for value, count in ((0, 0), (INSIDE, 1), (BOUNDARY, 0)):
        image = Image(np.full((3, 150, 120), 127.5 * value, np.float32))

        class Certain(Oracle):
            def forward(self, inputs: Arrays) -> dict[str, np.ndarray]:
                (seen,) = inputs.values()
                return {
                    "logits": np.stack([np.round(2 * seen[:, 0]) == c for c in range(3)], axis=1).astype(np.float32)
                }

        found = predict(HanNet(CONFIG), image, Certain())
        assert len(found) == count
        assert found.to_dict()["counts"] == {"nucleus": count}
