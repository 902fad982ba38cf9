"""Every MindSpore layer of the shim gives PyTorch's outputs and gradients from the same weights."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("zoo.engines.backends_mindspore").prepare("cpu")
ms = pytest.importorskip("mindspore")
layers = pytest.importorskip("zoo.common.layers.layers_mindspore")

TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}

CASES = {
    "conv 3x3": ("Conv2d", (4, 6, 3), {"padding": 1}, (2, 4, 9, 8)),
    "conv 7x7 stride 2 without bias": ("Conv2d", (3, 8, 7), {"stride": 2, "padding": 3, "bias": False}, (2, 3, 16, 13)),
    "conv 1x1": ("Conv2d", (4, 6, 1), {}, (2, 4, 5, 5)),
    "conv dilated": ("Conv2d", (4, 6, 3), {"padding": 2, "dilation": 2}, (2, 4, 9, 8)),
    "conv of two groups": ("Conv2d", (4, 6, 3), {"padding": 1, "groups": 2}, (2, 4, 9, 8)),
    "conv depthwise": ("Conv2d", (4, 4, 3), {"padding": 1, "groups": 4}, (2, 4, 9, 8)),
    "conv 1x3": ("Conv2d", (4, 6, (1, 3)), {"padding": (0, 1), "stride": (2, 1)}, (2, 4, 9, 8)),
    "transposed 2x2": ("ConvTranspose2d", (4, 6, 2), {"stride": 2}, (2, 4, 5, 7)),
    "transposed depthwise by 2": (
        "ConvTranspose2d",
        (4, 4, 4),
        {"stride": 2, "padding": 1, "groups": 4, "bias": False},
        (2, 4, 5, 7),
    ),
    "transposed depthwise by 4": (
        "ConvTranspose2d",
        (4, 4, 8),
        {"stride": 4, "padding": 2, "groups": 4, "bias": False},
        (2, 4, 5, 7),
    ),
    "norm": ("BatchNorm2d", (4,), {}, (3, 4, 6, 5)),
    "norm with other constants": ("BatchNorm2d", (4,), {"eps": 1e-3, "momentum": 0.03}, (3, 4, 6, 5)),
    "linear": ("Linear", (5, 7), {}, (3, 5)),
    "linear without bias": ("Linear", (5, 7), {"bias": False}, (3, 5)),
    "linear over a grid": ("Linear", (5, 7), {}, (2, 3, 4, 5)),
    "linear over tokens without bias": ("Linear", (5, 7), {"bias": False}, (2, 3, 5)),
    "layer norm": ("LayerNorm", (6,), {"eps": 1e-6}, (2, 5, 6)),
    "gelu": ("GELU", (), {}, (2, 5, 6)),
    "relu": ("ReLU", (), {"inplace": False}, (2, 3, 4, 4)),
    "max pool 2": ("MaxPool2d", (2,), {}, (2, 3, 9, 8)),
    "max pool 3 stride 2": ("MaxPool2d", (3, 2, 1), {}, (2, 3, 9, 8)),
    "max pool 3 stride 1": ("MaxPool2d", (3, 1, 1), {}, (2, 3, 9, 8)),
    "norm of volumes": ("BatchNorm3d", (4,), {}, (3, 4, 3, 6, 5)),
    "instance norm of volumes": ("InstanceNorm3d", (4,), {}, (2, 4, 3, 6, 5)),
    "leaky relu": ("LeakyReLU", (0.01,), {}, (2, 3, 4, 4)),
    "average pool": ("AdaptiveAvgPool2d", (1,), {}, (2, 3, 9, 8)),
}


def build(case):
    """Make both layers with the same random weights and an input."""
    kind, arguments, options, shape = CASES[case]
    rng = np.random.default_rng(0)
    theirs = getattr(torch.nn, kind)(*arguments, **options)
    ours = getattr(layers, kind)(*arguments, **options)
    for name, value in torch_state(theirs).items():
        value.data = torch.from_numpy(rng.uniform(0.5, 1.5, tuple(value.shape)).astype(np.float32))
        getattr(ours, name).set_data(ms.Tensor(value.numpy(force=True)))
    return theirs, ours, rng.normal(size=shape).astype(np.float32)


def torch_state(layer):
    tensors = dict(layer.named_parameters()) | dict(layer.named_buffers())
    return {name: tensor for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")}


def torch_gradients(layer, x, seed):
    given = torch.from_numpy(x).requires_grad_()
    (layer(given) * torch.from_numpy(seed)).sum().backward()
    return [t.grad.numpy() for t in (given, *layer.parameters())]


def mindspore_gradients(layer, x, seed):
    def total(x):
        return (layer(x) * ms.Tensor(seed)).sum()

    weights = layer.trainable_params()
    if not weights:
        return [ms.grad(total)(ms.Tensor(x)).asnumpy()]
    of_input, of_weights = ms.grad(total, 0, ms.ParameterTuple(weights))(ms.Tensor(x))
    return [of_input.asnumpy(), *(g.asnumpy() for g in of_weights)]


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("case", CASES)
def test_output_and_running_statistics_equal_pytorch(case, training):
    theirs, ours, x = build(case)
    theirs.train(training)
    ours.set_train(training)

    np.testing.assert_allclose(ours(ms.Tensor(x)).asnumpy(), theirs(torch.from_numpy(x)).numpy(force=True), **TOLERANCE)
    for name, value in torch_state(theirs).items():
        np.testing.assert_allclose(getattr(ours, name).asnumpy(), value.numpy(force=True), err_msg=name, **TOLERANCE)


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("case", CASES)
def test_gradients_equal_pytorch(case, training):
    theirs, ours, x = build(case)
    theirs.train(training)
    ours.set_train(training)
    seed = np.random.default_rng(1).normal(size=tuple(theirs(torch.from_numpy(x)).shape)).astype(np.float32)

    expected = torch_gradients(theirs, x, seed)
    for given, wanted in zip(mindspore_gradients(ours, x, seed), expected, strict=True):
        np.testing.assert_allclose(given, wanted, rtol=1e-4, atol=5e-5)  # sums over a map of products


@pytest.mark.parametrize("case", CASES)
def test_parameters_have_the_names_and_shapes_of_pytorch(case):
    theirs, ours, _ = build(case)

    given = {p.name: tuple(p.shape) for p in ours.get_parameters()}
    assert given == {name: tuple(value.shape) for name, value in torch_state(theirs).items()}


def test_max_pool_sends_the_gradient_of_a_tie_where_pytorch_does():
    x = np.zeros((1, 1, 4, 4), np.float32)
    seed = np.arange(1, 5, dtype=np.float32).reshape(1, 1, 2, 2)

    expected = torch_gradients(torch.nn.MaxPool2d(2), x, seed)
    np.testing.assert_array_equal(mindspore_gradients(layers.MaxPool2d(2), x, seed), expected)


def test_containers_name_their_parameters_as_pytorch_does():
    def containers(nn):
        first = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.ModuleList([nn.Linear(2, 2), nn.Identity()]))
        return nn.ModuleDict({"a": first, "l": nn.BatchNorm2d(2)})

    ours = {p.name for p in containers(layers).get_parameters()}
    assert ours == set(torch_state(containers(torch.nn)))
