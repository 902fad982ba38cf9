"""Volumes go to the network's grid and back; training pieces carry their labels along."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import InputError
from zoo.common.segmentation import volumes
from zoo.common.segmentation.volume_patches import VolumeAugmentation, random_patch
from zoo.common.segmentation.volumes import (
    Patch,
    from_network,
    mask_to_network,
    network_size,
    normalise,
    resample,
    resample_labels,
    to_network,
)
from zoo.common.types import Image

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "volumes_misc"  # beside the checkout, where present
STILL = VolumeAugmentation(rotation_deg=0, scale=0, stretch=0, brightness=0, contrast=0, gamma=0, noise=0)


def oblique(seed: int = 0) -> Image:
    """A volume whose axes are swapped, flipped and turned by ten degrees."""
    turn = np.radians(10)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = rotation @ np.array([[0, -1.5, 0], [0, 0, 2.0], [-1.0, 0, 0]])
    array = np.random.default_rng(seed).normal(0, 1, (1, 9, 11, 14)).astype(np.float32)
    return Image(array, (2.0, 1.5, 1.0), affine, name="oblique")


def blob(size: tuple[int, ...]) -> np.ndarray:
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in size), indexing="ij"))
    return ((grid**2).sum(0) < 0.5).astype(np.int64)


@pytest.mark.parametrize("spacing", [(), (1.0, 1.0, 1.0), (3.0, 1.2, 2.5)])
def test_labels_return_to_the_grid_of_the_file(spacing: tuple[float, ...]) -> None:
    image = oblique()
    mask = blob(image.size)

    network = mask_to_network(mask, image, spacing)
    again = from_network(network.astype(np.uint8), image, classes=2)

    assert network.shape == to_network(image, 1, spacing, ()).shape[1:]
    assert again.shape == image.size
    assert (again == mask).mean() > (0.99 if not spacing or max(spacing) == 1 else 0.9)


def test_pictures_are_volumes_of_one_slice() -> None:
    image = Image(np.random.default_rng(0).normal(0, 1, (3, 8, 10)).astype(np.float32), (0.5, 0.5))

    network = to_network(image, 1, (1.0, 1.0, 1.0), ())

    assert network.shape == (1, 1, 8, 10)
    assert from_network(np.zeros((1, 8, 10), np.uint8), image, 2).shape == (8, 10)


def test_patches_are_taken_as_they_are() -> None:
    patch = Patch(np.full((1, 4, 4, 4), 7, np.float32))

    assert to_network(patch, 1, (1.0, 1.0, 1.0), ()) is patch.array


def test_intensities_are_scaled_per_volume() -> None:
    array = np.random.default_rng(0).normal(3000, 400, (1, 12, 12, 12))

    np.testing.assert_allclose(normalise(array, ()), normalise(array / 1000, ()), atol=1e-3)


def test_flat_volumes_become_zero() -> None:
    assert np.abs(normalise(np.full((1, 3, 3, 3), 5.0), ())).max() < 1e-3


def test_intensity_window_has_an_order() -> None:
    with pytest.raises(InputError, match="window"):
        normalise(np.zeros((1, 2, 2, 2)), (5.0, -5.0))


def test_resampling_keeps_a_ramp_and_the_mean() -> None:
    ramp = np.broadcast_to(np.arange(16, dtype=np.float32), (1, 4, 4, 16))

    doubled, halved = resample(ramp, (4, 4, 32))[0, 0, 0], resample(ramp, (4, 4, 8))[0, 0, 0]

    np.testing.assert_allclose(doubled[2:-2], np.arange(32)[2:-2] / 2 - 0.25, atol=1e-5)
    np.testing.assert_allclose(halved[1:-1], np.arange(8)[1:-1] * 2 + 0.5, atol=1e-5)


@pytest.mark.parametrize(("old", "new"), [(7, 7), (5, 13), (13, 5), (1, 4), (4, 1)])
def test_resampling_keeps_a_constant_to_its_borders(old: int, new: int) -> None:
    np.testing.assert_allclose(resample(np.full((1, old, old, old), 3.5, np.float32), (new,) * 3), 3.5, atol=1e-6)


def test_resampled_labels_hold_no_class_between_two() -> None:
    labels = np.zeros((4, 4, 8), np.uint8)
    labels[..., 4:] = 2

    assert set(np.unique(resample_labels(labels, (7, 6, 21), classes=3))) == {0, 2}


def test_unchanged_piece_is_a_cut_of_the_volume() -> None:
    array = np.random.default_rng(0).normal(0, 1, (1, 8, 8, 8)).astype(np.float32)
    mask = blob((8, 8, 8))

    piece, labels = random_patch(array, mask, (8, 8, 8), STILL, (), np.random.default_rng(1))

    np.testing.assert_allclose(piece, array, atol=1e-5)
    np.testing.assert_array_equal(labels, mask)


def test_pieces_of_small_volumes_are_filled_up_and_odd_sizes_pass() -> None:
    array, mask = np.zeros((2, 3, 17, 5), np.float32), blob((3, 17, 5))

    piece, labels = random_patch(array, mask, (8, 8, 8), VolumeAugmentation(), (0, 1, 2), np.random.default_rng(1))

    assert piece.shape == (2, 8, 8, 8)
    assert labels.shape == (8, 8, 8)


def test_image_and_labels_of_a_piece_move_together() -> None:
    mask = np.zeros((24, 24, 24), np.int64)
    mask[4:14, 6:20, 8:13] = 1
    changes = VolumeAugmentation(brightness=0, contrast=0, gamma=0, noise=0)

    for seed in range(5):
        piece, labels = random_patch(
            mask[None].astype(np.float32), mask, (16, 16, 16), changes, (0, 1, 2), np.random.default_rng(seed)
        )
        assert ((piece[0] > 0.5) == labels).mean() > 0.97


def test_most_pieces_hold_a_class_that_is_rare() -> None:
    mask = np.zeros((40, 40, 40), np.int64)
    mask[3, 36, 20] = 1
    array = np.zeros((1, 40, 40, 40), np.float32)

    found = [
        random_patch(array, mask, (8, 8, 8), STILL, (), np.random.default_rng(seed))[1].any() for seed in range(60)
    ]

    assert np.mean(found) > 0.5


def test_the_size_of_the_network_s_grid_belongs_to_its_axes() -> None:
    image = Image(np.zeros((1, 10, 24, 30), np.float32), (4.0, 1.0, 0.5))

    assert network_size(image, (1.0, 1.0, 1.0)) == (40, 24, 15)
    assert network_size(image, (2.0, 1.5, 0.25)) == (20, 16, 60)
    assert network_size(image, image.spacing_mm or ()) == image.size


def test_statistics_of_a_large_volume_see_every_column_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volumes, "STATISTICS", 1000)
    array = np.random.default_rng(0).normal(100, 10, (1, 8, 64, 64)).astype(np.float32)
    array[..., ::32] = 1000  # every 32nd voxel of all, and no more than 3 % of them

    found = volumes.normalise(array, (0.0, 1000.0))

    assert abs(found.mean()) < 0.1 and abs(found.std() - 1) < 0.2
