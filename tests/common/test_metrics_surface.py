"""Surface distances: known answers, hand-computed cases, invariances, peers where they agree."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zoo.common.errors import ConfigError, InputError
from zoo.common.metrics import surface, surface_area

from . import known_answers

NOTHING = np.zeros((4, 4), bool)
DOT = np.zeros((4, 4), bool)
DOT[0, 0] = True
FAR_DOT = np.zeros((4, 4), bool)
FAR_DOT[3, 0] = True
BAR = np.zeros((4, 4), bool)
BAR[0] = True
PAIRS = hnp.arrays(bool, (2, 5, 6, 4))
SPACING = (2.5, 0.8, 0.7)


def measure(name, reference, prediction, spacing):
    if "_area" in name:
        elements = surface_area.element_distances(reference, prediction, spacing)
        if name.startswith("surface_dice"):
            return surface_area.surface_dice(elements, float(name.rsplit("_", 1)[1]))
        return surface_area.hausdorff_percentile(elements, 95.0 if "95" in name else 100.0)
    d = surface.surface_distances(reference, prediction, spacing)
    if name.startswith("surface_dice"):
        return surface.surface_dice(d, float(name.rsplit("_", 1)[1]) if "tol" in name else 1.0)
    sets = surface.set_distances(reference, prediction, spacing)
    return {
        "n_border_ref": lambda: len(d.from_reference),
        "n_border_pred": lambda: len(d.from_prediction),
        "hausdorff": lambda: surface.hausdorff(d),
        "hausdorff_95": lambda: surface.hausdorff_percentile(d),
        "hausdorff_95_max_of_directed": lambda: surface.hausdorff_percentile(d),
        "hausdorff_95_pooled": lambda: surface.hausdorff_percentile(d, convention="pooled"),
        "hausdorff_95_rank": lambda: surface.hausdorff_percentile(d, convention="rank"),
        "assd": lambda: surface.assd(d),
        "assd_pooled": lambda: surface.assd(d),
        "masd_mean_of_directed_means": lambda: surface.masd(d),
        "asd_pred_to_ref": lambda: surface.directed_means(d)[0],
        "asd_ref_to_pred": lambda: surface.directed_means(d)[1],
        "hausdorff_sets": lambda: surface.hausdorff(sets),
        "average_hausdorff_sets_max": lambda: surface.average_hausdorff(sets),
        "average_hausdorff_sets_mean": lambda: surface.masd(sets),
    }[name]()


@pytest.mark.parametrize(("case", "name", "value"), known_answers.answers("surface_distance"))
def test_known_answers(case, name, value):
    got = measure(name, *known_answers.masks(case), case["params"]["spacing"])

    assert got == pytest.approx(float(value), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("case", "name", "value"), known_answers.answers("edge_cases", "recommended"))
def test_known_answers_of_empty_masks(case, name, value):
    if name not in ("hausdorff", "hausdorff_95", "assd", "surface_dice"):
        return  # test_metrics_overlap.py and test_metrics_agreement.py
    wanted = float(str(value).split()[0])

    assert measure(name, *known_answers.masks(case), None) == pytest.approx(wanted, nan_ok=True)


def test_two_dots_are_as_far_as_the_spacing_says():
    d = surface.surface_distances(DOT, FAR_DOT, (2.0, 1.0))

    assert (surface.hausdorff(d), surface.assd(d), surface.masd(d)) == (6.0, 6.0, 6.0)


def test_conventions_by_hand():
    d = surface.surface_distances(DOT, BAR)  # prediction 0, 1, 2, 3 px away; reference 0

    assert surface.hausdorff(d) == 3
    assert surface.assd(d) == pytest.approx(6 / 5)
    assert surface.masd(d) == pytest.approx(3 / 4)
    assert surface.hausdorff_percentile(d) == pytest.approx(2.85)
    assert surface.hausdorff_percentile(d, convention="pooled") == pytest.approx(2.8)
    assert surface.surface_dice(d, 1.0) == pytest.approx(3 / 5)


def test_border_of_a_full_mask_is_the_rim():
    assert surface.border(np.ones((4, 4), bool)).sum() == 12


def test_a_miss_is_infinite_or_the_stated_penalty():
    d = surface.surface_distances(DOT, NOTHING)

    assert d.is_missed
    assert surface.hausdorff_percentile(d) == surface.assd(d) == surface.hausdorff(d) == np.inf
    assert surface.hausdorff_percentile(d, missed=50.0) == 50
    assert surface.surface_dice(d, 1e9, empty=1.0) == 0


def test_two_empty_masks_get_what_the_policy_says():
    d = surface.surface_distances(NOTHING, NOTHING)

    assert np.isnan(surface.assd(d))
    assert surface.assd(d, empty=0.0) == 0
    assert surface.surface_dice(d, 1.0, empty=1.0) == 1


def test_area_of_one_voxel_is_eight_corners():
    cube = np.zeros((3, 3, 3), bool)
    cube[1, 1, 1] = True

    assert surface_area.element_distances(cube, cube).reference_area.sum() == pytest.approx(np.sqrt(3))


@settings(deadline=None, max_examples=40)
@given(PAIRS, st.permutations(range(3)))
def test_order_of_axes_does_not_matter(pair, order):
    spacing = np.array(SPACING)
    turned = [mask.transpose(order) for mask in pair]
    for name in ("hausdorff_95", "assd", "surface_dice_voxel_tol_0.8", "surface_dice_area_tol_0.8"):
        expected = measure(name, *pair, spacing)
        assert measure(name, *turned, spacing[list(order)]) == pytest.approx(expected, nan_ok=True), name


@settings(deadline=None, max_examples=40)
@given(PAIRS, st.integers(1, 4))
def test_background_around_does_not_matter(pair, width):
    padded = [np.pad(mask, width) for mask in pair]
    for name in ("hausdorff_95", "assd", "average_hausdorff_sets_max", "surface_dice_area_tol_0.8"):
        assert measure(name, *padded, SPACING) == pytest.approx(measure(name, *pair, SPACING), nan_ok=True), name


@settings(deadline=None, max_examples=40)
@given(PAIRS)
def test_scores_are_symmetric(pair):
    for name in ("hausdorff", "hausdorff_95", "assd", "surface_dice_voxel_tol_1.0", "surface_dice_area_tol_1.0"):
        expected = measure(name, pair[1], pair[0], SPACING)
        assert measure(name, pair[0], pair[1], SPACING) == pytest.approx(expected, nan_ok=True), name


@settings(deadline=None, max_examples=30)
@given(PAIRS)
def test_tree_and_map_measure_the_same(pair):
    assume(pair[0].any() and pair[1].any())
    edges = [surface.border(mask) for mask in pair]
    points = [np.argwhere(edge) for edge in edges]

    by_tree = surface._by_tree(points[0] * SPACING, points[1] * SPACING)

    np.testing.assert_allclose(by_tree, surface._by_map(points[0], edges[1], np.array(SPACING)))


@settings(deadline=None, max_examples=30)
@given(PAIRS)
def test_medpy_agrees(pair):
    binary = pytest.importorskip("medpy.metric.binary")
    assume(pair[0].any() and pair[1].any())
    d = surface.surface_distances(*pair, SPACING)

    # known disagreement: medpy's hd95 pools both ways, which is not the default here
    assert surface.hausdorff(d) == pytest.approx(binary.hd(*pair, SPACING))
    assert surface.hausdorff_percentile(d, convention="pooled") == pytest.approx(binary.hd95(*pair, SPACING))
    assert surface.assd(d) == pytest.approx(binary.assd(*pair, SPACING))


@pytest.mark.filterwarnings("ignore")
@settings(deadline=None, max_examples=15)
@given(PAIRS)
def test_monai_agrees(pair):
    monai, torch = pytest.importorskip("monai.metrics"), pytest.importorskip("torch")
    assume(pair[0].any() and pair[1].any())
    r, p = (torch.from_numpy(mask[None, None].astype(np.uint8)) for mask in pair)
    options = {"include_background": True, "spacing": SPACING}

    # known disagreement: with one mask empty MONAI's HD95 is nan, so misses leave the mean; here inf
    theirs = {
        "hausdorff_95": monai.compute_hausdorff_distance(p, r, percentile=95, **options),
        "assd": monai.compute_average_surface_distance(p, r, symmetric=True, **options),
        "surface_dice_voxel_tol_0.9": monai.compute_surface_dice(p, r, [0.9], **options),
        "surface_dice_area_tol_0.9": monai.compute_surface_dice(p, r, [0.9], use_subvoxels=True, **options),
    }
    for name, value in theirs.items():
        assert measure(name, *pair, SPACING) == pytest.approx(float(value), rel=1e-4), name  # theirs is float32


@settings(deadline=None, max_examples=20)
@given(PAIRS)
def test_simpleitk_agrees_on_sets(pair):
    sitk = pytest.importorskip("SimpleITK")
    assume(pair[0].any() and pair[1].any())
    images = [sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in pair]
    for image in images:
        image.SetSpacing(SPACING[::-1])
    judge = sitk.HausdorffDistanceImageFilter()
    judge.Execute(*images)
    sets = surface.set_distances(*pair, SPACING)

    # known disagreement: SimpleITK's average is the mean of both ways, Taha and Hanbury's the larger
    assert surface.hausdorff(sets) == pytest.approx(judge.GetHausdorffDistance(), rel=1e-5)
    assert surface.masd(sets) == pytest.approx(judge.GetAverageHausdorffDistance(), rel=1e-5)


def test_unknown_convention_is_named():
    with pytest.raises(ConfigError, match="directed_max"):
        surface.hausdorff_percentile(surface.surface_distances(DOT, DOT), convention="best")


def test_spacing_needs_one_number_per_axis():
    with pytest.raises(InputError, match="2 positive numbers"):
        surface.surface_distances(DOT, DOT, (1.0, 1.0, 1.0))
