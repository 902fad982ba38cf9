"""The geometry of ellipses: canonical form, affine maps, lengths, areas, masks and fits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from zoo.common.ellipses import geometry
from zoo.common.transforms.pictures import warp_affine

RIM = 0.6  # share of the pixels of a rim that may differ; 0.52 was the most of 3,000
numbers = st.floats(0, 1, width=32)
ellipse_rows = st.tuples(numbers, numbers, numbers, numbers, numbers).map(
    lambda u: np.array([0, 30 + 40 * u[0], 30 + 40 * u[1], 10 + 20 * u[2], 8 + 20 * u[3], 7 * u[4] - 3.5])
)


def test_canonical_form_swaps_axes_and_folds_the_angle() -> None:
    rows = geometry.canonical(np.array([[0, 1, 2, 3, 5, 0.25], [1, 1, 2, 5, 3, np.pi], [1, 1, 2, 5, 3, -np.pi / 2]]))

    np.testing.assert_allclose(rows[:, 3:5], [[5, 3]] * 3)
    np.testing.assert_allclose(rows[:, 5], [0.25 + np.pi / 2 - np.pi, 0, np.pi / 2])


def test_canonical_form_passes_missing_ellipses_through() -> None:
    missing = np.array([[1, *[np.nan] * 5]])

    np.testing.assert_array_equal(geometry.canonical(missing), missing)


@settings(max_examples=50, deadline=None)
@given(ellipse_rows, st.floats(-3, 3), st.floats(0.2, 3), st.floats(-0.8, 0.8))
def test_transform_moves_every_point_of_the_boundary(row: np.ndarray, turn: float, scale: float, shear: float) -> None:
    linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[scale, shear], [0, 1]]
    matrix = np.column_stack([linear, [5, -3]])

    (moved,) = geometry.transform(row, matrix)

    points = geometry.boundary(row, 12) @ linear.T + matrix[:, 2]
    np.testing.assert_allclose(_levels(moved, points), 1, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(ellipse_rows, st.floats(-3, 3))
def test_transform_agrees_with_a_warped_mask(row: np.ndarray, turn: float) -> None:
    linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[1.3, 0.2], [0, 0.9]]
    matrix = np.column_stack([linear, np.array([60, 60]) - linear @ row[1:3]])

    warped = warp_affine(geometry.fill(row, (100, 100))[None].astype(np.float32), matrix, (120, 120))[0] > 0.5

    expected = geometry.fill(geometry.transform(row, matrix)[0], (120, 120))
    rim = expected & ~ndimage.binary_erosion(expected)
    assert (warped ^ expected).sum() <= RIM * rim.sum()  # an edge that was interpolated is none that was drawn


def test_flip_mirrors_the_mask() -> None:
    row = np.array([0, 20.3, 31.0, 15, 8, 0.6])

    (flipped,) = geometry.flip_x(row, width=64)

    np.testing.assert_array_equal(geometry.fill(flipped, (64, 64)), geometry.fill(row, (64, 64))[:, ::-1])


@settings(max_examples=50, deadline=None)
@given(ellipse_rows)
def test_flipping_twice_changes_nothing(row: np.ndarray) -> None:
    twice = geometry.flip_x(geometry.flip_x(row, 99), 99)

    np.testing.assert_allclose(_levels(twice[0], geometry.boundary(row, 8)), 1, atol=1e-9)


def test_circumference_of_known_ellipses() -> None:
    rows = np.array([[0, 0, 0, 50, 30, 1.0], [0, 0, 0, 10, 10, 0], [0, 0, 0, 5, 0, 0]])

    # two decimals more than Ramanujan's formula; a flat ellipse is a line there and back
    np.testing.assert_allclose(geometry.circumference(rows), [255.269989, 62.831853, 20], atol=1e-6)


def test_ramanujan_circumference_is_the_one_of_the_head_circumference_literature() -> None:
    assert geometry.ramanujan_circumference(50, 30) == pytest.approx(255.269864, abs=1e-6)
    assert geometry.ramanujan_circumference(100, 75) == pytest.approx(552.587295, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(ellipse_rows)
def test_extents_touch_the_boundary(row: np.ndarray) -> None:
    reach = np.abs(geometry.boundary(row, 3600) - row[1:3]).max(axis=0)

    np.testing.assert_allclose(geometry.extents(row)[0], reach, rtol=1e-5)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((50, 50, 20, 10, 0.3), (55, 47, 18, 12, 0.5), 0.552738),  # polygons of 2,880 corners
        ((50, 50, 20, 10, 0.0), (50, 50, 20, 10, np.pi / 2), 0.418776),
        ((0, 0, 1.5, 1, np.pi / 6 - np.pi / 2), (1, 1, 2, 2, -np.pi / 4), 0.253740),
    ],
)
def test_intersection_of_known_pairs(first: tuple[float, ...], second: tuple[float, ...], expected: float) -> None:
    a, b = np.array([0, *first]), np.array([0, *second])

    shared = geometry.intersection_area(a, b)

    assert shared / (geometry.area(a)[0] + geometry.area(b)[0] - shared) == pytest.approx(expected, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(ellipse_rows, ellipse_rows)
def test_intersection_agrees_with_counted_pixels(first: np.ndarray, second: np.ndarray) -> None:
    fine = [np.array([0, *(8 * row[1:3] + 3.5), *(8 * row[3:5]), row[5]]) for row in (first, second)]
    pixels = (geometry.fill(fine[0], (800, 800)) & geometry.fill(fine[1], (800, 800))).sum() / 64

    assert geometry.intersection_area(first, second) == pytest.approx(pixels, abs=1.5)  # rim of a mask


@settings(max_examples=50, deadline=None)
@given(ellipse_rows)
def test_intersection_with_itself_is_the_area(row: np.ndarray) -> None:
    assert geometry.intersection_area(row, row) == pytest.approx(geometry.area(row)[0], rel=1e-6)


def test_intersection_inside_and_apart() -> None:
    large, small, far = np.array([[0, 50, 50, 20, 15, 0.4], [0, 52, 49, 5, 3, 1], [0, 90, 90, 5, 3, 1]])

    assert geometry.intersection_area(large, small) == pytest.approx(geometry.area(small)[0])
    assert geometry.intersection_area(small, large) == pytest.approx(geometry.area(small)[0])
    assert geometry.intersection_area(large, far) == 0


def test_missing_or_flat_ellipse_shares_nothing() -> None:
    row = np.array([0, 5, 5, 3, 2, 0.0])

    assert geometry.intersection_area(row, np.full(6, np.nan)) == 0
    assert geometry.intersection_area(row, np.array([0, 5, 5, 3, 0, 0.0])) == 0


@pytest.mark.parametrize("row", [(100, 80, 50, 30, 25), (60, 60, 20, 12, -60), (128, 128, 100, 75, 0)])
def test_moments_find_a_filled_ellipse(row: tuple[float, ...]) -> None:
    true = np.array([0, *row[:4], np.radians(row[4])])

    found = geometry.fit_moments(geometry.fill(true, (256, 256)))

    np.testing.assert_allclose(found[1:5], true[1:5], atol=0.15)
    assert abs(np.degrees(found[5]) - row[4]) < 0.5


def test_moments_of_an_empty_mask_are_missing() -> None:
    found = geometry.fit_moments(np.zeros((8, 8), bool), label=1)

    assert found[0] == 1
    assert np.isnan(found[1:]).all()


@settings(max_examples=50, deadline=None)
@given(ellipse_rows, st.integers(6, 40))
def test_points_on_an_arc_give_their_ellipse_back(row: np.ndarray, count: int) -> None:
    arc = geometry.boundary(row, 3 * count)[: 2 * count]

    np.testing.assert_allclose(_levels(geometry.fit_points(arc), geometry.boundary(row, 9)), 1, atol=1e-4)


def test_points_on_a_line_fit_no_ellipse() -> None:
    assert np.isnan(geometry.fit_points(np.stack([np.arange(9.0), np.arange(9.0)], axis=1))[1:]).all()
    assert np.isnan(geometry.fit_points(np.zeros((3, 2)))[1:]).all()


@settings(max_examples=30, deadline=None)
@given(ellipse_rows, st.floats(0.9, 1.1))
def test_boundary_moves_until_the_length_fits(row: np.ndarray, factor: float) -> None:
    length = geometry.circumference(row)[0] * factor

    moved = geometry.with_circumference(row, length)

    assert geometry.circumference(moved)[0] == pytest.approx(length)
    assert moved[3] - row[3] == pytest.approx(moved[4] - row[4])


def _levels(row: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return 1 for points on the boundary of an ellipse."""
    return np.hypot(*np.linalg.solve(geometry.axes(row)[0], (points - row[1:3]).T))
