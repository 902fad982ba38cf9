"""Localisations: regions of a map, what is saved and drawn, scores pooled over images, the trivial map."""

import json

import numpy as np
import pytest
from PIL import Image as Pillow

from zoo.common.answers.localisation import Localisation, regions_of_map
from zoo.common.errors import ConfigError
from zoo.common.localisation.scores import bright_map, score_map, summarise_maps
from zoo.common.metrics.bootstrap import bootstrap_interval
from zoo.common.metrics.localisation import box_from_map, pixel_pr_auc
from zoo.common.types import Image, Sample

CLASSES = ("normal", "covid")


def two_bumps(size=224):
    """Add two Gaussians: (x 60, y 100, sigma 15, height 1) and (x 170, y 60, sigma 8, height 0.6)."""
    y, x = np.mgrid[:size, :size]
    first = np.exp(-((x - 60) ** 2 + (y - 100) ** 2) / (2 * 15**2))
    return first + 0.6 * np.exp(-((x - 170) ** 2 + (y - 60) ** 2) / (2 * 8**2))


def answer(heat_map, image=None, threshold=0.5):
    """Make a localisation of a map."""
    mask, boxes, scores = regions_of_map(heat_map, threshold)
    image = image or Image(np.full((1, *heat_map.shape), 90, np.float32), name="slice.png")
    return Localisation(image, CLASSES, np.array([0.2, 0.8]), heat_map, "covid", boxes, scores, mask)


@pytest.mark.parametrize(
    ("threshold", "box"), [(0.1, [28, 68, 93, 133]), (0.2, [34, 74, 87, 127]), (0.5, [43, 83, 78, 118])]
)
def test_largest_region_of_two_bumps_is_the_published_box(threshold, box):
    _, boxes, _ = regions_of_map(two_bumps(), threshold, largest_only=True)

    assert boxes.tolist() == [box]
    assert box_from_map(two_bumps(), threshold).tolist() == [box]


def test_all_regions_are_boxed_the_highest_first():
    mask, boxes, scores = regions_of_map(two_bumps(), 0.5)

    assert scores.tolist() == pytest.approx([1, 0.6], abs=0.01)
    assert boxes[1, 0] < 170 < boxes[1, 2] and boxes[1, 1] < 60 < boxes[1, 3]
    assert mask[100, 60] and mask[60, 170] and not mask[0, 0]


def test_small_regions_are_dropped_from_boxes_and_mask():
    mask, boxes, _ = regions_of_map(two_bumps(), 0.5, smallest_px=200)

    assert len(boxes) == 1 and not mask[60, 170]


def test_a_map_of_zeros_has_no_region():
    mask, boxes, scores = regions_of_map(np.zeros((8, 8)), 0.3)

    assert not mask.any() and boxes.shape == (0, 4) and scores.shape == (0,)


def test_dictionary_and_rows_are_plain():
    prediction = answer(two_bumps())

    plain = json.loads(json.dumps(prediction.to_dict()))
    assert plain["label"] == "covid" and plain["shown"] == "covid" and len(plain["boxes"]) == 2
    assert plain["mask_share"] == pytest.approx(prediction.mask.mean())
    assert [row["score"] for row in prediction.rows()] == pytest.approx([1, 0.6], abs=0.01)
    assert str(prediction) == "slice.png: covid 80 %, 2 regions of covid"
    assert len(answer(np.zeros((8, 8))).rows()) == 1


def test_saved_mask_map_and_table_hold_the_prediction(tmp_path):
    prediction = answer(two_bumps())

    mask = np.asarray(Pillow.open(prediction.save(tmp_path / "slice")))
    heat_map = np.load(prediction.save(tmp_path / "map.npy"))
    table = prediction.save(tmp_path / "boxes.csv").read_text()
    np.testing.assert_array_equal(mask > 0, prediction.mask)
    np.testing.assert_allclose(heat_map, prediction.heat_map, atol=1e-6)
    assert table.startswith("name,label,probability,p_normal,p_covid,shown,x1_px") and table.count("\n") == 3
    with pytest.raises(ConfigError, match="suffix"):
        prediction.save(tmp_path / "slice.xyz")


def test_figure_shows_the_map_and_the_boxes():
    picture = np.asarray(answer(two_bumps()).plot().convert("RGB"))
    without = np.asarray(answer(np.zeros((224, 224))).plot().convert("RGB"))

    assert picture.shape == without.shape
    assert (picture != without).any(-1).mean() > 0.01


def sample_of(mask, grey=90.0):
    image = Image(np.full((1, *mask.shape), grey, np.float32), name="slice.png")
    return Sample(image, {"label": np.array(int(mask.any())), "mask": mask})


def test_scores_are_pooled_over_the_images_with_a_finding():
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    masks = [rng.random((30, 20)) < share for share in (0.1, 0.3, 0.0)]
    maps = [np.floor(255 * (0.3 * m + 0.7 * rng.random(m.shape))) / 255 for m in masks]
    cases = [score_map({}, answer(h), sample_of(m)) for h, m in zip(maps, masks, strict=True)]

    scores = summarise_maps(cases)

    truth, values = np.concatenate([masks[0], masks[1]]).ravel(), np.concatenate([maps[0], maps[1]]).ravel()
    precision, recall, _ = sklearn.precision_recall_curve(truth, values)
    assert scores["pixel_pr_auc"] == pytest.approx(sklearn.auc(recall, precision), abs=1e-6)
    assert scores["pixel_roc_auc"] == pytest.approx(sklearn.roc_auc_score(truth, values), abs=1e-6)
    dice = [
        2 * (answer(h).mask & m).sum() / (answer(h).mask.sum() + m.sum())
        for h, m in zip(maps[:2], masks[:2], strict=True)
    ]
    assert scores["dice"] == pytest.approx(np.mean(dice))


def test_the_row_of_a_case_holds_plain_values_and_the_pixels_travel_beside_it():
    case = score_map({"name": "a"}, answer(two_bumps()), sample_of(two_bumps() > 0.5))

    assert type(case.row) is dict and {type(value) for value in case.row.values()} <= {str, float}
    assert case.evidence["levels"].sum() == 2 * two_bumps().size


def test_a_bootstrap_pools_the_pixels_of_the_drawn_cases():
    rng = np.random.default_rng(0)
    masks = [rng.random((12, 10)) < 0.3 for _ in range(5)]
    cases = [score_map({}, answer(0.4 * m + 0.6 * rng.random(m.shape)), sample_of(m)) for m in masks]

    interval = bootstrap_interval(cases, summarise_maps, list("aabbc"), np.random.default_rng(1), n=50)

    draws, again = [], np.random.default_rng(1)
    for _ in range(50):
        pairs = [([0, 1], [2, 3], [4])[i] for i in again.integers(3, size=3)]
        pooled = sum(cases[i].evidence["levels"][0] for pair in pairs for i in pair)
        draws.append(pixel_pr_auc(pooled))
    assert interval["pixel_pr_auc"] == pytest.approx(np.quantile(draws, [0.025, 0.975]))


def test_scores_within_the_lung_forgive_what_is_hot_outside():
    mask = np.zeros((20, 20), bool)
    mask[5:8, 5:8] = True
    sample = sample_of(mask)
    sample.image.array[:, :, 10:] = 0
    heat_map = np.where(mask, 0.5, 0.0)
    heat_map[:, 12:] = 1.0

    scores = summarise_maps([score_map({}, answer(heat_map), sample)])

    assert scores["pixel_pr_auc"] < 0.1 and scores["pixel_pr_auc_lung"] == 1.0


def test_without_a_true_mask_the_scores_are_undefined():
    image = Image(np.full((1, 8, 8), 90, np.float32))

    scores = summarise_maps([score_map({}, answer(np.zeros((8, 8)), image), Sample(image, {"label": np.array(1)}))])

    assert all(np.isnan(value) for value in scores.values())


def test_trivial_map_is_hottest_in_the_brightest_part_and_zero_outside_the_lung():
    array = np.zeros((1, 64, 64), np.float32)
    array[0, 10:50, 10:50] = 60
    array[0, 20:30, 30:40] = 200

    heat_map = bright_map(Image(array))

    assert 100 / 255 < heat_map.max() <= 200 / 255 and not heat_map[:10].any() and not heat_map[:, 50:].any()
    row, column = np.unravel_index(heat_map.argmax(), heat_map.shape)
    assert 20 <= row < 30 and 30 <= column < 40
