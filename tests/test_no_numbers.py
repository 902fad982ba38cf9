"""A network that answers NaN is told; it is never an image without a finding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import zoo
from tests.conftest import skip_without
from zoo.common.errors import WeightsError, ZooWarning
from zoo.registry import list_models

SPOILT = {"LOD-Net": "masks.predictor.", "WeaklyLesionLocalisation": "generator."}  # else the last kernel


def spoilt(name: str, backend: str = "torch") -> tuple[zoo.Model, zoo.Image]:
    """Return a model with kernels that are NaN, as a training loop that diverged leaves them, and an image."""
    skip_without(backend)
    model = zoo.load(name, backend=backend, device="cpu", checkpoint=None, variant="tiny")
    weights = model.engine.weights()
    kernels = [key for key in weights if weights[key].ndim > 1]
    odd = [key for key in kernels if name in SPOILT and key.startswith(SPOILT[name])] or kernels[-1:]
    model.engine.load({**weights, **{key: np.full_like(weights[key], np.nan) for key in odd}})
    return model, type(model.algorithm).example(model.config, np.random.default_rng(0)).image


@pytest.mark.parametrize("name", list_models())
def test_a_network_that_answers_nan_gives_no_answer(name: str) -> None:
    model, image = spoilt(name)

    with pytest.raises(WeightsError, match=f"{image.name}: the network answers NaN or infinity"):
        model.predict(image)


def test_so_it_is_in_mindspore() -> None:
    model, image = spoilt("2D-UNet", "mindspore")

    with pytest.raises(WeightsError, match="the network answers NaN or infinity"):
        model.predict(image)


def test_of_a_batch_only_the_image_to_blame_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without("torch")
    model = zoo.load("EllipseNet", backend="torch", device="cpu", checkpoint=None, variant="tiny")
    drawn = [type(model.algorithm).example(model.config, np.random.default_rng(seed)).image for seed in range(3)]
    odd = model.algorithm.preprocess(model.algorithm.enter(drawn[1]))["image"]
    forward = model.engine.forward

    def overflowing(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        outputs = forward(inputs)
        for i, image in enumerate(inputs["image"]):
            if np.array_equal(image, odd):
                outputs["hm"][i, 0, 0, 0] = np.inf
        return outputs

    monkeypatch.setattr(model.engine, "forward", overflowing)
    with pytest.warns(ZooWarning, match="1 of 3 images could not be used"):
        results = model.predict(drawn, batch_size=3)

    assert [type(error) for _, error in results.failures] == [WeightsError] and len(results) == 2


def test_proposals_that_are_nan_are_told_where_no_region_would_come_of_them() -> None:
    skip_without("torch")
    model = zoo.load("LOD-Net", backend="torch", device="cpu", checkpoint=None, variant="tiny")
    weights = model.engine.weights()
    model.engine.load({key: np.full_like(value, np.nan) for key, value in weights.items()})

    with pytest.raises(WeightsError, match="proposals of LOD-Net are NaN"):
        model.predict(type(model.algorithm).example(model.config, np.random.default_rng(0)).image)


def test_evaluation_says_so_too(tmp_path: Path) -> None:
    model, _ = spoilt("2D-UNet")
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        for i in range(3):
            picture = np.roll(np.eye(80, dtype=np.uint8), i, axis=1)
            Pillow.fromarray(picture).save(tmp_path / kind / f"{i}.png")

    with pytest.raises(WeightsError, match="the network answers NaN or infinity"):
        model.evaluate(tmp_path, baseline=False)
