"""The property that names each method, told by its weights and terms."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.common.labels import UNKNOWN
from zoo.common.methods.contract import Moment

from .harness import begin, draw_batch, open_model, take


def length(weights: dict[str, np.ndarray]) -> float:
    return float(np.sqrt(sum(float((value.astype(np.float64) ** 2).sum()) for value in weights.values())))


@pytest.mark.parametrize("name", ["mean-teacher", "uamt"])
def test_the_teacher_is_as_long_as_its_student(name: str, framework: str) -> None:
    model = open_model(framework)
    begin(model, name)

    take(model, draw_batch(model, name, 1), 12, rate=1e-3)

    student, teacher = model.engine.weights(), model.engine.companion("teacher")
    learned = [key for key in student if "running" not in key]
    assert length({k: teacher[k] for k in learned}) == pytest.approx(length({k: student[k] for k in learned}), rel=0.01)


def test_the_average_of_equal_networks_is_that_network(framework: str) -> None:
    model = open_model(framework)
    before = model.engine.weights()
    begin(model, "mean-teacher")

    take(model, draw_batch(model, "mean-teacher", 1), 3, rate=0.0)

    teacher = model.engine.companion("teacher")
    assert all(np.allclose(teacher[key], before[key], atol=1e-7) for key in before if "running" not in key)


def test_a_pixel_that_is_unknown_has_no_gradient(framework: str) -> None:
    rng = np.random.default_rng(0)
    logits, mask = rng.normal(size=(2, 3, 4, 4)).astype(np.float32), rng.integers(0, 3, (2, 4, 4))
    mask[:, :2] = UNKNOWN

    slopes = gradient(framework, logits, mask.astype(np.int32))

    assert not slopes[:, :, :2].any()
    assert np.abs(slopes[:, :, 2:]).min() > 0


def gradient(framework: str, logits: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the gradient of cross-entropy and Dice in the logits."""
    if framework == "torch":
        import torch

        from zoo.common.segmentation.losses_torch import cross_entropy, soft_dice

        z = torch.from_numpy(logits).requires_grad_()
        (cross_entropy(z, torch.from_numpy(mask)) + soft_dice(z, torch.from_numpy(mask))).backward()
        return z.grad.numpy()
    import mindspore as ms

    from zoo.common.segmentation.losses_mindspore import cross_entropy, soft_dice

    labels = ms.Tensor(mask)
    return ms.grad(lambda z: cross_entropy(z, labels) + soft_dice(z, labels))(ms.Tensor(logits)).asnumpy()


def test_both_networks_of_cps_start_apart_and_learn() -> None:
    model = open_model("torch")
    begin(model, "cps")
    before = model.engine.companion("partner1")

    take(model, draw_batch(model, "cps"), 1)

    assert not np.array_equal(before["unet.head.weight"], model.engine.weights()["unet.head.weight"])
    assert not np.array_equal(before["unet.head.weight"], model.engine.companion("partner1")["unet.head.weight"])


def test_an_own_term_weighs_less_at_the_beginning_of_a_run() -> None:
    model = open_model("torch")
    begin(model, "entropy-minimisation")
    inputs, targets, rows = draw_batch(model, "entropy-minimisation")

    early, late = (model.engine.step(inputs, targets, 0.0, 0, Moment(0, share, rows)) for share in (0.0, 1.0))

    assert early.terms["entropy"] == pytest.approx(late.terms["entropy"] * np.exp(-5), rel=1e-4)
    assert (early.told["ramp"], late.told["ramp"]) == pytest.approx((np.exp(-5), 1.0))
