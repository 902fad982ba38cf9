"""Cross-entropy and soft Dice of label maps, against hand-computed values and between the frameworks."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest


class Losses:
    """The losses of one framework on NumPy arrays."""

    def __init__(self, framework: str) -> None:
        self.module: Any = import_module(f"zoo.common.segmentation.losses_{framework}")
        self.tensor = (
            import_module("torch").from_numpy if framework == "torch" else import_module("mindspore").Tensor.from_numpy
        )

    def __call__(self, name: str, logits: np.ndarray, labels: np.ndarray) -> float:
        return float(getattr(self.module, name)(self.tensor(logits), self.tensor(labels)))


@pytest.fixture
def losses(framework: str) -> Losses:
    pytest.importorskip(framework)
    return Losses(framework)


LABELS = np.array([[[1, 0], [0, 1]]], np.int32)


def test_undecided_map_costs_the_logarithm_of_two(losses: Losses) -> None:
    assert losses("cross_entropy", np.zeros((1, 1, 2, 2), np.float32), LABELS) == pytest.approx(np.log(2))
    assert losses("cross_entropy", np.zeros((1, 2, 2, 2), np.float32), LABELS) == pytest.approx(np.log(2))


def test_soft_dice_of_an_undecided_map_is_that_of_the_formula(losses: Losses) -> None:
    # p = 1/2 everywhere: (2 * 1 + 1) / (2 + 2 + 1)
    assert losses("soft_dice", np.zeros((1, 1, 2, 2), np.float32), LABELS) == pytest.approx(1 - 3 / 5)


def test_one_map_and_two_maps_of_the_same_odds_cost_the_same(losses: Losses) -> None:
    z = np.random.default_rng(0).normal(size=(2, 1, 3, 4)).astype(np.float32)
    labels = (np.random.default_rng(1).random((2, 3, 4)) < 0.5).astype(np.int32)
    two = np.concatenate([np.zeros_like(z), z], axis=1)

    for name in ("cross_entropy", "soft_dice"):
        assert losses(name, z, labels) == pytest.approx(losses(name, two, labels), rel=1e-5)


def test_class_that_is_absent_and_not_predicted_costs_nothing(losses: Losses) -> None:
    logits = np.zeros((1, 3, 2, 2), np.float32)
    logits[:, 2] = -100
    logits[:, 1] = 200 * (LABELS == 1) - 100

    assert losses("soft_dice", logits, LABELS) == pytest.approx(0, abs=1e-5)


def test_huge_logits_stay_finite(losses: Losses) -> None:
    z = np.full((1, 1, 2, 2), 1e4, np.float32)

    assert losses("cross_entropy", z, LABELS) == pytest.approx(5e3)


@pytest.mark.parametrize("seed", range(5))
def test_soft_dice_equals_monai(losses: Losses, seed: int) -> None:
    monai, torch = pytest.importorskip("monai.losses"), pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(0, 3, (2, 4, 5, 6)).astype(np.float32), rng.integers(0, 4, (2, 5, 6)).astype(np.int32)
    theirs = monai.DiceLoss(
        include_background=False, to_onehot_y=True, softmax=True, batch=True, smooth_nr=1.0, smooth_dr=1.0
    )

    expected = float(theirs(torch.from_numpy(logits), torch.from_numpy(labels[:, None])))

    # known disagreement: MONAI sums per image unless batch=True, and smooths with 1e-5
    assert losses("soft_dice", logits, labels) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_cross_entropy_equals_scikit_learn(losses: Losses, seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(0, 3, (2, 4, 5, 6)).astype(np.float32), rng.integers(0, 4, (2, 5, 6)).astype(np.int32)
    p = np.exp(np.moveaxis(logits.astype(np.float64), 1, -1).reshape(-1, 4))

    expected = metrics.log_loss(labels.ravel(), p / p.sum(1, keepdims=True), labels=range(4))

    assert losses("cross_entropy", logits, labels) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("maps", [1, 2])
def test_gradients_are_those_of_the_formula_however_many_pixels_came_before(maps: int, framework: str) -> None:
    losses, rng = Losses(framework), np.random.default_rng(0)

    for count in (4, 2, 6):
        z = rng.normal(size=(count, maps, 3, 4)).astype(np.float32)
        labels = (rng.random((count, 3, 4)) < 0.5).astype(np.int32)
        odds = z[:, 0] if maps == 1 else z[:, 1] - z[:, 0]
        expected = (1 / (1 + np.exp(-odds)) - labels) / labels.size  # by the last map
        assert gradient(losses, framework, z, labels)[:, -1] == pytest.approx(expected, abs=1e-6)


def gradient(losses: Losses, framework: str, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Differentiate the cross-entropy by the logits."""
    if framework == "torch":
        z = losses.tensor(logits).requires_grad_(True)
        losses.module.cross_entropy(z, losses.tensor(labels)).backward()
        return np.asarray(z.grad)
    import mindspore as ms

    differentiate = ms.grad(lambda z: losses.module.cross_entropy(z, losses.tensor(labels)))
    return differentiate(losses.tensor(logits)).asnumpy()
