"""Objects by ternary maps: targets by hand, what separates them, scores pooled, the drawn example, grey and stained."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from zoo.common.answers.instances import of_one_kind
from zoo.common.errors import DataError
from zoo.common.instances import separation
from zoo.common.instances.baseline import find_components, otsu
from zoo.common.instances.example import draw_nuclei
from zoo.common.instances.pictures import brightness, shown
from zoo.common.instances.scores import score_instances, summarise_instances, weigh_instances
from zoo.common.instances.separation import fill_holes, grow, separate, split_touching
from zoo.common.instances.targets import BOUNDARY, INSIDE, REACH_PX, border_weights, ternary_map
from zoo.common.metrics.instances import count_overlaps
from zoo.common.metrics.instances import summarise_instances as rate
from zoo.common.types import Image, Sample

MAPS = arrays(np.int32, (9, 8), elements=st.integers(0, 3))
CROSS = ndimage.generate_binary_structure(2, 1)


def two_squares() -> np.ndarray:
    """Draw two squares of 10 x 10 that touch."""
    drawn = np.zeros((40, 40), np.int32)
    drawn[5:15, 5:15] = 1
    drawn[5:15, 15:25] = 2
    return drawn


@settings(max_examples=60, deadline=None)
@given(MAPS)
def test_the_boundary_is_dilation_without_erosion_of_each_object(instances: np.ndarray) -> None:
    boundary = np.zeros(instances.shape, bool)
    for number in range(1, 4):
        mask = np.pad(instances == number, 1, mode="edge")  # the border of the picture is none of an object
        ring = ndimage.binary_dilation(mask, CROSS) & ~ndimage.binary_erosion(mask, CROSS, border_value=1)
        boundary |= ring[1:-1, 1:-1]

    ternary = ternary_map(instances)

    np.testing.assert_array_equal(ternary == BOUNDARY, boundary)
    np.testing.assert_array_equal(ternary == INSIDE, (instances > 0) & ~boundary)


def test_weights_are_those_of_the_formula() -> None:
    instances = draw_nuclei((96, 96), 3, np.random.default_rng(3)).labels["instances"]
    distances = []
    for number in range(1, instances.max() + 1):
        mask = instances == number
        border = mask & ~ndimage.binary_erosion(mask, CROSS, border_value=1)
        distances.append(ndimage.distance_transform_edt(~border))
    nearest = np.sort(np.stack(distances), axis=0)[:2]
    expected = 1 + 10 * np.exp(-(nearest.sum(0) ** 2) / 50)

    weights = border_weights(instances)

    assert np.abs(weights - expected).max() <= 10 * np.exp(-(REACH_PX**2) / 50)
    assert weights.max() > 10 and weights.dtype == np.float32


@pytest.mark.parametrize("instances", [np.zeros((30, 30), np.int32), np.ones((30, 30), np.int32)])
def test_pixels_count_alike_where_there_are_no_two_objects(instances: np.ndarray) -> None:
    np.testing.assert_array_equal(border_weights(instances), 1)


def test_touching_objects_come_back_from_their_ternary_map() -> None:
    instances = two_squares()

    found = separate(ternary_map(instances) == INSIDE, least_px=20, grow_px=1)

    np.testing.assert_array_equal(found[6:14, 5:25], instances[6:14, 5:25])
    assert found.max() == 2


def test_holes_are_filled_and_small_parts_dropped() -> None:
    mask = np.zeros((40, 40), bool)
    mask[5:15, 5:15] = True
    mask[8:10, 8:10] = False
    mask[30:33, 30:33] = True

    found = separate(mask, least_px=20, grow_px=0)

    assert np.bincount(found.ravel())[1:].tolist() == [100]


@settings(max_examples=60, deadline=None)
@given(arrays(bool, (8, 9)))
def test_holes_are_those_of_scipy(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(fill_holes(mask), ndimage.binary_fill_holes(mask))


@settings(max_examples=40, deadline=None)
@given(arrays(np.int32, (8, 9), elements=st.integers(0, 3)))
def test_objects_grow_by_a_cross_and_never_into_each_other(parts: np.ndarray) -> None:
    grown = grow(parts)

    np.testing.assert_array_equal(grown > 0, ndimage.binary_dilation(parts > 0, CROSS))
    np.testing.assert_array_equal(grown[parts > 0], parts[parts > 0])


def test_parts_of_nothing_of_everything_and_of_two_thousand_objects() -> None:
    crowd = np.zeros((1000, 1000), bool)
    crowd[2::20, 2::20] = True  # 2,500 objects of one pixel

    assert separate(np.zeros((30, 30), bool), 20, 1).max() == 0
    assert (separate(np.ones((30, 30), bool), 20, 1) == 1).all()
    assert separate(crowd, 20, 1).max() == 0
    assert np.bincount(separate(crowd, 1, 1).ravel())[1:].tolist() == [5] * 2500


def test_a_watershed_tells_touching_discs_apart_and_leaves_one_whole() -> None:
    rows, columns = np.mgrid[:60, :90]
    two = ((rows - 30) ** 2 + (columns - 30) ** 2 < 196) | ((rows - 30) ** 2 + (columns - 55) ** 2 < 196)
    one = ((rows - 30) / 12) ** 2 + ((columns - 45) / 30) ** 2 < 1

    assert split_touching(two).max() == 2
    assert split_touching(one).max() == 1
    assert split_touching(np.zeros((9, 9), bool)).max() == 0
    assert (split_touching(np.ones((9, 9), bool)) == 1).all()


def test_parting_at_waists_loses_no_pixel_and_joins_nothing() -> None:
    mask = draw_nuclei((160, 160), 3, np.random.default_rng(1)).labels["instances"] > 0
    by_corner = ndimage.binary_dilation(mask, np.ones((3, 3))) & ~ndimage.binary_dilation(mask)
    mask[tuple(np.argwhere(by_corner)[::7].T)] = True  # pixels that hang on by a corner alone

    whole, parted = separate(mask, 1, 0), separate(mask, 1, 0, at_waists=True)

    np.testing.assert_array_equal(parted > 0, whole > 0)
    assert np.unique(parted).tolist() == list(range(parted.max() + 1))
    assert parted.max() > whole.max()
    for number in range(1, parted.max() + 1):
        assert len(np.unique(whole[parted == number])) == 1


def test_an_object_is_parted_alike_wherever_it_lies_and_whatever_lies_beside() -> None:
    rows, columns = np.mgrid[:60, :90]
    two = ((rows - 30) ** 2 + (columns - 30) ** 2 < 196) | ((rows - 30) ** 2 + (columns - 55) ** 2 < 196)
    crowd = np.zeros((200, 300), bool)
    crowd[7:67, 11:101] = two
    crowd[75:135, 205:295] = two

    alone, found = split_touching(two), split_touching(crowd)

    assert found.max() == 4
    assert (found[7:67, 11:101] > 0).sum() == (alone > 0).sum()
    for seen in (found[7:67, 11:101], found[75:135, 205:295]):
        assert (
            len(set(zip(alone.ravel().tolist(), seen.ravel().tolist(), strict=True))) == 3
        )  # the same parts, renumbered


def test_a_part_beyond_the_largest_box_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, columns = np.mgrid[:60, :90]
    two = ((rows - 30) ** 2 + (columns - 30) ** 2 < 196) | ((rows - 30) ** 2 + (columns - 55) ** 2 < 196)
    monkeypatch.setattr(separation, "LARGEST_PX", 1000)

    assert split_touching(two).max() == 1


def sample_of(instances: np.ndarray, name: str = "a") -> Sample:
    return Sample(Image(np.zeros((1, *instances.shape), np.float32), name=name), {"instances": instances}, name)


def case_of(true: np.ndarray, found: np.ndarray, name: str = "a"):
    sample = sample_of(true, name)
    return score_instances(of_one_kind(sample.image, ("nucleus",), found), sample)


def test_pooled_scores_are_those_of_all_pictures_side_by_side() -> None:
    rng = np.random.default_rng(0)
    pairs = [(rng.integers(0, 4, (12, 12)), rng.integers(0, 4, (12, 12))) for _ in range(3)]
    joined = [np.concatenate([np.where(m[i] > 0, m[i] + 10 * n, 0) for n, m in enumerate(pairs)]) for i in (0, 1)]

    summary = summarise_instances([case_of(true, found) for true, found in pairs])

    expected = rate(joined[0], joined[1])
    for name in ("aji", "aji_plus", "pq", "dq", "sq", "dice2"):
        assert summary[f"{name}_pooled"] == pytest.approx(expected[name]), name
    assert summary["dice_pooled"] == pytest.approx(expected["binary_dice"])
    assert count_overlaps(*joined).shared.sum() > 0


def test_weighing_cases_is_repeating_them() -> None:
    rng = np.random.default_rng(1)
    cases = [case_of(rng.integers(0, 3, (9, 9)), rng.integers(0, 3, (9, 9))) for _ in range(3)]

    weighed = weigh_instances(cases)(np.array([2, 0, 1]))

    assert weighed == pytest.approx(summarise_instances([cases[0], cases[0], cases[2]]))


def test_nothing_to_find_and_nothing_found_is_perfect_and_one_of_both_is_zero() -> None:
    empty, full = np.zeros((9, 9), np.int32), np.ones((9, 9), np.int32)

    scores = summarise_instances([case_of(empty, empty)])
    assert all(value == 1 for name, value in scores.items() if name != "count_error")
    for true, found in ((empty, full), (full, empty)):
        scores = summarise_instances([case_of(true, found)])
        assert all(value == 0 for name, value in scores.items() if name != "count_error"), scores
    assert np.isnan(summarise_instances([])["aji"])


def test_labels_that_are_no_map_of_the_picture_are_named() -> None:
    good = np.zeros((9, 9), np.int32)
    for bad in (good[:8], good - 1, good + 0.5):
        sample = Sample(Image(np.zeros((1, 9, 9), np.float32)), {"instances": bad})
        with pytest.raises(DataError, match="given; expected"):
            score_instances(of_one_kind(sample.image, ("n",), good), sample)


@pytest.mark.parametrize("dark", [False, True])
def test_drawn_nuclei_touch_and_the_network_sees_them_dark_on_light(dark: bool) -> None:
    sample = draw_nuclei((160, 160), 3, np.random.default_rng(5), dark=dark)
    instances = sample.labels["instances"]

    seen = shown(sample.image, 3, spread=True)

    assert brightness(sample.image)[2] == dark
    assert seen[:, instances == 0].mean() > seen[:, instances > 0].mean() + 60
    assert seen.min() >= 0 and seen.max() <= 255
    assert ndimage.label(instances > 0, np.ones((3, 3)))[1] < 0.8 * instances.max()  # many touch
    found = find_components(sample.image, 20)
    assert rate(instances, found)["binary_dice"] > 0.8


def test_grey_pictures_are_repeated_and_coloured_ones_keep_their_colours() -> None:
    grey = Image(np.random.default_rng(0).uniform(0, 40, (1, 20, 20)).astype(np.float32))
    stained = draw_nuclei((64, 64), 3, np.random.default_rng(0), dark=False).image

    assert (shown(grey, 3, spread=True) == shown(grey, 3, spread=True)[:1]).all()
    np.testing.assert_array_equal(shown(stained, 3, spread=False), stained.array)


def test_otsu_parts_two_heaps() -> None:
    values = np.concatenate([np.full(50, 1.0), np.full(20, 9.0)])

    assert 1 <= otsu(values) < 9
