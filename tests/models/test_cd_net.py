"""CD-Net from probabilities to objects: what directions add, what is undone of a view, fields of any content."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import zoo
from zoo.common.answers.instances import Instances
from zoo.common.errors import ConfigError
from zoo.common.instances.example import draw_nuclei
from zoo.common.types import Image, Sample
from zoo.models.cd_net import refine
from zoo.models.cd_net.algorithm import CDNet
from zoo.models.cd_net.config import VARIANTS

SMALL, TINY = replace(VARIANTS["small"], separation="components"), VARIANTS["tiny"]
WITH, WITHOUT = CDNet(SMALL), CDNet(replace(SMALL, difference=False))
SPACING_PX, RADIUS_PX = 16.0, 8.6  # of nuclei that lie side by side and touch


def packed(rows: int, columns: int, seed: int = 0) -> Sample:
    """Draw nuclei so close that all of them hang together."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=-1).reshape(-1, 2)
    centres = (grid + 0.5) * SPACING_PX + rng.uniform(-1, 1, grid.shape)
    size = (int(rows * SPACING_PX), int(columns * SPACING_PX))
    instances = np.zeros(size, np.int32)
    nearest = np.full(size, RADIUS_PX)
    y, x = np.mgrid[: size[0], : size[1]]
    for number, (cy, cx) in enumerate(centres, start=1):
        distance = np.hypot(y - cy, x - cx)
        instances[distance < nearest] = number
        nearest = np.minimum(nearest, distance)
    return sample_of(instances)


def sample_of(instances: np.ndarray) -> Sample:
    picture = np.where(instances > 0, 90.0, 220.0)[None].repeat(3, axis=0)
    return Sample(Image(picture.astype(np.float32), name="drawn"), {"instances": instances})


def answer(algorithm: CDNet, sample: Sample, **outputs: np.ndarray) -> Instances:
    """Postprocess perfect outputs, some of them replaced."""
    maps = {**algorithm.perfect_outputs(sample), **outputs}
    kept = algorithm.keep(np.concatenate([maps[name] for name in algorithm.dense_outputs]))
    return algorithm.postprocess(algorithm.name_kept(kept), sample.image)


def score(algorithm: CDNet, sample: Sample, **outputs: np.ndarray) -> dict[str, object]:
    return algorithm.score(answer(algorithm, sample, **outputs), sample).row


def without_boundary(sample: Sample) -> np.ndarray:
    """Return logits of a network that tells objects from the background, and never sees a boundary."""
    is_object = sample.labels["instances"] > 0
    likely = np.stack([~is_object, is_object, np.zeros_like(is_object)])
    return np.log(np.where(likely, 0.95, 0.025)).astype(np.float32)


@pytest.mark.parametrize("algorithm", [WITH, WITHOUT], ids=["with the difference", "without"])
@pytest.mark.parametrize("count", [30, 110])
def test_perfect_maps_give_nearly_all_pixels_back(algorithm, count):
    sample = draw_nuclei((256, 256), 3, np.random.default_rng(count), count)

    assert score(algorithm, sample)["aji"] > 0.98


def test_objects_that_grow_by_two_pixels_are_too_large():
    sample = draw_nuclei((256, 256), 3, np.random.default_rng(0), 110)

    assert score(CDNet(replace(SMALL, grow_px=2)), sample)["aji"] < 0.9


def test_directions_part_nuclei_that_touch_where_no_boundary_is_seen():
    sample = packed(10, 11)
    logits = without_boundary(sample)

    plain, parted = score(WITHOUT, sample, logits=logits), score(WITH, sample, logits=logits)

    assert plain["aji"] < 0.4
    assert parted["aji"] > 0.8
    assert parted["predicted_count"] == 110


def test_a_boundary_is_raised_as_published_but_not_next_to_a_centre():
    regions = np.tile(np.reshape([0.1, 0.7, 0.2], (3, 1, 1)), (1, 1, 7))
    difference = np.array([[0, 0.5, 1, 1, 1, 1, 1]])
    is_centre = np.array([[0, 0, 0, 0, 0, 1, 0]], bool)

    refined = refine.sharpen_boundary(regions, difference, is_centre)

    np.testing.assert_allclose(refined[2], [[0.2, 1.4, 3.6, 3.6, 0.2, 0.2, 0.2]])  # (p + e / 2) (1 + e), e = 2 d
    np.testing.assert_array_equal(refined[:2], regions[:2])


def test_a_centre_is_what_is_higher_than_a_share_of_the_highest():
    regions = np.tile(np.reshape([25, 180, 50], (3, 1, 1)), (1, 5, 5)).astype(np.uint8)
    classes = np.array([[1, 1, 1, 5, 5]] * 5)  # opposed in the middle
    point = np.zeros((5, 5))
    point[0, 0], point[2, 2] = 10, 2.5

    higher, lower = (refine.find_inside(regions, point, classes, share) for share in (0.2, 0.3))

    assert higher[2, 2] and not lower[2, 2]


def test_directions_of_what_the_regions_call_background_do_not_count():
    sample = packed(3, 3)
    sure = {"direction": WITH.perfect_outputs(sample)["direction"]}
    undecided = sure["direction"] * 0.01  # a direction is a little likelier than none where there is an object
    undecided[0] = undecided.max(axis=0) + 0.1  # everywhere none is a little likelier

    found = answer(CDNet(replace(SMALL, maps=True)), sample, direction=undecided)

    inside = WITH.targets(sample)["ternary"] > 0
    assert (found.extra["direction"][inside] > 0).all()
    assert not found.extra["direction"][~inside].any()


@pytest.mark.parametrize("view", WITH.views)
def test_a_view_of_the_picture_is_undone_for_every_map(view):
    sample = packed(3, 4)
    seen = sample_of(np.ascontiguousarray(view.apply(sample.labels["instances"])))
    expected = WITH.perfect_outputs(sample)
    centres = expected["point"][0] > 10  # a centre has no direction

    undone = WITH.undo_view({name: value[None] for name, value in WITH.perfect_outputs(seen).items()}, view)

    np.testing.assert_array_equal(undone["logits"][0], expected["logits"])
    np.testing.assert_allclose(undone["point"][0], expected["point"], atol=1e-4)
    differs = (undone["direction"][0] != expected["direction"]).any(axis=0)
    assert not (differs & ~_near(centres)).any()


def _near(mask: np.ndarray) -> np.ndarray:
    """Mark a pixel and its neighbours: of two pixels that are equally central a turned picture may take the other."""
    from scipy.ndimage import binary_dilation

    return np.asarray(binary_dilation(mask, iterations=2))


def test_there_are_eight_views_and_none_without_mirroring():
    assert len({(view.order, view.flipped) for view in WITH.views}) == 8
    assert WITH.views[0].order == (0, 1)
    assert not WITH.views[0].flipped
    still = WITH.with_augmentation(replace(WITH.augmentation, mirror=False))
    assert still.views == ()


def test_a_large_field_is_refined_in_strips_without_a_seam(monkeypatch):
    sample = packed(6, 4)
    logits = without_boundary(sample)
    whole = answer(WITH, sample, logits=logits).instances

    monkeypatch.setattr(refine, "ROWS", 7)

    np.testing.assert_array_equal(answer(WITH, sample, logits=logits).instances, whole)


def test_five_bytes_are_kept_of_a_pixel():
    sample = packed(2, 2)
    maps = WITH.perfect_outputs(sample)

    kept = WITH.keep(np.concatenate([maps[name] for name in WITH.dense_outputs]))

    assert kept.shape == (5, *sample.image.size)
    assert kept.dtype == np.uint8


def test_what_lies_below_the_ground_of_the_map_of_centres_is_no_centre():
    sample = packed(2, 2)
    maps = WITH.perfect_outputs(sample)

    kept = WITH.keep(np.concatenate([maps["logits"], maps["point"] - 2, maps["direction"]]))

    far = maps["point"][0] < 1.9
    assert far.any() and not kept[3][far].any()


def test_the_score_of_a_nucleus_is_how_sure_it_is_not_to_be_background():
    sample = packed(2, 2)
    maps = WITHOUT.perfect_outputs(sample)
    likely = np.where(maps["logits"] == maps["logits"].max(axis=0), 0.0, -30.0)
    likely[2][likely[1] == 0] = np.log(0.5)  # inside is as likely as twice the boundary

    found = answer(WITHOUT, sample, logits=likely.astype(np.float32))

    np.testing.assert_allclose(found.scores, 1, atol=0.01)


def test_directions_part_nuclei_where_no_centre_was_seen():
    sample = packed(4, 4)
    logits, maps = without_boundary(sample), WITH.perfect_outputs(sample)

    found = answer(WITH, sample, logits=logits, point=np.zeros_like(maps["point"]))

    assert len(found) > 8


def test_settings_of_size_are_those_of_the_configuration():
    sample = packed(2, 2)
    plain = answer(WITHOUT, sample)
    grown, none = (CDNet(replace(SMALL, difference=False, **change)) for change in ({"grow_px": 0}, {"least_px": 400}))

    assert (answer(grown, sample).instances > 0).sum() < (plain.instances > 0).sum()
    assert len(plain) == 4 and len(answer(none, sample)) == 0


def test_last_layers_start_undecided():
    weights = zoo.load("CD-Net", checkpoint=None, variant="tiny").engine.weights()

    last = [value for name, value in weights.items() if name.startswith(WITH.head) and value.ndim == 4]
    assert len(last) == 5 and max(np.abs(value).max() for value in last) < 0.05


def test_nuclei_that_hang_together_by_a_neck_are_parted_where_that_is_asked_for():
    sample = sample_of(np.pad(packed(1, 5).labels["instances"], 8))
    logits = without_boundary(sample)
    parted = CDNet(replace(SMALL, difference=False, separation="watershed"))

    assert len(answer(WITHOUT, sample, logits=logits)) < 3
    assert score(parted, sample, logits=logits)["aji"] > 0.8


def test_maps_are_part_of_the_answer_where_they_are_asked_for():
    sample = packed(2, 2)

    found = answer(CDNet(replace(SMALL, maps=True)), sample)

    truth = WITH.targets(sample)
    assert not answer(WITH, sample).extra
    np.testing.assert_allclose(found.extra["point"], truth["point"][0], atol=1 / 32)
    np.testing.assert_array_equal(found.extra["direction"], truth["direction"])
    assert set(np.unique(found.extra["ddm"])) == {0, 0.5, 1}


def test_a_field_without_a_nucleus_has_none():
    sample = sample_of(np.zeros((64, 48), np.int32))

    found = answer(WITH, sample)

    assert len(found) == 0
    assert score(WITH, sample)["aji"] == 1


def test_a_nucleus_over_the_whole_field_is_one():
    found = answer(WITH, sample_of(np.ones((64, 48), np.int32)))

    assert len(found) == 1
    assert found.instances.all()


def test_single_pixels_have_no_inside_and_are_dropped():
    instances = np.zeros((64, 48), np.int32)
    instances[8::16, 8::16] = np.arange(1, 13).reshape(4, 3)
    sample = sample_of(instances)

    assert (WITH.targets(sample)["direction"] > 0).sum() == 12 * 5
    assert len(answer(WITH, sample)) == 0


def test_two_thousand_nuclei_are_counted_one_by_one():
    sample = packed(50, 40)

    assert len(answer(WITH, sample)) == 2000


def test_windows_and_views_answer_as_one_pass_does_far_from_the_border(framework):
    model = zoo.load("CD-Net", backend=framework, checkpoint=None, variant="tiny", window_size=(128, 128))
    sample = draw_nuclei((128, 128), 3, np.random.default_rng(0))
    inputs = {"image": model.algorithm.preprocess(sample.image)["image"][None]}

    found = model.predict(sample.image, maps=True)

    outputs = {name: value[0] for name, value in model.engine.forward(inputs).items()}
    kept = model.algorithm.keep(np.concatenate([outputs[name] for name in model.algorithm.dense_outputs]))
    np.testing.assert_allclose(found.extra["point"], np.clip(outputs["point"][0], 0, None), atol=1 / 16)
    assert (found.extra["direction"] == kept[4]).mean() > 0.99
    assert isinstance(model.predict(sample.image, tta=True), Instances)


@pytest.mark.parametrize(
    "change", [{"window_size": (60, 64)}, {"input_size": (64, 66)}, {"classes": ("nucleus", "cell")}]
)
def test_settings_that_do_not_fit_the_network_are_refused(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        CDNet(replace(SMALL, **change))
