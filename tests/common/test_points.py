"""Points: bells and peaks are inverse, the answer counts and saves, the trivial finder finds what is stained."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest

from zoo.common.answers.points import Points
from zoo.common.errors import DataError
from zoo.common.points.baseline import fit_stain_finder, stain_densities
from zoo.common.points.bells import draw_bells
from zoo.common.points.peaks import find_peaks, keep_highest
from zoo.common.points.scores import best_threshold, count_matches, score_points_of, summarise_points
from zoo.common.types import Image, Sample
from zoo.models.u_csrnet.example import draw_tile

CLASSES = ("negative", "positive")
GREY = Image(np.full((3, 80, 100), 128, np.float32), name="tile.png")


def spread(count: int, size: tuple[int, int], apart: float, seed: int = 0) -> np.ndarray:
    """Draw points (class, x, y) that are not nearer than `apart`."""
    rng = np.random.default_rng(seed)
    steps = [np.arange(apart, side - apart, 2 * apart) for side in size[::-1]]
    grid = np.stack(np.meshgrid(*steps), -1).reshape(-1, 2)
    chosen = rng.permutation(len(grid))[:count]
    places = grid[chosen] + rng.uniform(-apart / 2, apart / 2, (len(chosen), 2))
    return np.column_stack([rng.integers(0, 2, len(chosen)), places])


def answer(points: np.ndarray, image: Image = GREY, score: float = 0.9, **options: object) -> Points:
    """Build an answer in which every point has the same score."""
    rows = np.column_stack([points, np.full(len(points), score)])
    return Points(image, CLASSES, rows, 0.5, "positive", "Ki-67 index", **options)  # type: ignore[arg-type]


def sample(points: np.ndarray, name: str = "tile.png") -> Sample:
    return Sample(Image(GREY.array, name=name), {"points": points}, group=name)


def in_order(points: np.ndarray) -> np.ndarray:
    return points[np.lexsort(points.T)]


# --- bells and peaks -------------------------------------------------------------------------------------------------


def test_peaks_of_bells_are_the_points_to_a_hundredth_of_a_pixel():
    points = spread(60, (200, 240), 7)

    found = find_peaks(draw_bells(points, (200, 240), 2, 3.0), 3, 6.0, 0.5)

    np.testing.assert_allclose(in_order(found[:, :3]), in_order(points), atol=0.01)


def test_two_thousand_cells_are_found_one_by_one():
    points = spread(2000, (900, 900), 8)

    found = find_peaks(draw_bells(points, (900, 900), 2, 3.0).astype(np.float16), 3, 6.0, 0.5)

    assert len(points) == len(found) == 2000
    assert count_matches(found, points, 2, 0.6)[:, 0].sum() == 2000  # two bytes per value are a little coarse


def test_strips_do_not_show():
    points = spread(150, (1300, 120), 8)
    heat = draw_bells(points, (1300, 120), 2, 3.0)

    tall, wide = find_peaks(heat, 3, 6.0, 0.3), find_peaks(heat.transpose(0, 2, 1), 3, 6.0, 0.3)

    np.testing.assert_allclose(in_order(tall[:, :3]), in_order(wide[:, [0, 2, 1]]), atol=1e-6)


@pytest.mark.parametrize("axis", [1, 2])
def test_mirrored_maps_have_mirrored_peaks(axis: int):
    maps = np.random.default_rng(3).random((2, 60, 70)).astype(np.float32)
    size = maps.shape[axis]

    plain, mirrored = find_peaks(maps, 2, 4.0, 0.1), find_peaks(np.flip(maps, axis), 2, 4.0, 0.1)

    column = 3 - axis  # x is the last axis
    mirrored[:, column] = size - 1 - mirrored[:, column]
    np.testing.assert_allclose(in_order(mirrored), in_order(plain), atol=1e-5)


def test_a_map_of_one_value_has_no_peak():
    assert len(find_peaks(np.full((2, 40, 40), 0.8, np.float32), 3, 6.0, 0.1)) == 0


def test_a_plateau_is_one_peak_at_its_middle():
    heat = np.zeros((1, 20, 20), np.float32)
    heat[0, 8:11, 5:8] = 0.7

    np.testing.assert_allclose(find_peaks(heat, 3, 6.0, 0.5), [[0, 6, 9, 0.7]], rtol=1e-6)


def test_of_two_near_peaks_of_any_class_the_higher_stays():
    rows = np.array([[0, 10, 10, 0.6], [1, 14, 10, 0.8], [1, 30, 10, 0.5], [1, 36, 10, 0.7]])

    kept = keep_highest(rows, 6.0)

    np.testing.assert_array_equal(kept, rows[[1, 3, 2]])  # 6 px apart is not nearer than 6 px


# --- the answer ------------------------------------------------------------------------------------------------------


def test_index_has_the_interval_of_wilson():
    found = answer(np.array([[1, 5.0, 5.0]] * 3 + [[0, 5.0, 5.0]] * 7))

    # Wilson 1927: (p + z^2 / 2n -+ z sqrt(p q / n + z^2 / 4n^2)) / (1 + z^2 / n) with z = 1.96, n = 10, p = 0.3
    assert found.index == pytest.approx((0.3, 0.1078, 0.6032), abs=1e-4)


def test_what_is_below_the_threshold_is_not_counted():
    rows = np.array([[1, 5, 5, 0.9], [0, 25, 5, 0.4]])

    assert Points(GREY, CLASSES, rows, 0.5).counts == {"negative": 0, "positive": 1}


def test_density_is_per_square_millimetre_of_the_image():
    image = Image(GREY.array, spacing_mm=(0.01, 0.005), name="tile.png")

    found = answer(np.array([[0, 5.0, 5.0]] * 6), image)

    assert found.per_mm2 == pytest.approx({"negative": 6 / (0.8 * 0.5), "positive": 0})
    assert answer(np.zeros((0, 3))).per_mm2 is None


def test_a_tile_without_cells_says_so(tmp_path):
    found = answer(np.zeros((0, 3)))

    found.save(tmp_path / "cells.csv")
    assert found.index is None and found.to_dict()["index"] is None
    assert found.rows() == [{"name": "tile.png", "class": "", "score": 0.0}]
    assert found.to_geojson()["features"] == []
    assert found.plot().size[0] > 100


def test_every_format_holds_the_same_cells(tmp_path):
    points = spread(20, GREY.size, 8)
    found = answer(points)

    for suffix in ("csv", "json", "geojson"):
        found.save(tmp_path / f"cells.{suffix}")

    with (tmp_path / "cells.csv").open() as file:
        table = [(CLASSES.index(r["class"]), float(r["x_px"]), float(r["y_px"])) for r in csv.DictReader(file)]
    plain = json.loads((tmp_path / "cells.json").read_text())
    features = json.loads((tmp_path / "cells.geojson").read_text())["features"]
    named = [CLASSES.index(f["properties"]["classification"]["name"]) for f in features]
    corner = np.array([f["geometry"]["coordinates"] for f in features])
    np.testing.assert_allclose(table, points, rtol=1e-6)
    np.testing.assert_allclose([[p["x_px"], p["y_px"]] for p in plain["points"]], points[:, 1:])
    np.testing.assert_allclose(np.column_stack([named, corner - 0.5]), points)  # QuPath counts from the corner
    assert plain["counts"] == found.counts and plain["index"]["name"] == "Ki-67 index"


# --- scores ----------------------------------------------------------------------------------------------------------


def test_order_of_the_predictions_changes_nothing():
    true, rng = spread(40, GREY.size, 5), np.random.default_rng(1)
    found = true[:30] + np.column_stack([np.zeros(30), rng.uniform(-6, 6, (30, 2))])
    shuffled = found[rng.permutation(30)]

    rows = [score_points_of(answer(points), sample(true)) for points in (found, shuffled)]

    assert summarise_points(rows[:1], CLASSES) == summarise_points(rows[1:], CLASSES)


def test_perfect_points_have_f1_one_and_no_error():
    true = spread(30, GREY.size, 6)

    scores = summarise_points([score_points_of(answer(true), sample(true))], CLASSES)

    assert scores["f1"] == scores["f1_5px"] == scores["best_f1"] == 1
    assert scores["count_error"] == scores["index_error"] == 0


def test_a_class_without_cells_and_predictions_does_not_count():
    true = np.array([[0, 10.0, 10.0], [0, 40.0, 10.0]])

    none = summarise_points([score_points_of(answer(true), sample(true))], CLASSES)
    wrong = np.vstack([true, [[1, 70.0, 60.0]]])
    some = summarise_points([score_points_of(answer(wrong), sample(true))], CLASSES)

    assert math.isnan(none["f1_positive"]) and none["f1"] == 1
    assert some["f1_positive"] == 0 and some["f1"] == 0.5


def test_counts_are_pooled_before_they_are_rated():
    one, many = np.array([[0, 10.0, 10.0]]), np.array([[0, x, 10.0] for x in (10.0, 40.0, 70.0)])
    none = answer(np.zeros((0, 3)))
    rows = [score_points_of(answer(one), sample(one)), score_points_of(none, sample(many, "b"))]

    assert summarise_points(rows, CLASSES)["recall_negative"] == 0.25


def test_threshold_is_where_f1_is_largest():
    true = spread(20, GREY.size, 8)
    rows = np.column_stack([true, np.full(len(true), 0.6)])
    false = np.column_stack([np.zeros(9), np.linspace(2, 90, 9), np.full(9, 79.0), np.full(9, 0.3)])
    found = Points(GREY, CLASSES, np.vstack([rows, false]), 0.05)

    chosen = best_threshold([score_points_of(found, sample(true))])["threshold"]

    assert 0.3 < chosen <= 0.6
    assert best_threshold([]) == {}


def test_an_unknown_class_is_refused():
    with pytest.raises(DataError, match=r"expected 0\.\.1"):
        score_points_of(answer(np.zeros((0, 3))), sample(np.array([[2, 5.0, 5.0]])))


# --- the trivial finder ----------------------------------------------------------------------------------------------


def test_stains_are_separated():
    unit = np.array([[0.65, 0.70, 0.29], [0.27, 0.57, 0.78]])
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    colours = 256 * 10.0 ** -(np.array([[0.8, 0.0], [0.0, 0.5]]) @ unit) - 1

    found = stain_densities(Image(colours.T.reshape(3, 1, 2).astype(np.float32)))

    np.testing.assert_allclose(found[:, 0, :].T, [[0.8, 0], [0, 0.5]], atol=1e-3)


def test_trivial_finder_finds_stained_cells():
    tiles = [draw_tile((128, 160), 2, 3, 20, np.random.default_rng(seed)) for seed in range(4)]

    find, least = fit_stain_finder(tiles[:3], 2, 6.0)

    found = Points(tiles[3].image, CLASSES, find(tiles[3].image), least)
    assert summarise_points([score_points_of(found, tiles[3])], CLASSES)["f1"] > 0.8


def test_a_tile_of_one_colour_has_no_stained_cell():
    find, _ = fit_stain_finder([draw_tile((96, 96), 2, 3, 8, np.random.default_rng(0))], 2, 6.0)

    assert len(find(GREY)) == 0
