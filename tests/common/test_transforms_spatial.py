"""Maps carry images, masks, points, boxes and ellipses to the same places, and exactly back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion

from zoo.common.errors import InputError
from zoo.common.transforms import spatial as maps
from zoo.common.transforms.sampling import inside, is_exact, sample_linear, sample_nearest
from zoo.common.transforms.spatial import Frame

PLANE = Frame((30, 40), (0.5, 0.8))
BLOCK = Frame((12, 14, 17), (3.0, 1.0, 1.5))
SEEDS = st.integers(0, 2**31)


def draw_exact(frame, rng):
    """Draw flips, quarter turns, crops and padding, one after the other."""
    move = maps.identity(frame)
    for kind in rng.integers(3, size=4):
        axes = range(len(frame.size))
        if kind == 0:
            step = maps.flip(move.new, [a for a in axes if rng.random() < 0.5])
        elif kind == 1:
            step = maps.quarter_turn(move.new, int(rng.integers(4)), tuple(rng.choice(len(frame.size), 2, False)))
        else:
            start = [int(rng.integers(-4, 5)) for _ in axes]
            step = maps.crop(move.new, start, tuple(max(1, int(n + rng.integers(-5, 6))) for n in move.new.size))
        move = move.then(step)
    return move


def draw_any(frame, rng):
    """Draw a chain of every kind of map."""
    axes = len(frame.size)
    linear = np.eye(axes) + rng.uniform(-0.2, 0.2, (axes, axes))
    move = maps.about_centre(frame, linear, rng.uniform(-2, 2, axes))
    move = move.then(maps.elastic(move.new, 12.0, 1.0, rng)).then(maps.flip(move.new, [0]))
    return move.then(maps.resize(move.new, tuple(int(n * 1.3) for n in frame.size)))


def places_in(frame, rng, count=50):
    """Draw places of a grid."""
    return rng.uniform(0, 1, (count, len(frame.size))) * (np.array(frame.size) - 1)


# --- places ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [PLANE, BLOCK], ids=["2d", "3d"])
@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_places_go_there_and_back(frame, seed):
    rng = np.random.default_rng(seed)
    move, places = draw_any(frame, rng), places_in(frame, rng)

    np.testing.assert_allclose(move.to_old(move.to_new(places)), places, atol=1e-5)
    np.testing.assert_allclose(move.inverse().to_new(move.to_new(places)), places, atol=1e-5)


@pytest.mark.parametrize("frame", [PLANE, BLOCK], ids=["2d", "3d"])
@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_grids_go_where_their_places_go(frame, seed):
    rng = np.random.default_rng(seed)
    move = maps.elastic(frame, 7.0, 1.0, rng)
    for _ in range(2):
        move = move.then(draw_any(move.new, rng) if rng.random() < 0.5 else draw_exact(move.new, rng))
    axes = [rng.uniform(-9, n + 9, 4) for n in move.new.size]
    crossings = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))

    np.testing.assert_allclose(move.grid_to_old(axes), move.to_old(crossings), atol=1e-6)


@given(seed=SEEDS)
@settings(max_examples=8, deadline=None)
def test_strongest_elastic_map_never_folds(seed):
    move = maps.elastic(PLANE, 8.0, 1.0, np.random.default_rng(seed))
    grid = np.indices((90, 120)).reshape(2, -1).T / 3

    y, x = move.to_old(grid).T.reshape(2, 90, 120)
    folding = np.gradient(y, axis=0) * np.gradient(x, axis=1) - np.gradient(y, axis=1) * np.gradient(x, axis=0)

    assert folding.min() > 0


def test_maps_of_different_grids_do_not_follow_each_other():
    with pytest.raises(InputError, match="expected the same grid"):
        maps.crop(PLANE, (0, 0), (10, 10)).then(maps.flip(PLANE, [0]))


def test_spacing_follows_the_map():
    assert maps.flip(PLANE, [0, 1]).new.spacing_mm == pytest.approx((0.5, 0.8))
    assert maps.quarter_turn(PLANE).new.spacing_mm == pytest.approx((0.8, 0.5))
    assert maps.resize(PLANE, (60, 20)).new.spacing_mm == pytest.approx((0.25, 1.6))
    assert maps.resample(BLOCK, (1.0, 1.0, 1.0)).new == Frame((36, 14, 26), (1.0, 1.0, 1.0))
    assert maps.about_centre(PLANE, 2 * np.eye(2), (0, 0)).new.spacing_mm == pytest.approx((0.25, 0.4))


def test_turn_keeps_lengths_in_millimetres():
    cos, sin = np.cos(0.4), np.sin(0.4)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    move = maps.about_centre(BLOCK, turn, (0, 0, 0))
    places = places_in(BLOCK, np.random.default_rng(0), 2)

    before, after = ((p[0] - p[1]) * BLOCK.spacing_mm for p in (places, move.to_new(places)))

    assert np.linalg.norm(before) == pytest.approx(np.linalg.norm(after))


# --- images ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [PLANE, BLOCK], ids=["2d", "3d"])
@given(seed=SEEDS)
@settings(max_examples=25, deadline=None)
def test_exact_maps_come_back_bit_by_bit_where_nothing_was_cut(frame, seed):
    rng = np.random.default_rng(seed)
    move, array = draw_exact(frame, rng), rng.random((2, *frame.size), np.float32)

    back = sample_linear(sample_linear(array, move), move.inverse())
    kept = sample_nearest(inside(move)[None], move.inverse())[0]

    assert is_exact(move)
    np.testing.assert_array_equal(back[:, kept], array[:, kept])
    old = np.argwhere(kept)
    new = np.rint(move.to_new(old.astype(float))).astype(int)
    np.testing.assert_array_equal(sample_nearest(array, move)[(0, *new.T)], array[(0, *old.T)])


def test_quarter_turn_is_that_of_numpy():
    array = np.random.default_rng(0).random((1, 30, 40), np.float32)

    for count_ in range(4):
        np.testing.assert_array_equal(
            sample_linear(array, maps.quarter_turn(PLANE, count_))[0], np.rot90(array[0], count_)
        )


@pytest.mark.parametrize("frame", [PLANE, BLOCK], ids=["2d", "3d"])
@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_a_linear_ramp_stays_at_its_places(frame, seed):
    rng = np.random.default_rng(seed)
    move = draw_any(frame, rng)
    ramp = sum(axis * (3.0 + i) for i, axis in enumerate(np.indices(frame.size))).astype(np.float32)[None]

    found, places = sample_linear(ramp, move), np.argwhere(inside(move))
    old = np.clip(move.to_old(places.astype(float)), 0, np.array(frame.size) - 1)

    expected = (old * (3.0 + np.arange(len(frame.size)))).sum(1)
    np.testing.assert_allclose(found[(0, *places.T)], expected, atol=1e-3)


@pytest.mark.parametrize("size", [(60, 80), (45, 50), (17, 40), (8, 9), (1, 1)])
def test_resizing_keeps_the_mean(size):
    array = np.random.default_rng(0).random((1, *PLANE.size), np.float32)
    array = sample_linear(sample_linear(array, maps.resize(PLANE, (8, 10))), maps.resize(Frame((8, 10)), PLANE.size))

    found = sample_linear(array, maps.resize(PLANE, size))

    assert found.shape == (1, *size)
    assert found.mean() == pytest.approx(array.mean(), abs=0.02)


def test_two_paths_of_sampling_agree():
    array = np.random.default_rng(0).random((1, *BLOCK.size), np.float32)
    straight = maps.resize(BLOCK, (20, 21, 19))
    turned = maps.affine(BLOCK, straight.matrix + 1e-9 * np.eye(4)[:, ::-1], straight.new.size)  # not quite straight

    np.testing.assert_allclose(sample_linear(array, straight), sample_linear(array, turned), atol=1e-5)


def test_shrinking_smooths_instead_of_aliasing():
    checks = (np.indices((64, 64)).sum(0) % 2).astype(np.float32)[None]

    straight = sample_linear(checks, maps.resize(Frame((64, 64)), (16, 16)))
    turned = sample_linear(
        checks, maps.about_centre(Frame((64, 64)), 0.25 * np.array([[0.8, -0.6], [0.6, 0.8]]), (0, 0))
    )

    assert np.ptp(straight) < 0.05 and np.ptp(turned[0, 28:36, 28:36]) < 0.05


def test_outside_is_filled():
    array = np.ones((1, *PLANE.size), np.float32)

    for move in (
        maps.centre_crop(PLANE, (50, 60)),
        maps.letterbox(PLANE, (64, 64)),
        draw_any(PLANE, np.random.default_rng(1)),
    ):
        found = sample_linear(array, move, fill=-7)
        np.testing.assert_allclose(found[0], np.where(inside(move), 1, -7), atol=1e-5)


@pytest.mark.parametrize("frame", [PLANE, BLOCK], ids=["2d", "3d"])
@given(seed=SEEDS)
@settings(max_examples=6, deadline=None)
def test_smooth_image_comes_back_on_the_valid_region(frame, seed):
    rng = np.random.default_rng(seed)
    move = draw_any(frame, rng)
    smooth = sum(np.sin(axis / 8 + i) for i, axis in enumerate(np.indices(frame.size))).astype(np.float32)[None]

    back = sample_linear(sample_linear(smooth, move), move.inverse())

    # the outer half of border pixels repeats their centre, so the border itself is left out
    whole = binary_erosion(inside(move), iterations=2)[None].astype(np.float32)
    valid = sample_linear(whole, move.inverse())[0] > 0.999
    assert valid.any()
    np.testing.assert_allclose(back[0, valid], smooth[0, valid], atol=0.12)
