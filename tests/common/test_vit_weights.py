"""Weights of vision transformers: first values, positions on another grid, files that are none."""

import numpy as np
import pytest

from zoo.common.errors import WeightsError
from zoo.common.networks.vit_weights import HALF_MEAN, HALF_STD, convert_vit, initial_vit_value, resize_positions

BLANK = {
    "patch_embed.proj.weight": np.zeros((4, 3, 16, 16)),
    "patch_embed.proj.bias": np.zeros(4),
    "pos_embed": np.zeros((1, 5, 4)),
}
NORMALISATION = (HALF_MEAN, HALF_STD)


@pytest.mark.parametrize("grid", [(7, 7), (14, 10), (3, 20), (4, 4)])
def test_positions_are_resized_as_pytorch_does(grid):
    torch = pytest.importorskip("torch")
    positions = np.random.default_rng(0).standard_normal((1, 1 + 49, 6)).astype(np.float32)

    cells = torch.from_numpy(positions[:, 1:].astype(np.float64).reshape(1, 7, 7, 6)).permute(0, 3, 1, 2)
    expected = torch.nn.functional.interpolate(cells, grid, mode="bicubic", align_corners=False)
    found = resize_positions(positions, grid)
    np.testing.assert_allclose(found[:, 1:], expected.flatten(2).transpose(1, 2).numpy(), atol=1e-6)
    np.testing.assert_array_equal(found[:, 0], positions[:, 0])


def test_positions_that_fill_no_square_are_refused():
    with pytest.raises(WeightsError, match="7 positions"):
        resize_positions(np.zeros((1, 7, 4)), (2, 3))


@pytest.mark.parametrize("missing", BLANK)
def test_weights_that_are_no_vision_transformer_are_refused(missing):
    weights = {name: value for name, value in BLANK.items() if name != missing}

    with pytest.raises(WeightsError, match=f"{missing} is missing"):
        convert_vit(weights, (2, 2), 3, NORMALISATION, NORMALISATION)


def test_weights_for_two_channels_are_refused():
    with pytest.raises(WeightsError, match="not 2"):
        convert_vit(BLANK, (2, 2), 2, NORMALISATION, NORMALISATION)


def test_first_values_have_the_spread_of_the_paper():
    rng = np.random.default_rng(0)

    for name, shape in [
        ("pos_embed", (1, 197, 64)),
        ("cls_token", (1, 1, 9000)),
        ("blocks.0.mlp.fc1.weight", (64, 99)),
    ]:
        assert np.std(initial_vit_value(name, shape, rng)) == pytest.approx(0.02, rel=0.05)
    patch = initial_vit_value("patch_embed.proj.weight", (64, 3, 16, 16), rng)
    assert np.abs(patch).max() == pytest.approx(1 / np.sqrt(768), rel=0.01)
    head = initial_vit_value("head.weight", (2, 384, 3, 3), rng)
    assert np.std(head) == pytest.approx(0.0098, rel=0.02)
    assert not initial_vit_value("blocks.0.attn.qkv.bias", (99,), rng).any()
    assert (initial_vit_value("norm.weight", (9,), rng) == 1).all()
