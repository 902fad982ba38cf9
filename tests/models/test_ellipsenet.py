"""EllipseNet without its network: targets, decoding, measurements, scores, augmentation, baseline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.common.ellipses import geometry
from zoo.common.ellipses.algorithm import white_level
from zoo.common.ellipses.biometry import cardiac_axis_deg, measure
from zoo.common.ellipses.fetal_simulator import draw_head, draw_heart_view
from zoo.common.errors import DataError, InputError
from zoo.common.peaks import draw_gaussian, gaussian_radius
from zoo.common.types import Image, Sample
from zoo.models.ellipsenet.algorithm import EllipseNet
from zoo.models.ellipsenet.config import VARIANTS, Config
from zoo.models.ellipsenet.targets import decode, encode

HEAD = replace(VARIANTS["tiny"], classes=("head",), preset="fetal_head", input_size=(128, 192))
HEART = replace(HEAD, classes=("thorax", "heart"), preset="fetal_heart")
OFFICIAL = replace(HEART, heads="official")

unit = st.floats(0, 1)
places = st.tuples(unit, unit, unit, unit, unit)


def ellipse(u: tuple[float, ...], label: int = 0) -> np.ndarray:
    """Turn five numbers in 0..1 into an ellipse that fits a picture of 128 x 192."""
    return np.array([label, 5 + 180 * u[0], 5 + 115 * u[1], 20 + 60 * u[2], 5 + 14 * u[3], 3.1 * u[4] - 1.55])


def perfect(target: dict[str, np.ndarray], config: Config) -> dict[str, np.ndarray]:
    """Build the outputs of a network that answers the target."""
    k, h, w = target["hm"].shape
    maps = {name: np.zeros((count, h * w), np.float32) for name, count in config.outputs.items()}
    maps["hm"] = (20 * target["hm"] - 10).reshape(k, -1)
    for name in set(maps) - {"hm", "sincos"}:
        truth = target[name.removeprefix("ratio_")].reshape(k, -1)
        for c in range(k):
            first = 0 if config.heads == "official" else c * truth.shape[1]
            maps[name][first : first + truth.shape[1], target["index"][c]] = truth[c]
    return {name: values.reshape(-1, h, w) for name, values in maps.items()}


@pytest.mark.parametrize(
    ("box", "radius"),
    [
        ((1, 1), 0.2733),
        ((2, 2), 0.5466),
        ((4, 4), 1.0933),
        ((10, 10), 2.7332),
        ((12, 20), 4.1209),
        ((32, 32), 8.7462),
        ((60, 40), 13.1625),
        ((100, 80), 24.3197),
    ],
)
def test_radius_is_the_published_one(box: tuple[int, int], radius: float) -> None:
    assert gaussian_radius(*box) == pytest.approx(radius, abs=1e-4)


def test_gaussian_of_radius_two_and_its_edges() -> None:
    heat_map = np.zeros((7, 7), np.float32)

    draw_gaussian(heat_map, (3, 3), 2)

    np.testing.assert_allclose(heat_map[3], [0, 0.056135, 0.486752, 1, 0.486752, 0.056135, 0], atol=1e-6)
    assert not heat_map[0].any()


def test_gaussian_is_cut_at_the_rim_of_the_map() -> None:
    heat_map = np.zeros((4, 4), np.float32)

    draw_gaussian(heat_map, (0, 3), 1)

    np.testing.assert_allclose(heat_map[2:, :2], [[0.135335, 0.018316], [1, 0.135335]], atol=1e-6)
    assert heat_map.sum() == pytest.approx(1 + 2 * 0.135335 + 0.018316, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(places, places)
def test_decode_inverts_encode(thorax: tuple[float, ...], heart: tuple[float, ...]) -> None:
    truth = np.stack([ellipse(thorax), ellipse(heart, 1)])

    rows, scores = decode(perfect(encode(truth, HEART), HEART), HEART)

    np.testing.assert_allclose(rows[:, :5], truth[:, :5], atol=1e-3)
    np.testing.assert_allclose(np.tan(rows[:, 5] - truth[:, 5]), 0, atol=1e-4)  # an axis has no direction
    assert (scores > 0.99).all()


def test_decode_inverts_encode_in_the_published_layout() -> None:
    truth = np.array([[0, 60.3, 40.9, 50, 30, 1.5], [1, 90.2, 80.1, 20, 12, -1.2]])

    rows, _ = decode(perfect(encode(truth, OFFICIAL), OFFICIAL), OFFICIAL)

    np.testing.assert_allclose(rows, truth, atol=1e-3)


def test_centre_outside_the_picture_is_still_exact() -> None:
    truth = np.array([[0, -6.5, 130.0, 50, 30, 0.3]])

    rows, _ = decode(perfect(encode(truth, HEAD), HEAD), HEAD)

    np.testing.assert_allclose(rows, truth, atol=1e-3)


def test_absent_class_is_masked() -> None:
    target = encode(np.array([[1, 60, 40, 20, 12, 0]]), HEART)

    np.testing.assert_array_equal(target["mask"], [0, 1])
    assert not target["hm"][0].any()


def test_class_beyond_the_configured_ones_is_refused() -> None:
    sample = Sample(Image(np.zeros((1, 50, 60), np.float32)), {"ellipses": np.array([[1, 5, 5, 3, 2, 0]])})

    with pytest.raises(DataError, match="head"):
        EllipseNet(HEAD).targets(sample)


@pytest.mark.parametrize("size", [(128, 192), (270, 400), (600, 300), (77, 91)])
def test_answer_is_in_the_frame_of_the_picture(size: tuple[int, int]) -> None:
    algorithm = EllipseNet(HEAD)
    sample = draw_head(size, np.random.default_rng(0))

    found = algorithm.postprocess(perfect(algorithm.targets(sample), HEAD), sample.image)

    assert algorithm.score(found, sample).row["dice"] == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(found.ellipses, sample.labels["ellipses"], atol=1e-2)


def test_flipped_picture_gives_the_mirrored_ellipse() -> None:
    algorithm = EllipseNet(HEAD)
    sample = draw_head((128, 192), np.random.default_rng(1))
    outputs = perfect(algorithm.targets(sample), HEAD)
    flipped = geometry.flip_x(sample.labels["ellipses"], 192)
    target = encode(flipped, HEAD)

    mirrored, _ = decode(perfect(target, HEAD), HEAD)

    straight, _ = decode(outputs, HEAD)
    np.testing.assert_allclose(mirrored[0, 1:5], [191 - straight[0, 1], *straight[0, 2:5]], atol=1e-3)
    assert np.tan(mirrored[0, 5] + straight[0, 5]) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_augmentation_moves_picture_and_ellipse_alike(seed: int) -> None:
    """Draw the filled ellipse as the picture: after the change its bright part is the changed ellipse."""
    row = np.array([0, 190.0, 140.0, 80, 55, 0.5])
    picture = geometry.fill(row, (270, 400)).astype(np.float32)[None] * 200
    sample = Sample(Image(picture, (0.2, 0.2)), {"ellipses": row[None]})

    changed = EllipseNet(HEAD).augment(sample, np.random.default_rng(seed))

    bright = changed.image.array[0] > changed.image.array.max() / 2
    (moved,) = changed.labels["ellipses"]
    expected = geometry.fill(moved, (128, 192))
    assert changed.image.size == (128, 192)
    assert 2 * (bright & expected).sum() / (bright.sum() + expected.sum()) > 0.985  # pixels on the rim differ
    middle = geometry.fit_moments(bright)[1:3]  # averages the rim: shows a shift of a fraction of a pixel
    np.testing.assert_allclose(middle, moved[1:3], atol=0.15)
    length_mm = geometry.circumference(moved)[0] * changed.image.spacing_mm[0]
    assert length_mm == pytest.approx(geometry.circumference(row)[0] * 0.2)


def test_augmentation_repeats_with_its_seed_and_leaves_the_sample_alone() -> None:
    sample = draw_head((100, 140), np.random.default_rng(0))
    before = sample.image.array.copy()

    first, second = (EllipseNet(HEAD).augment(sample, np.random.default_rng(3)) for _ in range(2))

    np.testing.assert_array_equal(first.image.array, second.image.array)
    np.testing.assert_array_equal(sample.image.array, before)


def test_spacing_is_unknown_after_turning_pixels_that_are_not_square() -> None:
    sample = draw_head((100, 140), np.random.default_rng(0))
    oblong = Sample(replace(sample.image, spacing_mm=(0.2, 0.3)), sample.labels)

    assert EllipseNet(HEAD).augment(oblong, np.random.default_rng(0)).image.spacing_mm is None


def test_head_is_measured_in_millimetres_where_the_spacing_is_known() -> None:
    head = np.array([[0, 40, 40, 50, 30, 0.4]])

    known, unknown = measure(head, ("head",), (0.5, 0.5)), measure(head, ("head",), None)

    assert known == pytest.approx({"hc_mm": 255.269989 / 2, "bpd_mm": 30, "ofd_mm": 50})
    assert unknown == pytest.approx({"hc_px": 255.269989, "bpd_px": 60, "ofd_px": 100})


def test_head_is_measured_with_oblong_pixels() -> None:
    """A circle in millimetres is an ellipse in pixels."""
    head = np.array([[0, 40, 40, 20, 10, 0.0]])

    assert measure(head, ("head",), (1.0, 0.5))["bpd_mm"] == pytest.approx(20)
    assert measure(head, ("head",), (1.0, 0.5))["hc_mm"] == pytest.approx(62.831853)


def test_heart_ratios() -> None:
    rows = np.array([[0, 50, 50, 40, 30, 0.0], [1, 55, 50, 20, 12, np.pi / 4]])

    found = measure(rows, ("thorax", "heart"), None)

    assert found["ctr"] == pytest.approx(0.4)
    assert found["area_ratio"] == pytest.approx(0.2)
    assert found["cardiac_axis_deg"] == pytest.approx(45)


@pytest.mark.parametrize(("ap", "expected"), [("minor", 60), ("major", 30)])
def test_cardiac_axis_counts_from_the_chosen_axis(ap: str, expected: float) -> None:
    thorax, heart = np.array([0, 0, 0, 40, 30, 0.0]), np.array([1, 0, 0, 20, 10, np.radians(30)])

    assert cardiac_axis_deg(heart, thorax, ap) == pytest.approx(expected)


def test_cardiac_axis_has_a_sign_once_the_spine_is_known() -> None:
    thorax, heart = np.array([0, 0, 0, 30, 30, 0.0]), np.array([1, 0, 0, 20, 10, np.radians(45)])

    assert cardiac_axis_deg(heart, thorax, spine=(-30, 0)) == pytest.approx(45)
    assert cardiac_axis_deg(heart, thorax, spine=(0, -30)) == pytest.approx(-45)


def test_round_thorax_has_no_cardiac_axis() -> None:
    rows = np.array([[0, 50, 50, 30, 30, 0.0], [1, 55, 50, 20, 12, 0.3]])

    assert "cardiac_axis_deg" not in measure(rows, ("thorax", "heart"), None)


def test_missing_ellipse_scores_zero_and_is_counted() -> None:
    algorithm = EllipseNet(HEART)
    sample = draw_heart_view((128, 192), np.random.default_rng(0))
    thorax_only = algorithm.answer(sample.labels["ellipses"][:1], np.ones(1), sample.image)

    case = algorithm.score(thorax_only, sample)

    row = case.row
    assert (row["dice_thorax"], row["dice_heart"]) == (pytest.approx(1), 0)
    assert (row["dice"], row["missed"]) == (pytest.approx(0.5), 1)
    assert (row["angle_error_heart_deg"], row["ctr_precision"]) == (90, 0)
    assert algorithm.summarise([case, case])["missed"] == 2
    assert algorithm.summarise([case, case])["dice"] == pytest.approx(0.5)


def test_head_scores_are_signed_and_absolute_errors_in_millimetres() -> None:
    algorithm = EllipseNet(HEAD)
    image = Image(np.zeros((1, 128, 192), np.float32), (0.5, 0.5))
    sample = Sample(image, {"ellipses": np.array([[0, 90, 60, 50, 30, 0.4]])})
    smaller = algorithm.answer(np.array([[0, 90, 60, 40, 24, 0.4]]), np.ones(1), image)

    row = algorithm.score(smaller, sample).row

    assert row["hc_difference_mm"] == pytest.approx(-0.2 * 255.269989 / 2)
    assert row["hc_error_mm"] == pytest.approx(0.2 * 255.269989 / 2)
    assert row["dice"] == pytest.approx(2 * 0.64 / 1.64)


def test_baseline_answers_the_median_and_the_mean_ratio() -> None:
    samples = [draw_heart_view((100, 140), np.random.default_rng(seed)) for seed in range(15)]
    algorithm = EllipseNet(HEART)
    ratios = [s.labels["ellipses"][1, 4] / s.labels["ellipses"][0, 4] for s in samples]

    found = algorithm.baseline(samples)(Image(np.zeros((1, 200, 280), np.float32)))

    assert found.measurements["ctr"] == pytest.approx(np.mean(ratios))
    median = np.median([s.labels["ellipses"][0, 1] for s in samples])
    assert found.ellipses[0, 1] == pytest.approx(2 * median)  # in parts of the picture's width


def test_baseline_without_samples_is_refused() -> None:
    with pytest.raises(DataError, match="at least one"):
        EllipseNet(HEAD).baseline([])


def test_volume_is_refused() -> None:
    with pytest.raises(InputError, match="picture"):
        EllipseNet(HEAD).preprocess(Image(np.zeros((1, 4, 50, 60), np.float32)))


def test_brightness_scale_of_the_file_does_not_matter() -> None:
    sample = draw_head((128, 192), np.random.default_rng(0))
    algorithm = EllipseNet(HEAD)
    scaled = replace(sample.image, array=sample.image.array / 255)

    np.testing.assert_allclose(
        algorithm.preprocess(scaled)["image"], algorithm.preprocess(sample.image)["image"], atol=1e-5
    )
    assert white_level(np.array([0, 40.0])) == 255
    assert white_level(np.array([0, 4000.0])) == 4000


@pytest.mark.parametrize("draw", [draw_head, draw_heart_view])
@pytest.mark.parametrize("seed", range(5))
def test_simulated_views_are_plausible(draw: type, seed: int) -> None:
    sample = draw((160, 240), np.random.default_rng(seed))

    picture, rows = sample.image.array, sample.labels["ellipses"]
    assert picture.dtype == np.float32
    assert picture.min() == 0
    assert 150 < picture.max() <= 255
    inside = rows[:, 1:3] - geometry.extents(rows), rows[:, 1:3] + geometry.extents(rows)
    assert (inside[0] > -24).all()  # the largest heads pass the rim a little, as in real frames
    assert (inside[1] < (264, 184)).all()
    if len(rows) == 2:
        assert geometry.intersection_area(rows[0], rows[1]) > 0.98 * geometry.area(rows[1])[0]
