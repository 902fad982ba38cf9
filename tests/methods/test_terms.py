"""The parts of the methods' terms are the numbers that their definitions give, in both frameworks."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
import pytest

from tests.common import known_answers
from zoo.common.methods.ramps import sigmoid_ramp


class Maps:
    """The maps of one framework, from and to NumPy."""

    def __init__(self, framework: str) -> None:
        self.module = importlib.import_module(f"zoo.common.methods.maps_{framework}")
        self.tensor: Callable = importlib.import_module(framework).tensor if framework == "torch" else self._open()
        self.framework = framework

    @staticmethod
    def _open() -> Callable:
        return importlib.import_module("mindspore").Tensor

    def __call__(self, name: str, *values: object) -> np.ndarray:
        given = [self.tensor(value) if isinstance(value, np.ndarray) else value for value in values]
        found = getattr(self.module, name)(*given)
        return np.asarray(found.numpy() if self.framework == "torch" else found.asnumpy())


@pytest.fixture
def maps(framework: str) -> Maps:
    return Maps(framework)


def logits(name: str) -> np.ndarray:
    return known_answers.array(name).astype(np.float32)


def expected(name: str) -> float:
    found = known_answers.case("losses", "3 classes")["expected"]
    return next(value for key, value in found.items() if key.startswith(name))


def test_entropy_is_the_known_answer(maps: Maps) -> None:
    assert maps("entropy", maps("probabilities", logits("loss_logits"))) == pytest.approx(
        expected("EntropyLoss"), rel=1e-4
    )


def test_the_difference_where_a_teacher_is_sure_is_the_known_answer(maps: Maps) -> None:
    p, q = (maps("probabilities", logits(name)) for name in ("loss_logits", "loss_logits2"))

    sure = maps("sure_pixels", (p + q) / 2, 0.75 + 0.25 * 0.5)

    assert maps("masked_difference", p, q, sure) == pytest.approx(expected("UAMT masked"), rel=1e-4)


def test_the_mean_teachers_difference_is_the_known_answer(maps: Maps) -> None:
    p, q = (maps("probabilities", logits(name)) for name in ("loss_logits", "loss_logits2"))

    assert maps("squared_difference", p, q) == pytest.approx(expected("CCT softmax_mse"), rel=1e-4)


def test_a_single_map_counts_as_two_classes(maps: Maps) -> None:
    p = maps("probabilities", np.full((1, 1, 2, 2), 2.0, np.float32))

    np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-2.0)), rtol=1e-5)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-6)


def test_a_rise_is_the_known_answer() -> None:
    found = known_answers.case("windows_and_ramps", "ramps start=100,end=500")["expected"]

    ramp = [sigmoid_ramp(step / 1000, (0.1, 0.5)) for step in (0, 100, 200, 300, 400, 500, 900)]

    known_answers.assert_close(ramp, next(value for name, value in found.items() if name.startswith("rampup_sigmoid")))
