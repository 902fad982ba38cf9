"""EllipseNet's network: the published counts and shapes, DCNv2 against a plain reference, both frameworks alike."""

from dataclasses import replace

import numpy as np
import pytest

from zoo.common.initialise import initial_value, initial_weights
from zoo.models.ellipsenet.config import VARIANTS, Config

torch = pytest.importorskip("torch")
pytest.importorskip("zoo.engines.backends_mindspore").prepare("cpu")
ms = pytest.importorskip("mindspore")
net_torch = pytest.importorskip("zoo.models.ellipsenet.net_torch")
net_mindspore = pytest.importorskip("zoo.models.ellipsenet.net_mindspore")

PAPER, HEART, TINY = VARIANTS["paper"], VARIANTS["small-heart"], VARIANTS["tiny"]
TINY_DEFORMABLE = replace(TINY, deformable=True, heads="official")

COUNTS = {
    "paper": (PAPER, 20_247_722),
    "paper without dead projections": (replace(PAPER, dead_projections=False), 20_205_994),
    "paper with heads per class": (replace(PAPER, dead_projections=False, heads="per_class"), 20_059_824),
    "paper with plain convolutions": (
        replace(PAPER, dead_projections=False, heads="per_class", deformable=False),
        19_420_096,
    ),
    "small heart": (HEART, 2_297_920),
    "small heart, wider": (replace(HEART, channels=(8, 16, 32, 64, 128, 256)), 4_753_048),
    "small": (VARIANTS["small"], 2_297_400),  # one class: 8 channels of 1 x 1 weights less than small heart
}
PARTS = {"backbone": 15_270_832, "dla_up": 3_515_012, "ida_up": 425_324, "heads": 1_036_554}  # of paper
PARITY = {
    "paper": (PAPER, (2, 3, 64, 96)),
    "small": (VARIANTS["small"], (2, 1, 64, 96)),
    "small heart": (HEART, (2, 1, 64, 96)),
    "tiny": (TINY, (2, 1, 64, 64)),
    "tiny deformable": (TINY_DEFORMABLE, (2, 1, 64, 64)),
}


def draw(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw weights that leave nothing at zero: offsets of a fraction of a pixel, norms that differ."""
    if "offset_mask" in name:
        return rng.normal(0, 0.02, shape)
    if name.endswith("running_var"):
        return np.ones(shape)
    if len(shape) == 1:
        return rng.normal(1.0 if name.endswith("weight") else 0.1, 0.1, shape)
    return initial_value(name, shape, rng)


def weights_of(net) -> dict[str, np.ndarray]:
    return {k: v.numpy(force=True) for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}


def calibrate(net, x: np.ndarray) -> None:
    """Set the running statistics to those of x: otherwise deep activations die out or explode in evaluation."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        net.train()(torch.from_numpy(x))
    net.eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.1


def both(config: Config, x: np.ndarray):
    """Build both networks with the same weights, in evaluation mode."""
    theirs, ours = net_torch.Net(config), net_mindspore.Net(config)
    shapes = {name: value.shape for name, value in weights_of(theirs).items()}
    drawn = initial_weights(shapes, draw, 0)
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in drawn.items()}, strict=False)
    calibrate(theirs, x)
    weights = weights_of(theirs)
    for parameter in ours.get_parameters():
        parameter.set_data(ms.Tensor(weights[parameter.name]))
    ours.set_train(False)
    return theirs, ours


def picture(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def count(net) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize("case", COUNTS)
def test_parameter_counts_are_those_of_the_specification(case):
    config, expected = COUNTS[case]

    with torch.device("meta"):
        net = net_torch.Net(config)

    assert count(net) == expected


def test_parts_of_the_paper_network_have_the_published_counts():
    with torch.device("meta"):
        net = net_torch.Net(PAPER)

    assert {name: count(part) for name, part in net.named_children()} == PARTS


@pytest.mark.parametrize("case", PARITY)
def test_names_and_shapes_are_equal_in_both_frameworks(case):
    config, _ = PARITY[case]
    theirs = {name: value.shape for name, value in weights_of(net_torch.Net(config)).items()}

    ours = {p.name: tuple(p.shape) for p in net_mindspore.Net(config).get_parameters()}

    assert ours == theirs


def test_mindspore_trains_as_many_parameters():
    ours = net_mindspore.Net(VARIANTS["small"]).trainable_params()

    assert sum(int(np.prod(p.shape)) for p in ours) == COUNTS["small"][1]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_head_has_a_quarter_of_the_input_size(variant):
    config = VARIANTS[variant]
    h, w = config.input_size
    with torch.device("meta"):  # shapes only: the paper's full size costs nothing
        outputs = net_torch.Net(config)(torch.empty(1, config.input_channels, h, w))

    expected = {name: (1, channels, h // 4, w // 4) for name, channels in config.outputs.items()}
    assert {name: tuple(value.shape) for name, value in outputs.items()} == expected


def test_paper_maps_have_the_published_shapes():
    with torch.device("meta"):
        net = net_torch.Net(PAPER)
        x = torch.empty(1, 3, 608, 896)
        maps = net.backbone(x)
        hm = net(x)["hm"]

    assert [tuple(m.shape[1:]) for m in maps] == [(64, 152, 224), (128, 76, 112), (256, 38, 56), (512, 19, 28)]
    assert tuple(hm.shape) == (1, 2, 152, 224)


@pytest.mark.parametrize("case", PARITY)
def test_outputs_are_equal_in_both_frameworks(case):
    config, shape = PARITY[case]
    x = picture(*shape)
    theirs, ours = both(config, x)

    expected, given = theirs(torch.from_numpy(x)), ours(ms.Tensor(x))

    assert list(given) == list(expected) == list(config.outputs)
    for name, value in expected.items():
        value = value.numpy(force=True)
        assert value.std() > 0.05, f"{name} is flat: the comparison would say nothing"
        error = np.abs(given[name].asnumpy() - value).max() / np.abs(value).max()
        assert error < 1e-4, f"{name}: {error:.1e}"


@pytest.mark.parametrize("case", ["tiny", "tiny deformable"])
def test_ratios_lie_between_zero_and_one(case):
    config, shape = PARITY[case]
    net = net_torch.Net(config)
    names = ("al", "bl") if config.heads == "per_class" else ("ratio_al", "ratio_bl")

    outputs = net(100 * torch.from_numpy(picture(*shape)))
    assert all(((outputs[name] >= 0) & (outputs[name] <= 1)).all() for name in names)
    assert any(value.min() < 0 for name, value in outputs.items() if name not in names)


@pytest.mark.parametrize("case", ["tiny", "tiny deformable"])
def test_gradients_are_equal_in_both_frameworks(case):
    config, shape = PARITY[case]
    x = picture(*shape)
    theirs, ours = both(config, x)
    theirs.train()
    ours.set_train(True)
    seeds = {name: picture(*y.shape) for name, y in theirs(torch.from_numpy(x)).items()}

    def total(x):
        return sum((y * ms.Tensor(seeds[name])).sum() for name, y in ours(x).items())

    sum((y * torch.from_numpy(seeds[name])).sum() for name, y in theirs(torch.from_numpy(x)).items()).backward()
    parameters = ours.trainable_params()
    given = ms.grad(total, None, ms.ParameterTuple(parameters))(ms.Tensor(x))

    expected = {name: p.grad.numpy() for name, p in theirs.named_parameters()}
    for parameter, gradient in zip(parameters, given, strict=True):
        wanted = expected[parameter.name]
        if parameter.name.endswith("conv.bias"):
            continue  # zero but for rounding: the norm behind it takes any constant away
        np.testing.assert_allclose(
            gradient.asnumpy(), wanted, rtol=0, atol=1e-4 * np.abs(wanted).max(), err_msg=parameter.name
        )


@pytest.mark.parametrize("variant", VARIANTS)
def test_network_can_be_traced(variant):
    config = replace(VARIANTS[variant], input_size=(64, 64))
    net = net_torch.Net(config).eval()
    x = torch.from_numpy(picture(1, config.input_channels, 64, 64))

    traced = torch.fx.symbolic_trace(net)

    for name, value in net(x).items():
        torch.testing.assert_close(traced(x)[name], value)
