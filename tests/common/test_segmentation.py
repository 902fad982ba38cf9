"""Segmentations print, save and plot; their scores, options, windows and views."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.answers.segmentation import Segmentation, keep_largest, measure_classes
from zoo.common.datasets.masks import read_mask
from zoo.common.errors import ConfigError, DataError
from zoo.common.io import read_image
from zoo.common.plotting.segmentation import busiest_planes, plane
from zoo.common.segmentation.algorithm import checked_mask, softmax
from zoo.common.types import Case, Image, Sample

CLASSES = ("background", "heart wall", "blood")
AFFINE = np.array([[0, -2.0, 0, 5], [1.5, 0, 0, -3], [0, 0, 3.0, 7], [0, 0, 0, 1]])


def cube() -> Segmentation:
    labels = np.zeros((4, 6, 8), np.uint8)
    labels[1, 2:4, 3:7] = 1
    labels[2, 2, 3] = 2
    array = np.random.default_rng(0).normal(100, 20, (1, 4, 6, 8)).astype(np.float32)
    image = Image(array, (3.0, 2.0, 1.5), AFFINE, name="scan.nii.gz")
    return Segmentation(image, CLASSES, labels, None, measure_classes(labels, CLASSES, image.spacing_mm))


def square() -> Segmentation:
    labels = np.zeros((20, 30), np.uint8)
    labels[5:15, 5:20] = 1
    image = Image(np.full((1, 20, 30), 50, np.float32), (0.5, 0.5), name="slice.png")
    return Segmentation(image, CLASSES, labels, None, measure_classes(labels, CLASSES, image.spacing_mm))


def test_sizes_are_told_in_millilitres_and_square_millimetres() -> None:
    assert cube().measurements == {"heart_wall_ml": pytest.approx(0.072), "blood_ml": pytest.approx(0.009)}
    assert square().measurements == {"heart_wall_mm2": 37.5, "blood_mm2": 0.0}


def test_rows_tell_share_and_size_of_every_class_but_the_background() -> None:
    wall, blood = square().rows()

    assert (wall["class"], wall["share"], wall["size_mm2"]) == ("heart wall", 0.25, 37.5)
    assert blood["size_mm2"] == 0


@pytest.mark.parametrize("suffix", ["", ".nii.gz", ".nii", ".mha", ".nrrd"])
def test_saved_volume_has_the_labels_and_the_place_of_its_image(suffix: str, tmp_path: Path) -> None:
    prediction = cube()

    path = prediction.save(tmp_path / f"mask{suffix}")

    again = read_image(path)
    assert path.name == f"mask{suffix or '.nii.gz'}"
    np.testing.assert_array_equal(again.array[0], prediction.labels)
    np.testing.assert_allclose(again.affine, AFFINE, atol=1e-5)


def test_saved_picture_holds_the_class_numbers(tmp_path: Path) -> None:
    path = square().save(tmp_path / "mask")

    np.testing.assert_array_equal(read_mask(path, square().image), square().labels)


def test_a_volume_is_not_saved_as_a_picture(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="plot"):
        cube().save(tmp_path / "mask.png")


@pytest.mark.parametrize("prediction", [cube(), square()], ids=["volume", "picture"])
def test_overlay_is_drawn(prediction: Segmentation, tmp_path: Path) -> None:
    path = prediction.draw(tmp_path / "overlay.png")

    assert read_image(path).array.std() > 5


def test_planes_pass_through_what_was_found() -> None:
    assert busiest_planes(cube().labels) == (1, 2, 3)
    assert busiest_planes(np.zeros((4, 6, 8), int)) == (2, 3, 4)


def test_axial_planes_have_the_front_up_and_the_right_side_left() -> None:
    array = np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)  # h counts to the front, w to the right
    image = Image(array, (1.0, 1.0, 1.0), np.eye(4), name="scan")

    shown, labels = plane(image, array[0].astype(int), axis=0, place=1)

    np.testing.assert_array_equal(shown.array[0], [[7, 6], [5, 4]])
    np.testing.assert_array_equal(labels, [[7, 6], [5, 4]])


def test_mask_of_an_unknown_class_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="heart wall"):
        cube().where("lung")


def test_only_the_largest_part_of_each_class_stays() -> None:
    labels = np.array([[1, 1, 0, 1], [0, 0, 0, 2], [2, 2, 0, 0]])

    np.testing.assert_array_equal(keep_largest(labels), [[1, 1, 0, 0], [0, 0, 0, 0], [2, 2, 0, 0]])


def test_probabilities_sum_to_one() -> None:
    scores = np.array([[[1000.0, -5.0]], [[0.0, 5.0]]], np.float32)

    np.testing.assert_allclose(softmax(scores).sum(0), 1)


@pytest.mark.parametrize("mask", [np.zeros((3, 3), int), np.full((20, 30), 3), np.full((20, 30), -1)])
def test_labels_that_do_not_fit_are_refused(mask: np.ndarray) -> None:
    with pytest.raises(DataError):
        checked_mask(Sample(square().image, {"mask": mask}), classes=3)


@pytest.fixture(scope="module")
def model() -> zoo.Model:
    pytest.importorskip("torch")
    return zoo.load("3D-UNet", backend="torch", checkpoint=None, variant="tiny")


def volume(*size: int) -> Image:
    return Image(np.random.default_rng(1).normal(0, 1, (1, *size)).astype(np.float32), (1.0, 1.0, 1.0), name="scan")


def test_perfect_answers_score_one_and_empty_ones_zero(model: zoo.Model) -> None:
    sample = type(model.algorithm).example(model.config, np.random.default_rng(0))
    perfect = Segmentation(sample.image, model.config.classes, sample.labels["mask"])
    empty = replace(perfect, labels=np.zeros_like(perfect.labels))

    best, worst = (model.algorithm.summarise([model.algorithm.score(p, sample)]) for p in (perfect, empty))

    assert (best["dice"], best["hd95_mm"], best["assd_mm"]) == (1, 0, 0)
    assert worst["dice"] == 0
    assert worst["hd95_mm"] == pytest.approx(np.linalg.norm(sample.image.size))


def test_rows_say_what_was_missed_and_how_large_things_are(model: zoo.Model) -> None:
    sample = type(model.algorithm).example(model.config, np.random.default_rng(0))
    name, voxels = model.config.classes[1], int((sample.labels["mask"] == 1).sum())
    for spacing, unit, size in (((2.0, 0.5, 0.5), "ml", voxels * 0.5 / 1000), (None, "px", voxels)):
        placed = replace(sample, image=replace(sample.image, spacing_mm=spacing))
        perfect = Segmentation(placed.image, model.config.classes, sample.labels["mask"])
        empty = replace(perfect, labels=np.zeros_like(perfect.labels))

        cases = [model.algorithm.score(p, placed) for p in (perfect, empty)]

        found, lost = (case.row for case in cases)
        assert found[f"reference_{name}_{unit}"] == found[f"predicted_{name}_{unit}"] == pytest.approx(size)
        assert (found[f"missed_{name}"], lost[f"missed_{name}"], lost[f"predicted_{name}_{unit}"]) == (0, 1, 0)
        summary = model.algorithm.summarise(cases)
        assert summary["missed"] == len(model.config.classes) - 1 and summary["dice"] == 0.5
        assert not any(key.startswith(("missed_", "reference_", "predicted_")) for key in summary)


def test_classes_are_averaged_by_their_own_names(model: zoo.Model) -> None:
    rows = [{"name": "a", "group": "a", "dice_anterior": 0.5, "dice_posterior": 1.0, "hd95_mm_anterior": 3.0}]

    summary = model.algorithm.summarise([Case(row) for row in rows])

    assert (summary["dice"], summary["hd95_mm"], summary["dice_anterior"]) == (0.75, 3, 0.5)


def test_distances_in_pixels_are_not_averaged_with_those_in_millimetres(model: zoo.Model) -> None:
    rows = [{"name": "a", "group": "a", "hd95_mm_anterior": 3.0}, {"name": "b", "group": "b", "hd95_px_anterior": 90.0}]

    summary = model.algorithm.summarise([Case(row) for row in rows])

    assert (summary["hd95_mm"], summary["hd95_px"]) == (3, 90)


def test_baseline_answers_the_most_frequent_class_of_each_place(model: zoo.Model) -> None:
    sample = type(model.algorithm).example(model.config, np.random.default_rng(0))

    answer = model.algorithm.baseline([sample])(sample.image)

    assert (answer.labels == sample.labels["mask"]).mean() > 0.95


def test_probabilities_come_when_asked_for(model: zoo.Model) -> None:
    image = volume(20, 18, 24)

    plain, full = model.predict(image), model.predict(image, probabilities=True)

    assert plain.probabilities is None
    np.testing.assert_allclose(full.probabilities.sum(0), 1, atol=1e-5)
    np.testing.assert_array_equal(full.probabilities.argmax(0), plain.labels)


def test_unknown_options_are_refused_by_name(model: zoo.Model) -> None:
    with pytest.raises(ConfigError, match="largest_component"):
        model.predict(volume(16, 16, 16), largest=True)


def test_largest_component_leaves_one_part_per_class(model: zoo.Model) -> None:
    from scipy import ndimage

    found = model.predict(volume(20, 18, 24), largest_component=True).labels

    assert all(ndimage.label(found == index)[1] <= 1 for index in (1, 2))


def test_mirrored_views_make_the_answer_symmetric(model: zoo.Model) -> None:
    half = volume(16, 16, 8).array
    image = replace(volume(16, 16, 16), array=np.concatenate([half, half[..., ::-1]], axis=-1))

    scores = model.predict(image, tta=True, probabilities=True).probabilities

    np.testing.assert_allclose(scores, scores[..., ::-1], atol=1e-4)


def test_views_are_refused_where_there_are_none() -> None:
    pytest.importorskip("torch")
    model = zoo.load("Covid-ResNet", backend="torch", checkpoint=None, variant="tiny")

    with pytest.raises(ConfigError, match="tta"):
        model.predict(Image(np.zeros((1, 32, 32), np.float32)), tta=True)
