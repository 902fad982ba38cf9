"""Han-Net: its size, what its attention and its dense stream compute, and what it refuses."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.common.errors import ConfigError
from zoo.models.han_net.config import POOLED


@pytest.mark.parametrize(("variant", "count"), [("paper", 10_098_285), ("small", 608_217)])
def test_parameters_are_as_many_as_specified(variant: str, count: int) -> None:
    shapes = zoo.load("Han-Net", checkpoint=None, variant=variant).engine.shapes()

    assert sum(int(np.prod(shape)) for name, shape in shapes.items() if "running_" not in name) == count


def test_sides_and_features_that_do_not_fit_are_refused() -> None:
    for changes in ({"window_size": (100, 96)}, {"features": 12}, {"dilations": ()}, {"classes": ("a", "b")}):
        with pytest.raises(ConfigError, match="given; expected"):
            zoo.load("Han-Net", checkpoint=None, variant="tiny", **changes)


class Part:
    """A part of the network in one framework, from and to NumPy."""

    def __init__(self, framework: str, name: str, *arguments: Any) -> None:
        if framework == "mindspore":
            import_module("zoo.engines.backends_mindspore").prepare("cpu")
        self.framework, self.tensor = framework, import_module(framework).tensor
        self.module = getattr(import_module(f"zoo.models.han_net.net_{framework}"), name)(*arguments)
        if framework == "torch":
            self.module.eval()
        else:
            self.module.set_train(False)

    def fill(self, values: dict[str, np.ndarray]) -> Part:
        for name, value in values.items():
            owner = self.module
            for step in name.split(".")[:-1]:
                owner = getattr(owner, step)
            parameter = getattr(owner, name.split(".")[-1])
            if self.framework == "torch":
                parameter.data = self.tensor(value)
            else:
                parameter.set_data(self.tensor(value))
        return self

    def __call__(self, x: np.ndarray) -> np.ndarray:
        found = self.module(self.tensor(x))
        return np.asarray(found.detach().numpy() if self.framework == "torch" else found.asnumpy())


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def test_a_channel_takes_most_from_what_is_unlike_it(framework: str) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 8, 16)).astype(np.float32)
    flat = x.reshape(2, 3, -1)
    likeness = flat @ flat.transpose(0, 2, 1) / flat.shape[2]

    found = Part(framework, "Channels").fill({"gamma": np.array([2.0], np.float32)})(x)

    np.testing.assert_allclose(found, 2 * (softmax(-likeness) @ flat).reshape(x.shape), atol=1e-5)


def test_a_place_takes_the_values_of_places_whose_keys_fit_its_query(framework: str) -> None:
    rng = np.random.default_rng(0)
    tiles = rng.normal(size=(1, 8, 2, 3)).astype(np.float32)
    x = tiles.repeat(POOLED, axis=2).repeat(POOLED, axis=3)
    kernels = {f"{n}.weight": rng.normal(size=(k, 8, 1, 1)) for n, k in (("query", 1), ("key", 1), ("value", 8))}
    biases = {f"{n}.bias": rng.normal(size=k) for n, k in (("query", 1), ("key", 1), ("value", 8))}
    weights = {name: value.astype(np.float32) for name, value in (kernels | biases).items()}
    flat = tiles.reshape(8, 6)
    query, key, value = (
        weights[f"{n}.weight"][:, :, 0, 0] @ flat + weights[f"{n}.bias"][:, None] for n in ("query", "key", "value")
    )
    expected = (value @ softmax(query.T @ key).T).reshape(8, 2, 3)

    found = Part(framework, "Places", 8).fill(weights | {"gamma": np.ones(1, np.float32)})(x)

    corners = [(0, 0, 0, 0), (0, 2, 0, -1), (1, 0, -1, 0), (1, 2, -1, -1)]  # bilinear, so exact in the outer corners
    for row, column, y, x_ in corners:
        np.testing.assert_allclose(found[0, :, y, x_], expected[:, row, column], atol=1e-4)


def test_the_dense_stream_sees_as_far_as_its_dilations_reach(framework: str) -> None:
    sides = {"stem": (4, 1, 3), "layers.0.0": (4, 4, 3), "layers.0.1": (4, 8, 3), "halves.0": (6, 12, 1)}
    sides |= {"layers.1.0": (4, 6, 3), "halves.1": (5, 10, 1)}
    ones = {f"{name}.0.weight": np.ones((*shape, shape[-1]), np.float32) for name, shape in sides.items()}
    stream = Part(framework, "Dense", 1, 4, 4, ((1, 3), (2,))).fill(ones)
    picture = np.zeros((1, 1, 33, 33), np.float32)
    spot = picture.copy()
    spot[0, 0, 16, 16] = 1

    changed = np.abs(stream(spot) - stream(picture)).max(axis=(0, 1))

    reach = 1 + 1 + 3 + 2  # the first convolution, then those of the blocks
    rows, columns = np.nonzero(changed)
    assert max(np.abs(rows - 16).max(), np.abs(columns - 16).max()) == reach


def test_attention_adds_nothing_before_training() -> None:
    weights = zoo.load("Han-Net", checkpoint=None, variant="tiny").engine.weights()

    assert not weights["places.gamma"].any() and not weights["channels.gamma"].any()
