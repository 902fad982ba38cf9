"""A volume that comes alone is convolved by the fast path, and gets the answer that it gets among others."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import zoo

torch = pytest.importorskip("torch")

from zoo.engines.evaluation_torch import Evaluation  # noqa: E402

KERNELS: list[dict[str, Any]] = [
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": (1, 3, 3), "padding": (0, 1, 1), "bias": False},
    {"kernel_size": 3, "stride": 2, "dilation": (1, 2, 1)},
    {"kernel_size": 1},
    {"kernel_size": 3, "padding": "same"},
    {"kernel_size": 3, "padding": 1, "padding_mode": "replicate"},
    {"kernel_size": 3, "padding": 1, "groups": 2},
]


def answer(conv: Any, x: Any) -> Any:
    with torch.inference_mode():
        return Evaluation().run(conv, x)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_a_volume_alone_is_convolved_as_the_layer_says(kernel: dict[str, Any]) -> None:
    torch.manual_seed(0)
    conv, x = torch.nn.Conv3d(4, 6, **kernel), torch.randn(1, 4, 7, 8, 9)

    torch.testing.assert_close(answer(conv, x), conv(x).detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(answer(conv, x.repeat(2, 1, 1, 1, 1))[:1], conv(x).detach(), rtol=1e-5, atol=1e-5)


def test_other_types_of_numbers_stay_what_they_are() -> None:
    x = torch.randn(1, 4, 7, 8, 9)
    for dtype in (torch.bfloat16, torch.float64):
        assert answer(torch.nn.Conv3d(4, 6, 3).to(dtype), x.to(dtype)).dtype == dtype


def test_no_window_takes_the_path_that_unfolds_the_volume() -> None:
    model = zoo.load("3D-UNet", backend="torch", device="cpu", checkpoint=None, variant="tiny")
    (name,) = model.algorithm.preprocess(model.algorithm.example(model.config, np.random.default_rng(0)).image)
    x = np.random.default_rng(1).normal(size=(1, 1, 16, 16, 16)).astype(np.float32)

    with torch.profiler.profile() as profile:
        outputs = model.engine.forward({name: x})

    calls = {event.key: event.count for event in profile.key_averages()}
    pointwise = sum(m.kernel_size == (1, 1, 1) for m in model.net.modules() if isinstance(m, torch.nn.Conv3d))
    assert calls.get("aten::slow_conv3d_forward", 0) <= pointwise
    with torch.no_grad():
        expected = copy.deepcopy(model.net).eval()(torch.from_numpy(x))
    for key, value in outputs.items():
        np.testing.assert_allclose(value, expected[key].numpy(), rtol=1e-4, atol=1e-5)
