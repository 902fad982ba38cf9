"""Arrays become images by explicit rules; two readings are refused, and the caller's array is never touched."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zoo.common.errors import InputError
from zoo.common.io.images import MAX_VALUES, as_image, check_size, checked_image
from zoo.common.types import Image

DTYPES = st.sampled_from([np.uint8, np.int16, np.uint16, np.float32, np.float64, np.bool_])
SIZES = st.integers(5, 12)
SHAPES = st.one_of(
    st.tuples(SIZES, SIZES),
    st.tuples(st.integers(1, 4), SIZES, SIZES),
    st.tuples(SIZES, SIZES, st.sampled_from([1, 3])),
)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_callers_array_is_unchanged_and_not_shared(data: st.DataObject) -> None:
    drawn = data.draw(hnp.arrays(np.uint8, data.draw(SHAPES), elements=st.integers(2, 255)))
    array = drawn.astype(data.draw(DTYPES))
    before = array.copy()

    image = as_image(array)
    image.array[:] = -1

    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((6, 7), (1, 6, 7)),
        ((6, 7, 1), (1, 6, 7)),
        ((6, 7, 3), (3, 6, 7)),
        ((6, 7, 4), (3, 6, 7)),
        ((1, 6, 7), (1, 6, 7)),
        ((2, 6, 7), (2, 6, 7)),
        ((3, 6, 7), (3, 6, 7)),
        ((4, 6, 7), (4, 6, 7)),
    ],
)
def test_each_accepted_shape_has_one_reading(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert as_image(np.zeros(shape, np.uint8)).array.shape == expected


def test_channels_move_and_values_stay() -> None:
    array = np.arange(6 * 7 * 3, dtype=np.uint8).reshape(6, 7, 3)

    np.testing.assert_array_equal(as_image(array).array[2], array[..., 2])


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros((3, 9, 3), np.uint8), "read as"),
        (np.zeros((1, 9, 1), np.uint8), "read as"),
        (np.zeros((20, 64, 64), np.uint8), "volume"),
        (np.zeros((2, 3, 8, 8), np.float32), "list"),
        (np.zeros((6, 7, 4), np.float32), "alpha"),
        (np.full((6, 7, 3), 0.5, np.float32), "255"),
        (np.zeros((0, 7), np.uint8), "at least one pixel"),
        (np.full((5, 5), np.nan), "25 of 25"),
        (np.array([["a", "b"]]), "expected integers"),
        (np.array([[None, 1]], object), "object"),
        (np.array([1 + 2j]), "complex"),
        ([[1, 2], [3]], "numbers"),
    ],
)  # fmt: skip
def test_unclear_or_useless_arrays_are_refused(array: object, expected: str) -> None:
    with pytest.raises(InputError, match=r"^scan: ") as caught:
        as_image(array, name="scan")

    assert expected in str(caught.value)


def test_a_huge_array_is_refused_without_a_copy() -> None:
    view = np.broadcast_to(np.uint8(0), (MAX_VALUES // 1000 + 1, 1000))

    with pytest.raises(InputError, match="at most"):
        as_image(view)


def test_a_colour_field_of_ten_thousand_pixels_a_side_is_no_huge_array() -> None:
    check_size((3, 10_000, 10_000), "field")


@pytest.mark.parametrize("spacing", [(1.0,), (0.5, 0.0), (0.5, -1.0), (0.5, float("nan")), (1.0, 1.0, 1.0)])
def test_impossible_spacings_are_refused(spacing: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="spacing_mm"):
        as_image(np.zeros((5, 6)), spacing_mm=spacing)


def test_a_checked_volume_keeps_its_place_in_the_world() -> None:
    volume = Image(np.zeros((1, 3, 4, 5), np.int16), spacing_mm=(2.0, 1.0, 1.0), affine=np.eye(4), name="v")

    checked = checked_image(volume)

    assert (checked.array.dtype, checked.spacing_mm, checked.name) == (np.float32, (2.0, 1.0, 1.0), "v")
    assert checked.affine is volume.affine


def test_an_image_without_channels_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected \(c, h, w\)"):
        checked_image(Image(np.zeros((4, 5), np.float32)))


@pytest.mark.parametrize("shape", [(35, 47, 35), (17, 64, 64), (40, 16, 16, 1)])
def test_a_volume_without_its_channel_axis_is_no_picture_of_many_channels(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=rf"{shape[0]} channels given.*array\[None\]"):
        checked_image(Image(np.zeros(shape, np.float32)))


def test_channels_of_a_file_are_as_many_as_it_says() -> None:
    assert checked_image(Image(np.zeros((20, 5, 6), np.float32)), is_ours=True).array.shape == (20, 5, 6)


@pytest.mark.parametrize("given", [as_image, lambda array: checked_image(Image(array))])
def test_colours_that_were_divided_are_refused_on_every_path(given: Callable[[np.ndarray], Image]) -> None:
    with pytest.raises(InputError, match="Multiply by 255"):
        given(np.full((3, 5, 6), 0.5, np.float32))


@pytest.mark.parametrize("given", [as_image, lambda array: checked_image(Image(array[None]))])
def test_hidden_values_of_a_masked_array_are_not_shown(given: Callable[[np.ndarray], Image]) -> None:
    array = np.ma.array(np.arange(30.0).reshape(5, 6), mask=np.eye(5, 6))

    with pytest.raises(InputError, match=r"5 of 30 values are masked.*filled"):
        given(array)


@pytest.mark.parametrize(
    "affine", [np.eye(3), np.zeros((4, 4)), np.full((4, 4), np.nan), "here", np.diag([1.0, 1, 1, 2])]
)
def test_an_affine_that_places_nothing_is_refused(affine: object) -> None:
    with pytest.raises(InputError, match="affine"):
        checked_image(Image(np.zeros((1, 3, 4, 5)), affine=affine))  # type: ignore[arg-type]
