"""MindSpore's AdamW takes PyTorch's steps, and goes on from a saved state."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("zoo.engines.backends_mindspore").prepare("cpu")
ms = pytest.importorskip("mindspore")
optimisers = pytest.importorskip("zoo.engines.optimisers_mindspore")

BETAS = (0.8, 0.99)
START, STEPS = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4), 50
GRADIENTS = np.random.default_rng(0).normal(size=(STEPS, *START.shape)).astype(np.float32)


def ours(steps, optimiser, parameter, first=0):
    for step in range(first, steps):
        optimiser.update([parameter], [ms.Tensor(GRADIENTS[step])], [0.01 / (1 + step)], [0.1])
    return parameter.asnumpy().copy()


def new():
    parameter = ms.Parameter(ms.Tensor(START))
    return optimisers.AdamW([parameter], BETAS), parameter


def test_adamw_follows_pytorch_for_fifty_steps():
    theirs = torch.nn.Parameter(torch.from_numpy(START.copy()))
    reference = torch.optim.AdamW([theirs], betas=BETAS, weight_decay=0.1)
    for step in range(STEPS):
        reference.param_groups[0]["lr"] = 0.01 / (1 + step)
        theirs.grad = torch.from_numpy(GRADIENTS[step])
        reference.step()

    np.testing.assert_allclose(ours(STEPS, *new()), theirs.numpy(force=True), atol=1e-6, rtol=0)


def test_a_saved_state_continues_to_the_bit():
    optimiser, parameter = new()
    half = ours(20, optimiser, parameter)
    state = optimisers.to_arrays(optimiser, ["weight"])
    whole = ours(STEPS, optimiser, parameter, first=20)

    resumed, other = new()
    other.set_data(ms.Tensor(half))
    optimisers.from_arrays(resumed, ["weight"], state)

    np.testing.assert_array_equal(ours(STEPS, resumed, other, first=20), whole)
