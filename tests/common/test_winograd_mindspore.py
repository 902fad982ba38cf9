"""The convolution with half the multiplications gives what MindSpore's and PyTorch's own give."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("zoo.engines.backends_mindspore").prepare("cpu")
ms = pytest.importorskip("mindspore")
layers = pytest.importorskip("zoo.common.layers.volumes_mindspore")
winograd = pytest.importorskip("zoo.common.layers.winograd_mindspore")

LARGE = (1, 16, 16, 32, 32)  # just large enough to be worth it with 32 outputs
TOLERANCE = 3e-6  # of the largest output; rounding grows by 1.7


def draw(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    "shape", [(1, 4, 8, 5, 6), (2, 3, 9, 5, 6), (3, 1, 3, 4, 4), (1, 5, 1, 3, 3), (2, 2, 11, 1, 2)]
)
def test_any_depth_and_batch_equal_the_exact_convolution(shape):
    x, weight = draw(*shape), draw(7, shape[1], 3, 3, 3)
    exact = torch.nn.functional.conv3d(torch.from_numpy(x).double(), torch.from_numpy(weight).double(), padding=1)

    found = winograd.convolve(ms.Tensor(x), ms.Tensor(weight)).asnumpy()

    np.testing.assert_allclose(found, exact.numpy(), atol=TOLERANCE * float(exact.abs().max()), rtol=0)


def test_a_graph_computes_the_same():
    x, weight = ms.Tensor(draw(2, 3, 9, 5, 6)), ms.Tensor(draw(4, 3, 3, 3, 3))

    found = ms.jit(winograd.convolve)(x, weight).asnumpy()

    np.testing.assert_allclose(found, winograd.convolve(x, weight).asnumpy(), atol=1e-5)


def pair_of_layers(**options):
    ours, theirs = layers.Conv3d(16, 32, 3, **options), torch.nn.Conv3d(16, 32, 3, **options)
    ours.weight.set_data(ms.Tensor(theirs.weight.numpy(force=True)))
    ours.bias.set_data(ms.Tensor(theirs.bias.numpy(force=True)))
    return ours, theirs


def test_a_large_evaluation_takes_it_and_equals_pytorch(monkeypatch):
    ours, theirs = pair_of_layers(padding=1)
    x, used = draw(*LARGE), []
    convolve = winograd.convolve
    monkeypatch.setattr(winograd, "convolve", lambda *arguments: used.append(1) or convolve(*arguments))

    np.testing.assert_allclose(ours(ms.Tensor(x)).asnumpy(), theirs(torch.from_numpy(x)).numpy(force=True), atol=1e-5)
    assert used == [1]


@pytest.mark.parametrize("options", [{"padding": 0}, {"padding": 1, "stride": 2}, {"padding": (1, 1, 0)}])
def test_other_convolutions_stay_as_they_are(options):
    ours, theirs = pair_of_layers(**options)
    x = draw(*LARGE)

    np.testing.assert_allclose(ours(ms.Tensor(x)).asnumpy(), theirs(torch.from_numpy(x)).numpy(force=True), atol=1e-5)


def test_training_keeps_the_operator():
    ours, _ = pair_of_layers(padding=1)
    x = ms.Tensor(draw(*LARGE))

    plain = ms.ops.bias_add(ours.conv(x, ours.weight), ours.bias).asnumpy()

    np.testing.assert_array_equal(ours.set_train(True)(x).asnumpy(), plain)
    assert not np.array_equal(ours.set_train(False)(x).asnumpy(), plain)


def test_gradients_in_evaluation_equal_pytorch():
    ours, theirs = pair_of_layers(padding=1)
    x, seed = draw(*LARGE), np.random.default_rng(1).normal(size=(1, 32, *LARGE[2:])).astype(np.float32)
    given = torch.from_numpy(x).requires_grad_()
    (theirs(given) * torch.from_numpy(seed)).sum().backward()

    found = ms.grad(lambda x: (ours(x) * ms.Tensor(seed)).sum())(ms.Tensor(x)).asnumpy()

    np.testing.assert_allclose(found, given.grad.numpy(), atol=1e-5 * float(given.grad.abs().max()))
