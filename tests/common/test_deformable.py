"""DCNv2 against a plain reference and finite differences, both frameworks alike."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("zoo.engines.backends_mindspore").prepare("cpu")
ms = pytest.importorskip("mindspore")
deformable_torch = pytest.importorskip("zoo.common.networks.deformable_torch")
deformable_mindspore = pytest.importorskip("zoo.common.networks.deformable_mindspore")


def picture(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def deformable_case(spread: float, n: int = 2, c: int = 3, h: int = 5, w: int = 7) -> list[np.ndarray]:
    """Draw x, offsets, mask, weight and bias; offsets of `spread` pixels reach far outside the map."""
    rng = np.random.default_rng(2)
    shapes = [(n, c, h, w), (n, 18, h, w), (n, 9, h, w), (4, c, 3, 3), (4,)]
    values = [rng.normal(size=shape) for shape in shapes]
    values[1] = values[1] * spread
    values[2] = rng.uniform(size=shapes[2])
    return [value.astype(np.float32) for value in values]


def deformable_reference(x, offsets, mask, weight, bias):
    """Sum tap by tap, pixel by pixel (Zhu et al. 2019, eq. 1); a pixel outside the map counts zero."""
    n, c, h, w = x.shape
    out = np.zeros((n, len(weight), h, w)) + bias[:, None, None]
    for image, row, column, tap in np.ndindex(n, h, w, 9):
        y = row + tap // 3 - 1 + offsets[image, 2 * tap, row, column]
        z = column + tap % 3 - 1 + offsets[image, 2 * tap + 1, row, column]
        value = np.zeros(c)
        for i, j in np.ndindex(h, w):
            value += x[image, :, i, j] * max(0, 1 - abs(y - i)) * max(0, 1 - abs(z - j))
        out[image, :, row, column] += weight[:, :, tap // 3, tap % 3] @ value * mask[image, tap, row, column]
    return out


def run_deformable(framework: str, arrays: list[np.ndarray]) -> np.ndarray:
    if framework == "torch":
        return deformable_torch.deformable_conv2d(*map(torch.from_numpy, arrays)).numpy()
    return deformable_mindspore.deformable_conv2d(*map(ms.Tensor, arrays)).asnumpy()


@pytest.mark.parametrize("framework", ["torch", "mindspore"])
@pytest.mark.parametrize("spread", [0.3, 4.0])
def test_deformable_convolution_equals_the_sum_over_taps(framework, spread):
    arrays = deformable_case(spread)

    given = run_deformable(framework, arrays)

    np.testing.assert_allclose(given, deformable_reference(*arrays), atol=2e-5)


@pytest.mark.parametrize("size", [(5, 7), (1, 7), (5, 1), (1, 1)])
def test_what_is_exported_samples_as_the_network_does(size):
    h, w = size
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(2, 3, h, w)).astype(np.float32))
    rows, columns = (torch.from_numpy(rng.uniform(-2, n + 1, (2, 40)).astype(np.float32)) for n in size)

    given = deformable_torch.sample_grid(x, rows, columns)

    expected = deformable_torch.sample_bilinear(x, rows, columns, torch.ones(2, 40))
    np.testing.assert_allclose(given.numpy(), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("framework", ["torch", "mindspore"])
def test_deformable_convolution_without_offsets_is_a_convolution(framework):
    x, offsets, mask, weight, bias = deformable_case(0.0)
    mask = np.ones_like(mask)

    given = run_deformable(framework, [x, offsets, mask, weight, bias])

    expected = torch.nn.functional.conv2d(*map(torch.from_numpy, (x, weight, bias)), padding=1)
    np.testing.assert_allclose(given, expected.numpy(), atol=2e-5)


@pytest.mark.parametrize("spread", [0.0, 0.3, 4.0], ids=["whole pixels", "near", "far"])
def test_deformable_gradients_are_equal_in_both_frameworks(spread):
    arrays = deformable_case(spread)
    seed = picture(2, 4, 5, 7)
    tensors = [torch.from_numpy(array).requires_grad_() for array in arrays]
    (deformable_torch.deformable_conv2d(*tensors) * torch.from_numpy(seed)).sum().backward()

    def total(*tensors):
        return (deformable_mindspore.deformable_conv2d(*tensors) * ms.Tensor(seed)).sum()

    given = ms.grad(total, (0, 1, 2, 3, 4))(*map(ms.Tensor, arrays))
    for name, ours, theirs in zip(("x", "offsets", "mask", "weight", "bias"), given, tensors, strict=True):
        np.testing.assert_allclose(ours.asnumpy(), theirs.grad.numpy(), atol=5e-5, rtol=1e-4, err_msg=name)


def test_deformable_gradients_are_those_of_finite_differences():
    arrays = [torch.from_numpy(array).double().requires_grad_() for array in deformable_case(0.7, 1, 2, 3, 4)]

    assert torch.autograd.gradcheck(deformable_torch.deformable_conv2d, arrays)


def test_a_deformable_layer_that_predicts_nothing_halves_a_convolution():
    layer = deformable_torch.DeformableConv2d(3, 4)
    for parameter in layer.conv_offset_mask.parameters():
        parameter.data.zero_()
    layer.weight.data.normal_()
    x = torch.from_numpy(picture(1, 3, 6, 5))

    torch.testing.assert_close(layer(x), torch.nn.functional.conv2d(x, layer.weight, padding=1) / 2)
