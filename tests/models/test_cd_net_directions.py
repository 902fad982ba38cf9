"""CD-Net's targets and its direction difference map, on objects whose centres and directions are known."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.common.instances.separation import grow
from zoo.common.tta import View, flips, quarter_turns
from zoo.models.cd_net.difference import direction_difference, pair_differences
from zoo.models.cd_net.directions import (
    VECTORS,
    directions_to,
    draw_centres,
    find_centres,
    seen_classes,
)

OFFSETS = {(0, 6): 1, (4, 4): 2, (6, 0): 3, (4, -4): 4, (0, -6): 5, (-4, -4): 6, (-6, 0): 7, (-4, 4): 8}  # (dy, dx)
VIEWS = [*quarter_turns(2), *(View((1, 0), view.flipped) for view in flips(2)), *flips(2)]


def disc(
    centre: tuple[float, float], radius: float, size: tuple[int, int] = (41, 43), squeeze: float = 1
) -> np.ndarray:
    y, x = np.mgrid[: size[0], : size[1]]
    return np.hypot((y - centre[0]) * squeeze, x - centre[1]) <= radius


def nuclei(seed: int, size: tuple[int, int] = (90, 70)) -> np.ndarray:
    """Draw ellipses over each other under numbers with gaps; some touch, some are cut by the border."""
    rng = np.random.default_rng(seed)
    drawn = np.zeros(size, np.int32)
    for number in rng.permutation(60)[:25] + 1:
        shape = disc(rng.uniform(0, size), rng.uniform(0, 11), size, rng.uniform(0.5, 2))
        drawn[shape] = number
    return drawn


def directions(instances: np.ndarray) -> np.ndarray:
    return directions_to(find_centres(instances), grow(instances))


def test_a_disc_gives_its_centre():
    np.testing.assert_array_equal(find_centres(disc((20, 22), 9).astype(int)), [(20, 22)])


def test_centres_are_as_round_as_those_of_a_search_along_each_ray():
    instances = nuclei(0)
    steps = VECTORS[1:]

    def roundness(y: int, x: int) -> float:
        number, rays = instances[y, x], []
        for dy, dx in steps:
            reach = 0
            while (
                0 <= y + reach * dy < instances.shape[0]
                and 0 <= x + reach * dx < instances.shape[1]
                and instances[y + reach * dy, x + reach * dx] == number
            ):
                reach += 1
            rays.append((reach - 0.5) * np.hypot(dy, dx))
        return min(rays) / max(rays)

    found = find_centres(instances)

    for number, (y, x) in zip(np.unique(instances)[1:], found, strict=True):
        assert instances[y, x] == number
        best = max(roundness(*place) for place in np.argwhere(instances == number))
        assert roundness(y, x) == pytest.approx(best, rel=1e-5)


def test_a_single_pixel_is_its_own_centre_and_nothing_has_none():
    single = np.zeros((5, 5), int)
    single[3, 1] = 7

    assert find_centres(single).tolist() == [[3, 1]]
    assert find_centres(np.zeros((5, 5), int)).shape == (0, 2)
    assert not directions(np.zeros((5, 5), int)).any()
    assert not draw_centres(np.zeros((0, 2), int), (5, 5)).any()


@pytest.mark.parametrize(("offset", "expected"), OFFSETS.items())
def test_directions_of_a_disc_point_to_its_centre(offset, expected):
    classes = directions(disc((20, 22), 9).astype(int))

    assert classes[20 + offset[0], 22 + offset[1]] == expected
    assert tuple(VECTORS[expected]) == tuple(-np.sign(offset))


def test_directions_reach_a_pixel_beyond_the_object():
    instances = np.zeros((7, 7), int)
    instances[3, 3] = 1

    found = directions(instances)

    assert np.argwhere(found).tolist() == [[2, 3], [3, 2], [3, 3], [3, 4], [4, 3]]
    assert (found[2, 3], found[3, 2], found[3, 4], found[4, 3]) == (7, 5, 1, 3)


def test_objects_that_touch_keep_their_pixels_when_they_spread():
    instances = np.array([[0, 1, 2, 0, 0, 3]])

    assert grow(instances).tolist() == [[1, 1, 2, 2, 3, 3]]


def test_a_centre_that_stands_alone_has_a_bell_of_the_published_height():
    bell = draw_centres(np.array([[16, 16]]), (33, 33))

    assert bell.shape == (1, 33, 33)
    assert bell.max() == bell[0, 16, 16] == pytest.approx(255 / (8 * np.pi), rel=1e-2)
    assert bell.sum() == pytest.approx(255, rel=1e-3)


def test_a_centre_at_the_border_loses_what_lies_beyond():
    at_border, inside = (draw_centres(np.array([[y, 16]]), (33, 33)) for y in (0, 16))

    np.testing.assert_allclose(at_border[0, :17], inside[0, 16:], atol=1e-6)


def test_two_centres_on_one_pixel_add_up():
    centres = np.array([[16, 16], [16, 16]])

    np.testing.assert_allclose(draw_centres(centres, (33, 33)), 2 * draw_centres(centres[:1], (33, 33)))


@pytest.mark.parametrize("view", VIEWS)
def test_directions_of_a_turned_picture_are_the_turned_directions(view):
    instances = disc((20, 22), 9).astype(int) + 2 * disc((33, 30), 4)
    plain = directions(instances)

    seen = directions(np.ascontiguousarray(view.apply(instances)))

    off_ties = np.ones_like(plain, bool)  # a centre has no direction; half a class off belongs to the lower class
    for y, x in find_centres(instances):
        off_ties[y, x] = False
    np.testing.assert_array_equal(seen_classes(view)[plain][off_ties], view.undo(seen)[off_ties])


def test_mirrored_directions_are_numbered_as_published():
    assert seen_classes(View((0, 1), (1,))).tolist() == [0, 5, 4, 3, 2, 1, 8, 7, 6]
    assert seen_classes(View((0, 1), (0,))).tolist() == [0, 1, 8, 7, 6, 5, 4, 3, 2]


def test_directions_differ_by_halves_and_most_between_objects_that_touch():
    instances = disc((20, 12), 8).astype(int) + 2 * disc((20, 29), 8)  # a pixel in common after spreading

    difference = direction_difference(directions(instances))

    assert set(np.unique(difference)) == {0, 0.5, 1}
    assert difference[20, 20] == difference[20, 21] == 1  # where the two meet
    assert difference[20, 12] == difference[20, 29] == 1  # around the centres
    assert difference[20, 3] == 0.5  # at the rim
    assert difference[20, 6] == 0
    assert not difference[directions(instances) == 0].any()


def test_difference_is_that_of_a_plain_search_among_eight_neighbours():
    classes = directions(nuclei(1))
    padded = np.pad(classes, 1)
    units = VECTORS / np.maximum(np.linalg.norm(VECTORS, axis=1, keepdims=True), 1)

    expected = np.zeros(classes.shape)
    for y, x in np.argwhere(classes):
        around = padded[y : y + 3, x : x + 3].reshape(-1)
        least = min(units[classes[y, x]] @ units[other] for other in np.delete(around, 4))
        expected[y, x] = (1 - round(least)) / 2

    np.testing.assert_array_equal(direction_difference(classes), expected)


@pytest.mark.parametrize("view", VIEWS)
def test_difference_of_a_turned_picture_is_the_turned_difference(view):
    classes = directions(nuclei(2))

    seen = direction_difference(seen_classes(view)[view.apply(classes)])

    np.testing.assert_array_equal(view.undo(seen), direction_difference(classes))


def test_difference_of_nothing_is_zero_everywhere():
    assert not direction_difference(np.zeros((6, 6), int)).any()
    assert pair_differences().shape == (9, 9)
