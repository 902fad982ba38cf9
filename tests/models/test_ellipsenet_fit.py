"""EllipseNet-Fit without its network: targets, fits, answers in the picture's frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zoo.common.ellipses import geometry
from zoo.common.errors import ConfigError
from zoo.common.metrics.ellipses import ellipse_dice
from zoo.common.types import Image, Sample
from zoo.models.ellipsenet_fit.algorithm import EllipseNetFit
from zoo.models.ellipsenet_fit.config import VARIANTS
from zoo.models.ellipsenet_fit.fitting import FITS, fit_contour, fit_moments, fit_ransac, largest_part, outline
from zoo.models.ellipsenet_fit.prediction import FittedEllipses

HEART = VARIANTS["tiny"]
HEAD = replace(HEART, classes=("head",), preset="fetal_head", input_size=(128, 192))

# analytic ellipses (cx, cy, a, b, degrees) and what filled masks of them give by moments, as measured by others
KNOWN = [
    ((100, 80, 50, 30, 25), (49.916, 30.049, 24.97)),
    ((60, 60, 20, 12, -60), (20.147, 11.946, -59.65)),
    ((128, 128, 100, 75, 0), (99.958, 74.962, 0.0)),
]


def ellipse(cx: float, cy: float, a: float, b: float, degrees: float, label: int = 0) -> np.ndarray:
    """Build a row."""
    return np.array([label, cx, cy, a, b, np.radians(degrees)])


def perfect(mask: np.ndarray, maps: int) -> dict[str, np.ndarray]:
    """Build the outputs of a network that answers the target."""
    return {"logits": np.stack([np.where(mask == k, 20.0, -20.0) for k in range(maps)]).astype(np.float32)}


@pytest.mark.parametrize(("truth", "expected"), KNOWN)
def test_moments_give_the_known_answers(truth: tuple[float, ...], expected: tuple[float, ...]) -> None:
    row = fit_moments(geometry.fill(ellipse(*truth), (260, 260)))

    assert row[3:5] == pytest.approx(expected[:2], abs=0.2)
    assert np.degrees(row[5]) == pytest.approx(expected[2], abs=0.5)


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("truth", [truth for truth, _ in KNOWN])
def test_every_fit_finds_a_whole_ellipse(name: str, truth: tuple[float, ...]) -> None:
    row = FITS[name](geometry.fill(ellipse(*truth), (260, 260)), 3)

    assert row[0] == 3
    np.testing.assert_allclose(row[1:3], truth[:2], atol=0.3)
    np.testing.assert_allclose(row[3:5], truth[2:4], atol=0.5)


def test_outline_fits_see_through_a_cut_by_the_rim_and_moments_do_not() -> None:
    truth = ellipse(60, 30, 50, 40, 10)
    mask = geometry.fill(truth, (120, 130))  # 10 px of its top are missing

    assert ellipse_dice(fit_contour(mask), truth) > 0.99
    assert ellipse_dice(fit_ransac(mask), truth) > 0.99
    assert ellipse_dice(fit_moments(mask), truth) < 0.98


def test_ransac_sees_through_a_bite_and_the_others_do_not() -> None:
    truth = ellipse(80, 70, 55, 42, -20)
    mask = geometry.fill(truth, (140, 160)) & ~geometry.fill(ellipse(120, 55, 28, 28, 0), (140, 160))

    assert ellipse_dice(fit_ransac(mask), truth) > 0.985
    assert ellipse_dice(fit_contour(mask), truth) < 0.97
    assert ellipse_dice(fit_moments(mask), truth) < 0.97


def test_ransac_gives_one_answer_to_one_mask() -> None:
    mask = geometry.fill(ellipse(40, 40, 25, 15, 30), (80, 80))

    np.testing.assert_array_equal(fit_ransac(mask), fit_ransac(mask))


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("pixels", [0, 1, 3])
def test_masks_too_small_for_an_ellipse_give_none_or_a_dot(name: str, pixels: int) -> None:
    mask = np.zeros((10, 10), bool)
    mask[5, 2 : 2 + pixels] = True

    row = FITS[name](mask, 0)

    assert not np.isfinite(row[1:]).all() or (row[3:5] < 3).all()


def test_largest_part_is_kept_and_its_holes_are_filled() -> None:
    mask = np.zeros((8, 12), bool)
    mask[1:6, 1:6] = True
    mask[3, 3] = False
    mask[1:4, 9:11] = True

    expected = np.zeros((8, 12), bool)
    expected[1:6, 1:6] = True
    np.testing.assert_array_equal(largest_part(mask), expected)


def test_outline_leaves_out_the_rim_of_the_picture() -> None:
    points = outline(np.ones((5, 6), bool))

    assert len(points) == 0


@pytest.mark.parametrize("size", [(128, 192), (270, 400), (540, 800), (77, 200), (300, 100)])
def test_answer_is_in_the_frame_of_the_picture(size: tuple[int, int]) -> None:
    algorithm = EllipseNetFit(HEAD)
    h, w = size
    truth = ellipse(0.52 * w, 0.45 * h, 0.3 * min(size), 0.22 * min(size), 35)
    sample = Sample(Image(np.zeros((1, *size), np.float32), (0.2, 0.2)), {"ellipses": truth[None]})

    answer = algorithm.postprocess(perfect(algorithm.targets(sample)["mask"], 2), sample.image)

    assert isinstance(answer, FittedEllipses)
    assert answer.labels.shape == size
    assert ellipse_dice(answer.ellipses[0], truth) > 0.98
    assert answer.scores[0] > 0.95
    assert answer.measurements["ofd_mm"] == pytest.approx(2 * truth[3] * 0.2, rel=0.03)


def test_heart_lies_over_the_thorax_and_the_thorax_has_no_hole() -> None:
    algorithm = EllipseNetFit(replace(HEART, input_size=(128, 128)))
    rows = np.stack([ellipse(60, 62, 50, 40, 5, label=0), ellipse(55, 66, 20, 14, 40, label=1)])
    sample = Sample(Image(np.zeros((1, 128, 128), np.float32)), {"ellipses": rows[::-1]})
    mask = algorithm.targets(sample)["mask"]

    answer = algorithm.postprocess(perfect(mask, 3), sample.image)

    assert mask[66, 55] == 2
    assert [ellipse_dice(found, true) > 0.97 for found, true in zip(answer.ellipses, rows, strict=True)] == [True] * 2
    assert answer.measurements["ctr"] == pytest.approx(14 / 40, rel=0.05)


def test_empty_mask_gives_no_ellipse() -> None:
    algorithm = EllipseNetFit(HEAD)
    image = Image(np.zeros((1, 90, 120), np.float32))

    answer = algorithm.postprocess(perfect(np.zeros((128, 192), int), 2), image)

    assert answer.ellipses.shape == (0, 6)
    assert answer.to_dict()["ellipses"] == []


def test_mask_can_be_taken_and_saved_as_a_segmentation(tmp_path: object) -> None:
    algorithm = EllipseNetFit(HEAD)
    sample = algorithm.example(HEAD, np.random.default_rng(0))
    answer = algorithm.postprocess(perfect(algorithm.targets(sample)["mask"], 2), sample.image)

    segmentation = answer.segmentation

    assert segmentation.classes == ("background", "head")
    assert segmentation.measurements["head_mm2"] == pytest.approx((answer.labels == 1).sum() * 0.25**2)


@pytest.mark.parametrize("changes", [{"fit": "hough"}, {"input_size": (102, 128)}])
def test_impossible_options_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="expected"):
        EllipseNetFit(replace(HEAD, **changes))
