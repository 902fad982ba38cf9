"""Predictions are made with the network as its owner left it: every way of changing it counts, in both frameworks."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import zoo

torch = pytest.importorskip("torch")

BATCH = {"image": np.random.default_rng(0).normal(size=(2, 1, 64, 64)).astype(np.float32)}


def fresh(framework: str = "torch") -> zoo.Model:
    """Open a network with norms and random weights that has predicted already."""
    model = zoo.load("2D-UNet", backend=framework, device="cpu", checkpoint=None, variant="tiny")
    statistics = {name: 0.25 * value for name, value in model.engine.weights().items() if "running_var" in name}
    model.engine.load({**model.engine.weights(), **statistics})
    for _ in range(2):
        model.engine.forward(BATCH)
    return model


def reference(net: Any) -> np.ndarray:
    """Answer with a plain copy of the network in evaluation mode."""
    with torch.no_grad():
        return copy.deepcopy(net).float().eval()(torch.from_numpy(BATCH["image"]))["logits"].numpy()


def descend(net: Any, optimiser: Callable[..., Any], **options: Any) -> None:
    """Take one step of the owner's own training."""
    steps = optimiser(net.parameters(), lr=0.05, **options)
    net.train()(torch.from_numpy(BATCH["image"]))["logits"].square().mean().backward()
    steps.step()


def each(net: Any, change: Callable[[Any], None]) -> None:
    """Change every parameter and running statistic."""
    for value in [*net.parameters(), *(b for b in net.buffers() if b.is_floating_point())]:
        change(value)


def half(value: Any) -> None:
    with torch.no_grad():
        value.mul_(0.5)


def swap(net: Any) -> None:
    """Exchange the weights for others of the same storage size, as averaging methods do."""
    for value in net.parameters():
        value.data = value.data.clone() * 0.5


def replace_convolution(net: Any) -> None:
    net.unet.encoder[0].conv1 = torch.nn.Conv2d(1, 4, 3, padding=1)


def replace_parameter(net: Any) -> None:
    net.unet.encoder[0].conv1.weight = torch.nn.Parameter(torch.ones(4, 1, 3, 3))


def own_forward(net: Any) -> None:
    block = net.unet.encoder[0]
    block.forward = lambda x: block.norm2(block.conv1(x))


def assign(net: Any) -> None:
    net.load_state_dict({k: v * 0.5 for k, v in net.state_dict().items()}, assign=True)


CHANGES: dict[str, Callable[[Any], object]] = {
    "no_grad": lambda net: each(net, half),
    "data": lambda net: each(net, lambda value: value.data.mul_(0.5)),
    "numpy": lambda net: each(net, lambda value: np.multiply(value.detach().numpy(), 0.5, out=value.detach().numpy())),
    "one element": lambda net: net.unet.decoder[0].conv2.weight.data[0, 0, 0].add_(3),
    "statistics": lambda net: net.unet.encoder[0].norm1.running_var.data.mul_(4),
    "AdamW": lambda net: descend(net, torch.optim.AdamW),
    "fused AdamW": lambda net: descend(net, torch.optim.AdamW, fused=True),
    "SGD without foreach": lambda net: descend(net, torch.optim.SGD, foreach=False),
    "swapped data": swap,
    "state dict": lambda net: net.load_state_dict({k: v * 0.5 for k, v in net.state_dict().items()}),
    "assigned state dict": assign,
    "replaced parameter": replace_parameter,
    "replaced layer": replace_convolution,
    "epsilon": lambda net: setattr(net.unet.encoder[0].norm1, "eps", 1.0),
    "double": lambda net: net.double() and each(net, half),
    "frozen": lambda net: net.requires_grad_(False) and each(net, half),
    "channels last": lambda net: net.to(memory_format=torch.channels_last) and each(net, half),
    "norm taken out": lambda net: setattr(net.unet.encoder[0], "norm1", torch.nn.Identity()),
    "own forward": own_forward,
}


@pytest.mark.parametrize("change", CHANGES)
def test_answers_follow_every_change_of_the_network(change: str) -> None:
    model = fresh()
    before = model.engine.forward(BATCH)["logits"]

    CHANGES[change](model.net)

    after, expected = model.engine.forward(BATCH)["logits"], reference(model.net)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, expected, atol=1e-5 * np.abs(expected).max(), rtol=0)


def test_half_precision_network_answers_in_half_precision() -> None:
    model = fresh()
    before = model.engine.forward(BATCH)["logits"]

    model.net.to(torch.bfloat16)

    after = model.engine.forward(BATCH)["logits"]
    assert after.dtype == np.float32
    assert 0 < np.abs(after - before).max() < 0.1 * np.abs(before).max()


def test_network_left_in_training_mode_answers_as_in_evaluation_and_stays_in_it(framework: str) -> None:
    model = fresh(framework)
    before, weights = model.engine.forward(BATCH)["logits"], model.engine.weights()

    getattr(model.net, "train" if framework == "torch" else "set_train")()

    np.testing.assert_array_equal(model.engine.forward(BATCH)["logits"], before)
    assert model.net.training
    assert all(np.array_equal(weights[name], value) for name, value in model.engine.weights().items())


def test_a_batch_and_its_parts_agree_with_the_plain_network() -> None:
    model = fresh()
    each(model.net, lambda value: value.data.add_(torch.rand_like(value)))

    expected = reference(model.net)

    together = model.engine.forward(BATCH)["logits"]
    alone = [model.engine.forward({"image": BATCH["image"][i : i + 1]})["logits"][0] for i in range(2)]
    for found in (together, np.stack(alone)):
        np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max(), rtol=0)


@pytest.mark.parametrize("way", ["assign", "set_data", "in place", "optimiser"])
def test_answers_follow_every_change_of_a_mindspore_network(way: str, both_frameworks: tuple[str, ...]) -> None:
    ms = pytest.importorskip("mindspore")
    model = fresh("mindspore")
    halves = {name: 0.5 * value for name, value in model.engine.weights().items()}

    for parameter in model.net.get_parameters():
        value = ms.Tensor(halves[parameter.name])
        if way == "assign":
            ms.ops.assign(parameter, value)
        elif way == "set_data":
            parameter.set_data(value)
        elif way == "in place":
            parameter[:] = value
    if way == "optimiser":
        gradients = tuple(0.5 * parameter for parameter in model.net.get_parameters())
        ms.experimental.optim.SGD(list(model.net.get_parameters()), lr=1.0)(gradients)

    other = fresh("mindspore")
    other.engine.load(halves)
    expected = other.engine.forward(BATCH)["logits"]
    np.testing.assert_allclose(model.engine.forward(BATCH)["logits"], expected, atol=1e-6)


class Branching(torch.nn.Module):
    """Uses the output of a convolution, and of a norm, a second time once `is_branching` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.relu = torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU()
        self.listed = [self.norm]
        self.is_branching = False

    def forward(self, x: Any) -> Any:
        y = self.conv(x)
        z = self.listed[0](y)
        rectified = self.relu(z)
        return (rectified, y + 1, z * 2, [y]) if self.is_branching else (rectified,)


def test_what_is_used_twice_is_not_overwritten() -> None:
    from zoo.engines.evaluation_torch import Evaluation

    net, evaluation, x = Branching(), Evaluation(), torch.rand(1, 3, 9, 9).to(memory_format=torch.channels_last)
    net.norm.running_mean.fill_(0.3)
    with torch.no_grad():
        evaluation.run(net, x)
        net.is_branching = True

        for found in (evaluation.run(net, x), evaluation.run(net, x)):
            for value, expected in zip(found[:3], copy.deepcopy(net).eval()(x)[:3], strict=True):
                torch.testing.assert_close(value, expected)
            torch.testing.assert_close(found[3][0], net.conv(x))


def test_hooks_of_the_owner_are_called_with_tensors() -> None:
    model, seen = fresh(), []
    layer = model.net.unet.encoder[0]
    for part in (layer, layer.conv1, layer.norm1):
        part.register_forward_hook(lambda module, inputs, output: seen.append(output.detach().clone()))

    model.engine.forward(BATCH)

    assert [type(value) for value in seen] == [torch.Tensor] * 3
