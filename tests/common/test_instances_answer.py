"""The answer of an instance segmentation: measures by hand, files that other programs read back, outlines."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image as Pillow
from pycocotools import mask as coco_masks
from skimage.draw import polygon2mask

from zoo.common.answers.instances import Instances, of_one_kind
from zoo.common.errors import ConfigError, DataError, InputError
from zoo.common.instances.example import draw_nuclei
from zoo.common.instances.measures import renumber
from zoo.common.instances.outlines import polygons_of
from zoo.common.instances.rle import all_runs, decode_runs, encode_runs, mask_of
from zoo.common.plotting.instances import OUTLINES, colour_neighbours, neighbours
from zoo.common.types import Image

MAPS = arrays(np.int32, (7, 6), elements=st.integers(0, 4))


def answer(instances: np.ndarray, spacing: tuple[float, float] | None = None) -> Instances:
    image = Image(np.full((1, *instances.shape), 100, np.float32), spacing, name="field.png")
    return of_one_kind(image, ("nucleus",), instances)


def squares(*places: tuple[int, int, int, int], size: tuple[int, int] = (40, 50)) -> np.ndarray:
    """Draw rectangles (y, x, height, width), numbered 1, 2, ..."""
    drawn = np.zeros(size, np.int32)
    for number, (y, x, h, w) in enumerate(places, start=1):
        drawn[y : y + h, x : x + w] = number
    return drawn


def test_a_square_has_the_measures_that_a_ruler_gives() -> None:
    found = answer(squares((4, 10, 10, 10)), spacing=(0.0005, 0.0005))
    (row,) = found.rows()

    assert row["x_px"] == 14.5 and row["y_px"] == 8.5
    assert row["area_px"] == 100 and row["area_um2"] == pytest.approx(25)
    assert row["equivalent_diameter_um"] == pytest.approx(np.sqrt(4 * 25 / np.pi))
    assert row["eccentricity"] == pytest.approx(0, abs=1e-6) and row["solidity"] == pytest.approx(1)
    assert row["perimeter_px"] == pytest.approx(36) and row["perimeter_um"] == pytest.approx(18)
    assert [row[f"{side}_px"] for side in ("x1", "y1", "x2", "y2")] == [10, 4, 20, 14]
    assert row["x_mm"] == pytest.approx(14.5 * 0.0005)
    assert found.per_mm2 == pytest.approx(1 / (40 * 50 * 0.0005**2))


def test_shapes_are_those_of_the_object_and_not_of_its_pixels() -> None:
    found = answer(squares((4, 10, 10, 20)), spacing=(0.002, 0.001))  # as high as wide, in millimetres

    assert found.rows()[0]["eccentricity"] == pytest.approx(0, abs=0.1)
    assert found.rows()[0]["y_px"] == pytest.approx(8.5)
    assert found.rows()[0]["area_um2"] == pytest.approx(400.0)
    assert "perimeter_um" not in found.rows()[0]


def test_objects_of_one_pixel_one_over_all_and_none_are_measured_and_saved(tmp_path) -> None:
    for instances in (squares((3, 3, 1, 1)), np.ones((40, 50), np.int32), squares()):
        found = answer(instances, spacing=(0.001, 0.001))

        assert all(np.isfinite(v) for row in found.rows() for v in row.values() if isinstance(v, float))
        for suffix in (".png", ".tif", ".npy", ".npz", ".geojson", ".csv", ".json"):
            assert found.save(tmp_path / f"x{suffix}").stat().st_size
        found.draw(tmp_path / "overlay.png")
        assert len(found) == len(np.unique(instances[instances > 0]))
    assert str(answer(squares())) == "field.png: nothing found"


@settings(max_examples=40, deadline=None)
@given(MAPS)
def test_any_numbers_become_one_to_n_in_their_order(instances: np.ndarray) -> None:
    expected = renumber(instances)

    for spread in (instances * 7, instances.astype(np.uint16), instances.astype(np.int64) * 2**40):
        np.testing.assert_array_equal(renumber(spread), expected)
    assert set(np.unique(expected[expected > 0])) == set(range(1, len(np.unique(instances[instances > 0])) + 1))


def test_a_map_that_names_more_objects_than_there_are_is_refused() -> None:
    image = Image(np.zeros((1, 4, 4), np.float32))
    with pytest.raises(InputError, match="one of each per object"):
        Instances(image, ("nucleus",), np.full((4, 4), 3, np.int32), np.zeros(1, np.int64), np.ones(1))


def test_maps_come_back_from_their_files(tmp_path) -> None:
    found = answer(draw_nuclei((64, 80), 3, np.random.default_rng(0)).labels["instances"])

    with Pillow.open(found.save(tmp_path / "map")) as picture:  # the name has no suffix
        assert picture.mode.startswith("I;16")
        np.testing.assert_array_equal(np.array(picture), found.instances)
    np.testing.assert_array_equal(tifffile.imread(found.save(tmp_path / "map.tif")), found.instances)
    np.testing.assert_array_equal(np.load(found.save(tmp_path / "map.npy")), found.instances)
    with np.load(found.save(tmp_path / "map.npz")) as arrays_:
        assert set(arrays_) == {"instances", "kinds", "scores", "boxes"}
    with found.save(tmp_path / "map.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(found)


def test_a_png_refuses_more_objects_than_it_can_count(tmp_path) -> None:
    found = answer(np.arange(260 * 260, dtype=np.int32).reshape(260, 260))

    with pytest.raises(ConfigError, match=r"\.tif"):
        found.save(tmp_path / "map.png")
    assert found.suffix == ".tif"
    assert tifffile.imread(found.save(tmp_path / "map")).max() == 260 * 260 - 1


@settings(max_examples=60, deadline=None)
@given(MAPS)
def test_run_lengths_are_those_of_pycocotools(instances: np.ndarray) -> None:
    numbered = renumber(instances)
    for number, runs in enumerate(all_runs(numbered, int(numbered.max())), start=1):
        mask = numbered == number
        expected = coco_masks.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()

        assert encode_runs(runs) == expected
        np.testing.assert_array_equal(decode_runs(expected), runs)
        np.testing.assert_array_equal(mask_of(runs, mask.shape, "here"), mask)


def test_broken_run_lengths_are_named() -> None:
    for text in ("\x7f", "o"):
        with pytest.raises(DataError, match="COCO"):
            decode_runs(text)
    with pytest.raises(DataError, match="3 x 3"):
        mask_of(np.array([4, 4]), (3, 3), "annotation 7")


def test_coco_files_hold_boxes_areas_and_masks(tmp_path) -> None:
    found = answer(draw_nuclei((64, 80), 3, np.random.default_rng(1)).labels["instances"])

    data = json.loads(found.save(tmp_path / "x.json").read_text())

    assert data["categories"] == [{"id": 1, "name": "nucleus"}]
    for entry in data["annotations"]:
        runs = {"size": entry["segmentation"]["size"], "counts": entry["segmentation"]["counts"].encode()}
        np.testing.assert_array_equal(coco_masks.decode(runs), found.instances == entry["id"])
        assert entry["bbox"] == coco_masks.toBbox(runs).tolist() and entry["area"] == coco_masks.area(runs)


@settings(max_examples=60, deadline=None)
@given(MAPS)
def test_outlines_enclose_the_very_pixels(instances: np.ndarray) -> None:
    numbered = renumber(instances)
    for number, polygons in enumerate(polygons_of(numbered, int(numbered.max())), start=1):
        drawn = np.zeros(numbered.shape, int)
        for rings in polygons:
            for ring in rings:
                assert ring[0] == ring[-1] and len(set(ring)) == len(ring) - 1 >= 4  # closed, crosses itself nowhere
                inside = polygon2mask(numbered.shape, np.array(ring)[:, ::-1] - 0.5)
                drawn += inside if ring is rings[0] else -inside.astype(int)
        np.testing.assert_array_equal(drawn, numbered == number)


def test_outlines_have_holes_and_parts() -> None:
    ring = squares((2, 2, 8, 8))
    ring[4:6, 4:6] = 0
    ring[20:24, 20:24] = 1

    data = answer(ring).to_geojson()

    (feature,) = data["features"]
    assert feature["geometry"]["type"] == "MultiPolygon"
    assert [len(polygon) for polygon in feature["geometry"]["coordinates"]] == [2, 1]
    assert feature["properties"]["objectType"] == "detection"
    assert feature["properties"]["classification"]["name"] == "nucleus"
    assert feature["properties"]["measurements"]["area_px"] == 76


def test_neighbours_differ_in_colour_in_a_crowd() -> None:
    size = 90
    rows, columns = np.mgrid[:size, :size]
    crowd = renumber((rows // 6) * 100 + (columns + (rows // 6 % 2) * 3) // 6 + 1)  # bricks, each with six neighbours

    colours = colour_neighbours(crowd, int(crowd.max()))

    pairs = neighbours(crowd)
    assert len(pairs) > 500
    assert (colours[pairs[:, 0] - 1] % len(OUTLINES) != colours[pairs[:, 1] - 1] % len(OUTLINES)).all()


def test_a_score_is_the_mean_probability_inside() -> None:
    instances = squares((0, 0, 2, 2), (10, 10, 2, 2))
    probability = np.where(instances == 1, 0.5, 0.75)

    found = of_one_kind(Image(np.zeros((1, 40, 50), np.float32)), ("nucleus",), instances, probability)

    assert found.scores.tolist() == [0.5, 0.75]
