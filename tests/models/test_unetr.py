"""UNETR: the paper's numbers and shapes, fixed windows over any volume, MONAI's weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zoo.common.errors import ConfigError
from zoo.models.unetr.algorithm import UNETR
from zoo.models.unetr.config import VARIANTS
from zoo.models.unetr.convert import from_monai

PAPER_PARTS = {
    "encoder1": 7_360,
    "encoder2": 323_584,
    "encoder3": 647_168,
    "encoder4": 786_432,
    "decoder5": 2_146_304,
    "decoder4": 405_504,
    "decoder3": 101_376,
    "decoder2": 25_344,
    "head": 136,
}


def net(variant: str):
    pytest.importorskip("torch")
    from zoo.models.unetr.net_torch import Net

    return Net(VARIANTS[variant]).eval()


@pytest.mark.parametrize(("variant", "count"), [("paper", 92_783_944), ("heart-small", 2_443_720)])
def test_networks_have_the_published_number_of_live_parameters(variant: str, count: int) -> None:
    assert sum(p.numel() for p in net(variant).parameters()) == count


def test_parts_have_the_published_number_of_parameters() -> None:
    paper = net("paper")

    found = {name: sum(p.numel() for p in getattr(paper, name).parameters()) for name in PAPER_PARTS}

    assert found == PAPER_PARTS


def test_decoder_doubles_the_size_four_times() -> None:
    import torch

    small, shapes = net("small"), []
    for name in ("decoder5", "decoder4", "decoder3", "decoder2"):
        getattr(small, name).register_forward_hook(lambda m, i, output: shapes.append(tuple(output.shape[1:])))
    small(torch.zeros(1, 1, 32, 48, 32))

    assert shapes == [(64, 4, 6, 4), (32, 8, 12, 8), (16, 16, 24, 16), (8, 32, 48, 32)]


def test_names_of_monai_are_translated_and_dead_layers_dropped() -> None:
    names = (
        "vit.blocks.3.mlp.linear1.weight",
        "vit.blocks.0.norm_cross_attn.weight",
        "decoder4.conv_block.conv3.conv.weight",
    )

    renamed = from_monai(dict.fromkeys(names, np.zeros(1)))

    assert list(renamed) == ["blocks.3.mlp.fc1.weight", "decoder4.block.shortcut.weight"]


@pytest.mark.parametrize("change", [{"heads": 3}, {"taps": (0, 1, 4)}, {"input_size": (16, 20, 16)}])
def test_impossible_configurations_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        UNETR(replace(VARIANTS["tiny"], **change))
