"""Masks as objects: `instances=True` for every entry that segments pictures."""

from __future__ import annotations

import numpy as np
import pytest

import zoo
from zoo.common.answers.instances import Instances
from zoo.common.answers.segmentation import Segmentation
from zoo.common.errors import ConfigError
from zoo.common.instances.parted import part_segmentation
from zoo.common.types import Image


def discs() -> np.ndarray:
    """Draw two discs of class 1 that touch, and one of class 2 inside the second's rim but of its own."""
    rows, columns = np.mgrid[:70, :120]
    labels = np.zeros((70, 120), np.uint8)
    for x, kind in ((30, 1), (54, 1), (95, 2)):
        labels[(rows - 35) ** 2 + (columns - x) ** 2 < 169] = kind
    return labels


def test_objects_of_each_class_keep_it_and_those_that_touch_are_parted() -> None:
    labels = discs()
    probabilities = np.stack([(labels == i) * 0.75 for i in range(3)]).astype(np.float32)
    image = Image(np.zeros((1, 70, 120), np.float32))

    found = part_segmentation(Segmentation(image, ("background", "a", "b"), labels, probabilities))

    assert found.counts == {"a": 2, "b": 1} and found.classes == ("a", "b")
    np.testing.assert_array_equal(found.mask, labels > 0)
    assert found.scores == pytest.approx([0.75] * 3)
    assert part_segmentation(Segmentation(image, ("background", "a", "b"), labels)).scores.tolist() == [1, 1, 1]


def test_a_volume_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected a picture"):
        part_segmentation(
            Segmentation(Image(np.zeros((1, 2, 3, 4))), ("background", "a"), np.zeros((2, 3, 4), np.uint8))
        )


def test_segmenters_answer_with_objects_on_demand() -> None:
    model = zoo.load("2D-UNet", checkpoint=None, variant="tiny")
    sample = type(model.algorithm).example(model.config, np.random.default_rng(0))

    found = model.predict(sample.image, instances=True)

    assert isinstance(found, Instances) and found.instances.shape == sample.image.size
    assert not isinstance(model.predict(sample.image, instances=False), Instances)
    assert not isinstance(model.predict(sample.image), Instances)
    with pytest.raises(ConfigError, match="expected True or False"):
        model.predict(sample.image, instances="yes")


def test_others_do_not_know_the_option() -> None:
    model = zoo.load("Covid-ResNet", checkpoint=None, variant="tiny")

    with pytest.raises(ConfigError, match="unknown prediction option instances"):
        model.predict(np.zeros((1, 64, 64), np.float32), instances=True)
