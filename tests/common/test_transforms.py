"""Pictures and coordinates move together, and back."""

import numpy as np
import pytest

from zoo.common.transforms.pictures import (
    centred_affine,
    compose_affine,
    invert_affine,
    jitter_intensity,
    letterbox,
    resize,
    to_channels,
    transform_points,
    warp_affine,
)

SIZES = [((270, 400), (128, 192)), ((64, 48), (128, 128)), ((33, 77), (50, 20)), ((96, 96), (96, 96))]


def _blob(size, x, y, sigma=3.0):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))[None].astype(np.float32)


def _centroid(array):
    rows, columns = np.mgrid[: array.shape[1], : array.shape[2]]
    return np.array([(array[0] * columns).sum(), (array[0] * rows).sum()]) / array[0].sum()


@pytest.mark.parametrize(("size", "target"), SIZES)
def test_letterbox_map_returns_to_the_source_pixel(size, target):
    point = np.array([size[1] * 0.45, size[0] * 0.55])

    boxed, back = letterbox(_blob(size, *point, sigma=min(size) / 12), target)

    np.testing.assert_allclose(transform_points(_centroid(boxed), back), point, atol=0.1)


@pytest.mark.parametrize(("size", "target"), SIZES)
def test_letterbox_keeps_the_aspect_ratio(size, target):
    boxed, back = letterbox(np.full((1, *size), 7.0), target, fill=-1.0)

    rows, columns = (boxed[0] > 0).any(1).sum(), (boxed[0] > 0).any(0).sum()
    assert rows == target[0] or columns == target[1]
    assert abs(rows / columns - size[0] / size[1]) < 1 / min(rows, columns)
    assert abs(back[0, 0] - back[1, 1]) / back[0, 0] < 1 / min(rows, columns)


def test_letterbox_then_warp_back_restores_a_smooth_picture():
    picture = _blob((60, 90), 40, 30, sigma=8)

    boxed, back = letterbox(picture, (120, 200))

    np.testing.assert_allclose(warp_affine(boxed, back, (60, 90)), picture, atol=6)


def test_identity_warp_changes_nothing():
    picture = np.random.default_rng(0).random((2, 7, 9)).astype(np.float32)

    np.testing.assert_allclose(warp_affine(picture, np.eye(2, 3), (7, 9)), picture, atol=1e-5)


def test_shift_by_whole_pixels_moves_every_pixel():
    picture = np.arange(20, dtype=np.float32).reshape(1, 4, 5)

    moved = warp_affine(picture, np.array([[1, 0, 2], [0, 1, -1.0]]), (4, 5), fill=-1)

    np.testing.assert_allclose(moved[0, :3, 2:], picture[0, 1:, :3], atol=1e-4)
    assert (moved[0, 3] == -1).all()


@pytest.mark.parametrize("flip", [False, True])
def test_warp_moves_a_blob_where_the_matrix_says(flip):
    matrix = centred_affine((80, 100), angle_rad=0.4, scale=0.9, shift_px=(5, -3), flip=flip)

    moved = warp_affine(_blob((80, 100), 60, 35), matrix, (80, 100))

    np.testing.assert_allclose(_centroid(moved), transform_points([60, 35], matrix), atol=0.05)


def test_flip_mirrors_the_picture_exactly():
    picture = np.random.default_rng(1).random((1, 6, 8)).astype(np.float32)

    flipped = warp_affine(picture, centred_affine((6, 8), flip=True), (6, 8))

    np.testing.assert_allclose(flipped, picture[:, :, ::-1], atol=1e-5)


def test_positive_angle_turns_from_x_towards_y():
    matrix = centred_affine((11, 11), angle_rad=np.pi / 2)

    np.testing.assert_allclose(transform_points([8, 5], matrix), [5, 8], atol=1e-9)


def test_composed_map_with_its_inverse_is_the_identity():
    matrix = centred_affine((40, 30), angle_rad=1.1, scale=1.3, shift_px=(4, 2), flip=True)

    np.testing.assert_allclose(compose_affine(matrix, invert_affine(matrix)), np.eye(2, 3), atol=1e-12)


def test_resize_keeps_a_constant_picture():
    resized = resize(np.full((3, 20, 30), 42.0), (13, 50))

    assert resized.shape == (3, 13, 50)
    np.testing.assert_allclose(resized, 42.0, rtol=1e-6)


def test_nearest_resize_makes_no_new_values():
    mask = (np.random.default_rng(2).random((1, 20, 20)) > 0.5).astype(np.float32)

    assert set(np.unique(resize(mask, (33, 9), nearest=True))) <= {0.0, 1.0}


def test_jitter_stays_within_its_bounds():
    picture = np.random.default_rng(3).random((1, 16, 16)).astype(np.float32)
    ratios = [jitter_intensity(picture, np.random.default_rng(i), 0.1, 0.2).mean() / picture.mean() for i in range(50)]

    assert 0.9 <= min(ratios) < 0.95 and 1.05 < max(ratios) <= 1.1


def test_grey_repeated_and_turned_grey_again_is_unchanged():
    grey = np.random.default_rng(4).random((1, 5, 5)).astype(np.float32)

    np.testing.assert_allclose(to_channels(to_channels(grey, 3), 1), grey, rtol=1e-6)


def test_alpha_does_not_count():
    picture = np.random.default_rng(5).random((4, 5, 5)).astype(np.float32)

    np.testing.assert_array_equal(to_channels(picture, 3), picture[:3])
