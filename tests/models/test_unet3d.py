"""3D-UNet: the paper's numbers, and deep supervision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import zoo
from zoo.common.errors import ConfigError
from zoo.models.unet3d.algorithm import UNet3D
from zoo.models.unet3d.config import VARIANTS, Config

TINY = VARIANTS["tiny"]


def parameters(model: zoo.Model) -> int:
    shapes = model.engine.shapes()
    return sum(int(np.prod(shape)) for name, shape in shapes.items() if "running_" not in name)


def load(**options) -> zoo.Model:
    pytest.importorskip("torch")
    return zoo.load("3D-UNet", **{"backend": "torch", "checkpoint": None, "variant": "tiny", **options})


@pytest.mark.parametrize(
    ("variant", "count"), [("paper", 19_069_955), ("heart", 19_071_784), ("heart-small", 4_769_688)]
)
def test_networks_have_the_published_number_of_parameters(variant: str, count: int) -> None:
    assert parameters(load(variant=variant)) == count


def test_levels_have_the_paper_s_channels_and_halve_the_size() -> None:
    torch = pytest.importorskip("torch")
    from zoo.models.unet3d.net_torch import Net

    net, shapes = Net(VARIANTS["heart"]).eval(), []
    for block in (*net.encoders, *reversed(net.decoders)):
        block.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[1:3])))
    net(torch.zeros(1, 1, 16, 16, 16))

    assert shapes == [(64, 16), (128, 8), (256, 4), (512, 2), (256, 4), (128, 8), (64, 16)]


def test_deep_supervision_adds_weighted_heads_in_training_only(framework: str) -> None:
    model = load(backend=framework, deep_supervision=True, classes=("background", "a", "b"))
    sample = UNet3D.example(model.config, np.random.default_rng(0))
    batch = [
        {k: v[None] for k, v in part.items()}
        for part in (model.algorithm.preprocess(sample.image), model.algorithm.targets(sample))
    ]

    model.engine.start_training(model.recipe(), model.algorithm.head)
    first = model.engine.step(*batch, learning_rate=0.0, seed=0)

    assert list(model.engine.forward(batch[0])) == ["logits"]
    assert first.terms["cross_entropy"] > 0.5
    assert any(name.startswith("extra_heads.0.") for name in model.engine.shapes())


def test_deep_supervision_is_the_same_in_both_frameworks(both_frameworks: tuple[str, ...]) -> None:
    terms = []
    for name in both_frameworks:
        model = load(backend=name, deep_supervision=True)
        sample = UNet3D.example(model.config, np.random.default_rng(0))
        model.engine.start_training(model.recipe(), model.algorithm.head)
        inputs = {k: v[None] for k, v in model.algorithm.preprocess(sample.image).items()}
        targets = {k: v[None] for k, v in model.algorithm.targets(sample).items()}
        terms.append(model.engine.step(inputs, targets, learning_rate=0.0, seed=0).terms)

    assert terms[0] == pytest.approx(terms[1], rel=1e-3)


@pytest.mark.parametrize(
    "change",
    [{"patch_size": (16, 16, 15)}, {"window_size": (16, 16)}, {"spacing_mm": (1.0,)}, {"intensities": (2.0, 1.0)}],
)
def test_impossible_configurations_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        UNet3D(replace(TINY, **change))


def test_configuration_fits_the_shipped_weights() -> None:
    assert Config() == VARIANTS["small"]
