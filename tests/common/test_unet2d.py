"""The shared 2D U-Net: its parameter counts, its sizes, and its equality in both frameworks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zoo.common.networks.unet2d_sizes import fits, margin_px
from zoo.models.unet2d.config import ORIGINAL, VARIANTS

torch = pytest.importorskip("torch")
from zoo.common.networks.unet2d_torch import UNet2d  # noqa: E402
from zoo.models.unet2d.net_torch import Net  # noqa: E402


def count(inputs: int, outputs: int, width: int, levels: int = 5, normed: bool = True) -> int:
    """Count the trained parameters."""
    with torch.device("meta"):
        return sum(p.numel() for p in UNet2d(inputs, outputs, width, levels, normed).parameters())


@pytest.mark.parametrize(
    ("inputs", "outputs", "width", "levels", "normed", "expected"),
    [
        (1, 2, 64, 5, False, 31_030_658),  # as published
        (1, 1, 64, 5, True, 31_036_481),
        (3, 1, 64, 5, True, 31_037_633),
        (1, 3, 64, 5, True, 31_036_611),
        (3, 3, 64, 5, True, 31_037_763),
        (1, 2, 64, 5, True, 31_036_546),
        (1, 3, 32, 5, True, 7_762_531),
        (1, 1, 16, 5, True, 1_942_289),
        (1, 2, 16, 5, True, 1_942_306),
        (1, 1, 16, 4, True, 482_449),
        (1, 1, 8, 4, True, 121_033),
    ],
)
def test_parameters_are_those_of_the_publication(
    inputs: int, outputs: int, width: int, levels: int, normed: bool, expected: int
) -> None:
    assert count(inputs, outputs, width, levels, normed) == expected


def test_published_network_turns_572_pixels_into_388() -> None:
    net = Net(replace(ORIGINAL, width=1)).eval()

    with torch.inference_mode():
        logits = net(torch.zeros(1, 1, 572, 572))["logits"]

    assert logits.shape == (1, 2, 388, 388)
    assert 388 + 2 * margin_px(5) == 572


@pytest.mark.parametrize("levels", [2, 3, 4])
def test_margin_is_what_the_unpadded_network_loses(levels: int) -> None:
    net = UNet2d(1, 1, 1, levels, normed=False, padded=False)
    step = 2 ** (levels - 1)
    side = 4 * step + 4 % step

    answer = net(torch.zeros(1, 1, side + 2 * margin_px(levels), side + 2 * margin_px(levels)))

    assert fits(side, levels, padded=False)
    assert answer.shape[2:] == (side, side)


def test_only_sizes_that_halve_at_each_level_fit() -> None:
    assert [side for side in range(1, 50) if fits(side, 5, padded=True)] == [16, 32, 48]
    assert [side for side in range(1, 50) if fits(side, 5, padded=False)] == [4, 20, 36]


def test_skips_are_cut_in_the_middle() -> None:
    from zoo.common.networks.unet2d_torch import crop

    x = torch.arange(25.0).reshape(1, 1, 5, 5)

    assert crop(x, 3, 1).flatten().tolist() == [7, 12, 17]


@pytest.mark.parametrize("config", [replace(ORIGINAL, width=2, levels=3, input_size=(20, 24)), VARIANTS["tiny"]])
def test_published_and_usual_form_are_equal_in_both_frameworks(config: object) -> None:
    pytest.importorskip("mindspore")
    from zoo.common.initialise import initial_value, initial_weights
    from zoo.engines.engine import open_engine
    from zoo.models.unet2d.algorithm import UNet2D
    from zoo.registry import find
    from zoo.registry.package import Package

    algorithm = UNet2D(config)  # type: ignore[arg-type]
    sample = algorithm.example(algorithm.config, np.random.default_rng(0))
    inputs = {name: value[None] for name, value in algorithm.preprocess(sample.image).items()}
    engines = [open_engine(Package(find("2D-UNet")), config, name, "cpu") for name in ("torch", "mindspore")]

    weights = initial_weights(engines[0].shapes(), initial_value, seed=0)
    answers = []
    for engine in engines:
        engine.load(weights)
        answers.append(engine.forward(inputs)["logits"])

    np.testing.assert_allclose(answers[0], answers[1], atol=1e-4)
    assert answers[0].shape[2:] == algorithm.config.input_size
