"""Labels follow the image: masks, points, boxes and ellipses end up at the same places."""

import numpy as np
import pytest
from hypothesis import given, settings

from zoo.common.ellipses import geometry
from zoo.common.errors import InputError
from zoo.common.metrics.confusion import count
from zoo.common.metrics.overlap import dice
from zoo.common.transforms import spatial as maps
from zoo.common.transforms.labels import frame_of, move_boxes, move_ellipses, move_points, move_sample
from zoo.common.transforms.sampling import sample_nearest
from zoo.common.transforms.spatial import Frame
from zoo.common.types import Image, Sample

from .test_transforms_spatial import BLOCK, PLANE, SEEDS, draw_exact, places_in


def ball(frame, places, radius):
    """Draw filled balls [px]; (*size) int, 1, 2, ..."""
    grid = np.moveaxis(np.indices(frame.size), 0, -1)
    out = np.zeros(frame.size, np.int16)
    for number, place in enumerate(places, 1):
        out[np.linalg.norm(grid - place, axis=-1) <= radius] = number
    return out


@pytest.mark.parametrize(("size", "radius"), [((60, 70), 6), ((26, 28, 30), 5)], ids=["2d", "3d"])
@given(seed=SEEDS)
@settings(max_examples=6, deadline=None)
def test_centroid_of_a_mask_follows_its_point(size, radius, seed):
    rng, frame = np.random.default_rng(seed), Frame(size)
    centre = np.array(size) / 2 + rng.uniform(-2, 2, len(size))
    axes = len(size)
    linear = np.eye(axes) + rng.uniform(-0.15, 0.15, (axes, axes))
    move = maps.about_centre(frame, linear, rng.uniform(-3, 3, axes)).then(maps.elastic(frame, 30.0, 0.7, rng))
    sample = Sample(Image(np.zeros((1, *size), np.float32)), {"mask": ball(frame, [centre], radius)})
    point = np.array([[4, *centre[::-1]]])

    moved = move_sample(sample, move)

    centroid = np.argwhere(moved.labels["mask"]).mean(0)
    np.testing.assert_allclose(centroid[::-1], move_points(point, move)[0, 1:], atol=0.6)


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_moved_ellipse_covers_the_moved_mask(seed):
    rng, frame = np.random.default_rng(seed), Frame((90, 110))
    row = np.array([[1, 55 + rng.uniform(-5, 5), 45 + rng.uniform(-5, 5), 25, 14, rng.uniform(-1.5, 1.5)]])
    sample = Sample(
        Image(np.zeros((1, *frame.size), np.float32)), {"ellipses": row, "mask": geometry.fill(row[0], frame.size)}
    )
    move = maps.about_centre(frame, np.eye(2) + rng.uniform(-0.25, 0.25, (2, 2)), rng.uniform(-4, 4, 2))
    move = move.then(maps.flip(move.new, [1])).then(maps.resize(move.new, (100, 100)))

    moved = move_sample(sample, move)

    drawn = geometry.fill(moved.labels["ellipses"][0], move.new.size)
    assert dice(count(moved.labels["mask"], drawn)) > 0.97


def test_elastic_map_fits_an_ellipse_to_the_moved_outline():
    frame, row = Frame((90, 110)), np.array([[1, 55.0, 45, 25, 14, 0.3]])
    move = maps.elastic(frame, 40.0, 0.8, np.random.default_rng(3))
    mask = sample_nearest(geometry.fill(row[0], frame.size)[None], move)[0]

    assert dice(count(mask, geometry.fill(move_ellipses(row, move)[0], frame.size))) > 0.93


@pytest.mark.parametrize("frame", [PLANE, BLOCK], ids=["2d", "3d"])
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_box_of_the_moved_mask_is_the_moved_box(frame, seed):
    rng = np.random.default_rng(seed)
    move = draw_exact(frame, rng)
    low = np.array([int(rng.integers(0, n - 4)) for n in frame.size])
    high = low + 4
    mask = np.zeros(frame.size, np.int16)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = 1
    pairs = [v for a, b in ((low, high),) for v in (a[-1], a[-2], b[-1], b[-2])]
    box = np.array([[0, *pairs, *((low[0], high[0]) if len(frame.size) == 3 else ())]], float)
    sample = Sample(Image(np.zeros((1, *frame.size), np.float32)), {"mask": mask, "boxes": box})

    moved = move_sample(sample, move)

    places = np.argwhere(moved.labels["mask"])
    if len(moved.labels["boxes"]):
        found = moved.labels["boxes"][0, 1:]
        np.testing.assert_allclose(found[[1, 0]], places.min(0)[-2:])
        np.testing.assert_allclose(found[[3, 2]], places.max(0)[-2:] + 1)
    else:
        assert len(places) < 0.25 * 4 ** len(frame.size)


def test_labels_that_left_the_picture_are_dropped():
    labels = {
        "points": np.array([[0, 5, 5], [1, 30, 20]]),
        "boxes": np.array([[0, 0, 0, 8, 8], [1, 28, 18, 38, 28]]),
        "ellipses": np.array([[0, 5, 5, 3, 2, 0], [1, 30, 20, 3, 2, 0.0]]),
        "label": np.array(3),
    }
    sample = Sample(Image(np.zeros((1, *PLANE.size), np.float32)), labels)

    moved = move_sample(sample, maps.crop(PLANE, (12, 20), (16, 20))).labels

    assert [moved[key][:, 0].tolist() for key in ("points", "boxes", "ellipses")] == [[1], [1], [1]]
    np.testing.assert_allclose(moved["points"], [[1, 10, 8]])
    np.testing.assert_allclose(moved["boxes"], [[1, 8, 6, 18, 16]])
    assert moved["label"] == 3


def test_unknown_label_with_axes_is_refused():
    sample = Sample(Image(np.zeros((1, *PLANE.size), np.float32)), {"outline": np.zeros((4, 2))})

    with pytest.raises(InputError, match="label 'outline' given; expected mask, instances"):
        move_sample(sample, maps.flip(PLANE, [0]))


def test_no_boxes_stay_no_boxes():
    assert move_boxes(np.zeros((0, 5)), maps.flip(PLANE, [0])).shape == (0, 5)


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_voxels_keep_their_place_in_the_world(seed):
    rng = np.random.default_rng(seed)
    world = np.array([[-1.5, 0.1, 0, 10], [0.1, 1.0, 0.2, -20], [0, -0.2, 3.0, 5], [0, 0, 0, 1.0]])
    image = Image(np.zeros((1, *BLOCK.size), np.float32), BLOCK.spacing_mm, world)
    move = maps.about_centre(BLOCK, np.eye(3) + rng.uniform(-0.2, 0.2, (3, 3)), (1, 2, 3)).then(maps.flip(BLOCK, [1]))
    places = places_in(BLOCK, rng, 5)

    moved = move_sample(Sample(image), move).image
    there = [
        a @ np.column_stack([p[:, ::-1], np.ones(5)]).T
        for a, p in ((world, places), (moved.affine, move.to_new(places)))
    ]

    np.testing.assert_allclose(there[0], there[1], atol=1e-8)
    assert frame_of(moved).size == BLOCK.size
