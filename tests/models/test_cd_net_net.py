"""CD-Net's network and losses: parts as large as published, known values in each framework."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from zoo.models.cd_net.config import VARIANTS, Config

PAPER, SMALL, LIGHT, TINY = (VARIANTS[name] for name in ("paper", "small", "light", "tiny"))
PARTS = {
    "encoder": 14_723_136,
    "decoder": 5_544_128,
    "mask_features": 47_424,
    "direction_features": 78_144,
    "point_features": 78_144,
    "point": 65,
    "point_attention": 1,
    "direction": 585,
    "direction_attention": 9,
    "mask": 195,
}
SURE = 30.0  # logit
Losses = Callable[..., dict[str, float]]


def net_of(config: Config):
    pytest.importorskip("torch")
    from zoo.models.cd_net.net_torch import Net

    return Net(config).eval()


@pytest.mark.parametrize(("config", "count"), [(PAPER, 20_471_831), (SMALL, 2_308_599), (LIGHT, 578_311)])
def test_parameters_are_as_many_as_specified(config, count):
    assert sum(p.numel() for p in net_of(config).parameters()) == count


def test_parts_of_the_published_network_are_as_large_as_specified():
    net = net_of(PAPER)

    assert {name: sum(p.numel() for p in part.parameters()) for name, part in net.named_children()} == PARTS


def test_published_decoder_widens_from_a_thirty_second_of_the_input_to_its_size():
    torch = pytest.importorskip("torch")
    net, sizes = net_of(PAPER), []
    for block in net.decoder:
        block.register_forward_hook(lambda _, __, output: sizes.append(tuple(output.shape[1:])))

    with torch.no_grad():
        outputs = net(torch.zeros(1, 3, 64, 96))

    assert sizes == [(256, 4, 6), (128, 8, 12), (64, 16, 24), (32, 32, 48), (16, 64, 96)]
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "logits": (1, 3, 64, 96),
        "point": (1, 1, 64, 96),
        "direction": (1, 9, 64, 96),
    }


def test_encoder_of_the_published_network_has_the_names_of_a_vgg():
    names = list(net_of(PAPER).encoder.state_dict())

    assert names[:3] == ["features.0.weight", "features.0.bias", "features.1.weight"]
    assert names[-7] == "features.40.weight"  # the last convolution of VGG-16 with norms


@pytest.fixture
def losses(framework: str) -> Losses:
    """The losses of one framework behind NumPy arrays."""
    if framework == "mindspore":
        import_module("zoo.engines.backends_mindspore").prepare("cpu")
    tensor = import_module(framework).tensor
    module = import_module(f"zoo.models.cd_net.loss_{framework}")

    def compute(outputs, targets, config=TINY):
        terms = module.losses(*({k: tensor(v) for k, v in arrays.items()} for arrays in (outputs, targets)), config)
        return {name: float(value) for name, value in terms.items()}

    return compute


def sure(classes: np.ndarray, count: int) -> np.ndarray:
    """Return logits without doubt."""
    return np.where(np.arange(count)[:, None, None] == classes[:, None], SURE, -SURE).astype(np.float32)


def goals(mask: np.ndarray, direction: np.ndarray) -> dict[str, np.ndarray]:
    size = mask.shape
    return {
        "ternary": mask.astype(np.int32),
        "direction": direction.astype(np.int32),
        "weight": np.ones(size, np.float32),
        "point": np.zeros((size[0], 1, *size[1:]), np.float32),
    }


def perfect(targets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    logits = {"logits": sure(targets["ternary"], 3), "direction": sure(targets["direction"], 9)}
    return {**logits, "point": targets["point"]}


def blank(size: tuple[int, ...]) -> dict[str, np.ndarray]:
    n, h, w = size
    return {name: np.zeros((n, k, h, w), np.float32) for name, k in (("logits", 3), ("direction", 9), ("point", 1))}


def test_undecided_outputs_cost_what_a_hand_computes(losses):
    targets = goals(np.zeros((1, 2, 2)), np.zeros((1, 2, 2)))
    targets["weight"][...] = [[1, 2], [3, 6]]
    targets["point"][..., 0, 0] = 6

    terms = losses(blank((1, 2, 2)), targets)

    present, absent = 1 - (2 * 4 / 3 + 1) / (4 / 3 + 4 + 1), 1 - 1 / (4 / 3 + 1)
    weighted_present, weighted_absent = 1 - (2 * 12 / 9 + 1) / (12 / 9 + 12 + 1), 1 - 1 / (12 / 9 + 1)
    assert terms == pytest.approx(
        {
            "mask_entropy": 3 * np.log(3),  # the mean weight is 3
            "mask_dice": present + 2 * absent,
            "direction_entropy": 3 * np.log(9),
            "direction_dice": (weighted_present + 8 * weighted_absent) / 9,
            "point": 9.0,
        },
        rel=1e-4,
    )


def test_perfect_outputs_cost_nothing_even_where_classes_are_absent(losses):
    rng = np.random.default_rng(0)
    targets = goals(rng.integers(0, 2, (2, 4, 4)), rng.integers(0, 4, (2, 4, 4)))

    assert losses(perfect(targets), targets) == pytest.approx(
        dict.fromkeys(losses(perfect(targets), targets), 0), abs=1e-5
    )


@pytest.mark.parametrize("kind", ["plain", "neighbour"])
def test_every_sample_is_compared_with_its_own_objects(losses, kind):
    rng = np.random.default_rng(1)
    config = replace(TINY, direction_dice=kind)
    targets = goals(rng.integers(0, 3, (3, 4, 4)), rng.integers(0, 9, (3, 4, 4)))
    outputs = {name: rng.standard_normal(value.shape).astype(np.float32) for name, value in perfect(targets).items()}

    def part(arrays, i):
        return {name: value[i : i + 1] for name, value in arrays.items()}

    alone = [losses(part(outputs, i), part(targets, i), config) for i in range(3)]

    together = losses(outputs, targets, config)

    assert together == pytest.approx({name: np.mean([terms[name] for terms in alone]) for name in together}, rel=1e-4)


def test_neighbouring_directions_are_rewarded_as_published(losses):
    targets = goals(np.ones((1, 2, 2)), np.ones((1, 2, 2)))
    config = replace(TINY, direction_dice="neighbour")

    terms = losses(perfect(targets), targets, config)

    # of the eight pairs on either side two hold the one class that is there: 1 / 5; six are empty on both sides: 1
    assert terms["direction_dice"] == pytest.approx(-2 * (6 + 2 / 5) / 9, rel=1e-5)


def test_neighbours_of_the_first_direction_are_the_second_and_the_last(losses):
    targets = goals(np.ones((1, 4, 4)), np.ones((1, 4, 4)))
    config = replace(TINY, direction_dice="neighbour")

    def cost(found):
        outputs = {**perfect(targets), "direction": sure(np.full((1, 4, 4), found), 9)}
        return losses(outputs, targets, config)["direction_dice"]

    assert cost(1) == pytest.approx(cost(2), rel=1e-5) == pytest.approx(cost(8), rel=1e-5)
    assert cost(1) < cost(3) - 0.1
    assert cost(3) == pytest.approx(cost(5), rel=1e-5)


def test_the_background_counts_twice_among_published_directions(losses):
    none, ones = np.zeros((1, 2, 2), np.int32), np.ones((1, 2, 2), np.int32)

    found = losses(perfect(goals(none, ones)), goals(none, none), replace(TINY, direction_dice="neighbour"))

    # the Dice of background, direction 1, and direction 1 with each neighbour is 1 / 5; of what is absent 1
    assert found["direction_dice"] == pytest.approx((2 * 0.8 + 0.8 - 2 * 7.2) / 9, abs=1e-4)
