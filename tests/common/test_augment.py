"""Changes are repeatable, keep image and labels together, and compose into one sampling."""

from dataclasses import replace
from functools import partial
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.common import batches
from zoo.common.augment import Chain, Tone
from zoo.common.augment.intensity import (
    BiasField,
    Blur,
    Brightness,
    Contrast,
    Gamma,
    LowResolution,
    Noise,
    Normalise,
)
from zoo.common.augment.spatial import (
    CentreCrop,
    Flip,
    ForegroundCrop,
    PadToMultiple,
    QuarterTurn,
    RandomAffine,
    RandomCrop,
    RandomElastic,
    Resample,
    Resize,
)
from zoo.common.errors import ConfigError, InputError
from zoo.common.transforms.intensity import ct_window, min_max, percentile, window, z_score
from zoo.common.types import Image, Sample

TONES = (Gamma(), Brightness(), Contrast(), Blur(), Noise(), BiasField(), LowResolution(), Normalise(function=z_score))
MOVES = (RandomAffine(), RandomElastic(knots_px=12), Flip(axes=(0, -1)), QuarterTurn())
SIZES = [(20, 26), (10, 14, 12)]
SEEDS = st.integers(0, 2**31)


def draw_sample(size=(20, 26), seed=0):
    """Draw a smooth image with its mask, points and boxes."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(size, np.int16)
    mask[tuple(slice(n // 4, n // 2) for n in size)] = 1
    array = 100 * mask[None] + 10 * rng.random((1, *size))
    box = [v for n in size[:-3:-1] for v in (n // 4,)] + [v for n in size[:-3:-1] for v in (n // 2,)]
    box += [size[0] // 4, size[0] // 2] if len(size) == 3 else []
    points = [[0, *(n // 3 for n in size[::-1])]]
    labels = {"mask": mask, "points": np.array(points, float), "boxes": np.array([[0, *box]], float)}
    return Sample(Image(array.astype(np.float32), (1.0,) * len(size)), {**labels, "label": np.array(1)})


def assert_equal(first, second):
    """Compare two samples bit by bit."""
    np.testing.assert_array_equal(first.image.array, second.image.array)
    assert first.labels.keys() == second.labels.keys()
    for key, label in first.labels.items():
        np.testing.assert_array_equal(label, second.labels[key])


# --- chains ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_equal_seeds_give_equal_samples_and_leave_the_original_alone(size):
    sample, chain = draw_sample(size), Chain((*MOVES, *TONES, RandomCrop(size=(8,) * len(size), foreground=0.5)))

    first, second, other = (chain.apply(sample, np.random.default_rng(seed)) for seed in (4, 4, 5))

    assert_equal(first, second)
    assert not np.array_equal(first.image.array, other.image.array)
    assert_equal(sample, draw_sample(size))


def test_number_of_workers_changes_nothing():
    samples = [draw_sample(seed=i) for i in range(8)]

    class Model:
        def check_labelled(self, image, trains):
            pass

        def enter(self, image):
            return image

        def augment(self, sample, rng):
            return Chain((*MOVES, *TONES, Resize(size=(16, 16)))).apply(sample, rng)

        def preprocess(self, image):
            return {"image": image.array}

        def targets(self, sample):
            return {"mask": sample.labels["mask"]}

    def epoch(workers):
        with patch.object(batches, "WORKERS", workers):
            return list(batches.training_batches(Model(), samples, batch_size=2, seed=3, epoch=1))

    alone = epoch(1)
    for workers in (2, 5):
        for (inputs, targets), (others, goals) in zip(alone, epoch(workers), strict=True):
            np.testing.assert_array_equal(inputs["image"], others["image"])
            np.testing.assert_array_equal(targets["mask"], goals["mask"])


def test_moves_that_cancel_leave_the_image_as_it_was():
    sample = draw_sample()
    chain = Chain((Resize(size=(33, 51)), Flip(chance=1), RandomAffine(), Flip(chance=1), Resize(size=(20, 26))))
    still = replace(chain.changes[2], turn_rad=0.0, scale=(1.0, 1.0), shift=0.0)

    moved = Chain((*chain.changes[:2], still, *chain.changes[3:])).apply(sample, np.random.default_rng(0))

    assert_equal(moved, sample)


def test_fill_is_the_darkest_value_or_what_was_asked_for():
    sample = draw_sample()

    darkest = Chain((CentreCrop(size=(40, 40)),)).apply(sample, np.random.default_rng(0))
    asked = Chain((CentreCrop(size=(40, 40)),), fill=-5, mask_fill=255).apply(sample, np.random.default_rng(0))

    assert darkest.image.array[0, 0, 0] == sample.image.array.min() and darkest.labels["mask"][0, 0] == 0
    assert asked.image.array[0, 0, 0] == -5 and asked.labels["mask"][0, 0] == 255


def test_probability_zero_never_and_one_always():
    sample = draw_sample()

    assert_equal(Chain((Flip(chance=1, probability=0),)).apply(sample, np.random.default_rng(0)), sample)
    with pytest.raises(ConfigError, match=r"Flip: probability=1\.5"):
        Flip(probability=1.5)


# --- moves -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_bright_place_and_mask_stay_together(size, seed):
    moved = Chain(MOVES).apply(draw_sample(size), np.random.default_rng(seed))

    both = (moved.image.array[0] > 55) == (moved.labels["mask"] > 0)
    assert both.mean() > 0.9


@given(seed=SEEDS)
@settings(max_examples=25, deadline=None)
def test_crop_has_its_size_and_lies_within_a_larger_image(seed):
    sample = replace(draw_sample((30, 40)), labels={"mask": np.ones((30, 40), np.int16)})

    cropped = RandomCrop(size=(16, 12), foreground=0.5).apply(sample, np.random.default_rng(seed))

    assert cropped.image.size == (16, 12) and cropped.labels["mask"].all()


@given(seed=SEEDS)
@settings(max_examples=25, deadline=None)
def test_crop_around_foreground_finds_the_only_voxel_even_after_a_move(seed):
    mask = np.zeros((40, 50), np.int16)
    mask[33, 5] = 2
    sample = Sample(Image(np.zeros((1, 40, 50), np.float32)), {"mask": mask})
    turn = Chain((QuarterTurn(), Flip(axes=(0, 1)), RandomCrop(size=(12, 12), foreground=1.0)))

    assert turn.apply(sample, np.random.default_rng(seed)).labels["mask"].any()


def test_smaller_image_is_padded_by_a_crop():
    sample = replace(draw_sample(), labels={"mask": np.ones((20, 26), np.int16)})

    cropped = RandomCrop(size=(32, 32)).apply(sample, np.random.default_rng(0))

    assert cropped.labels["mask"].shape == (32, 32) and cropped.labels["mask"].sum() == 20 * 26


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_foreground_crop_keeps_all_of_the_mask_and_nothing_more(size):
    sample = draw_sample(size)

    for crop in (ForegroundCrop(), ForegroundCrop(threshold=50)):
        cropped = Chain((Flip(axes=(0,), chance=1), crop)).apply(sample, np.random.default_rng(0))
        assert cropped.labels["mask"].all() and cropped.labels["mask"].sum() == sample.labels["mask"].sum()


def test_foreground_crop_of_an_empty_mask_keeps_everything():
    sample = replace(draw_sample(), labels={"mask": np.zeros((20, 26), np.int16)})

    assert ForegroundCrop().apply(sample, np.random.default_rng(0)).image.size == (20, 26)


def test_foreground_crop_without_a_mask_says_so():
    with pytest.raises(InputError, match="no label `mask`"):
        ForegroundCrop().apply(replace(draw_sample(), labels={}), np.random.default_rng(0))


def test_fixed_moves_give_the_size_they_promise():
    sample, rng = draw_sample((10, 14, 12)), np.random.default_rng(0)

    assert PadToMultiple(multiple=8).apply(sample, rng).image.size == (16, 16, 16)
    assert Resize(size=(5, 6, 7)).apply(sample, rng).image.size == (5, 6, 7)
    resampled = Resample(spacing_mm=(2.0, 1.0, 0.5)).apply(sample, rng).image
    assert (resampled.size, resampled.spacing_mm) == ((5, 14, 24), (2.0, 1.0, 0.5))
    boxed = Resize(size=(20, 20), keep_proportions=True).apply(draw_sample((10, 40)), rng)
    assert boxed.image.size == (20, 20) and boxed.image.spacing_mm == (2.0, 2.0)


# --- tones -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tone", TONES, ids=lambda tone: type(tone).__name__)
@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_tones_change_intensities_and_nothing_else(tone, size):
    sample = draw_sample(size)

    changed = tone.apply(sample, np.random.default_rng(1))

    assert changed.image.array.dtype == np.float32 and changed.image.size == size
    assert np.isfinite(changed.image.array).all() and not np.array_equal(changed.image.array, sample.image.array)
    assert changed.labels is sample.labels


@pytest.mark.parametrize("tone", TONES, ids=lambda tone: type(tone).__name__)
def test_tones_leave_a_constant_image_finite(tone: Tone):
    flat = Sample(Image(np.full((2, 6, 5), 7, np.float32)))

    assert np.isfinite(tone.apply(flat, np.random.default_rng(0)).image.array).all()


@pytest.mark.parametrize("tone", [Gamma(), Contrast(), Blur(), LowResolution()], ids=lambda tone: type(tone).__name__)
def test_some_tones_stay_within_the_range(tone):
    array = draw_sample().image.array

    changed = tone.change(array, np.random.default_rng(2))

    assert array.min() - 1e-4 <= changed.min() and changed.max() <= array.max() + 1e-4


def test_bias_field_is_smooth_and_keeps_zero():
    array = np.ones((1, 40, 50), np.float32)
    array[0, 0, 0] = 0

    field = BiasField(strength=0.5).change(array, np.random.default_rng(0))[0]

    assert field[0, 0] == 0
    assert np.abs(np.diff(field[1:], axis=1)).max() < 0.15


# --- normalisation ---------------------------------------------------------------------------------------------------


@given(seed=SEEDS, gain=st.floats(0.01, 100), offset=st.floats(-1000, 1000))
@settings(max_examples=20, deadline=None)
def test_normalisations_do_not_depend_on_gain_and_offset(seed, gain, offset):
    array = np.random.default_rng(seed).normal(0, 50, (1, 9, 8)).astype(np.float64)

    for function in (z_score, min_max, percentile):
        np.testing.assert_allclose(function(array * gain + offset), function(array), atol=2e-3)


def test_normalised_values_are_as_named():
    array = np.random.default_rng(0).normal(3, 7, (1, 50, 50)).astype(np.float32)

    scored = z_score(array)
    assert abs(scored.mean()) < 1e-5 and scored.std() == pytest.approx(1, abs=1e-4)
    assert (min_max(array).min(), min_max(array).max()) == (0, 1)
    assert np.mean(percentile(array, 10, 90) == 0) == pytest.approx(0.1, abs=0.01)
    np.testing.assert_allclose(window(np.array([-2000, -1000, -250, 500, 9e9]), -1000, 500), [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(ct_window(np.array([-160.0, 40, 240]), 40, 400), [0, 0.5, 1])


def test_z_score_can_leave_the_air_out():
    array = np.array([[0, 0, 0, 0, 10, 20]], np.float32)

    np.testing.assert_allclose(z_score(array, above=0)[0, -2:], [-1, 1])
    assert not z_score(np.zeros((1, 3)), above=0).any()


def test_percentiles_out_of_order_are_refused():
    with pytest.raises(ConfigError, match="expected 0 <= low < high"):
        partial(percentile, low=90, high=10)(np.zeros(3))
