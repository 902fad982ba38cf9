"""Scribbles that a network made wider: what was marked stays, and only what it is sure of is added."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.datasets import Dataset, open_dataset
from zoo.common.datasets.written import convert
from zoo.common.errors import ConfigError, DataError
from zoo.common.labels import UNKNOWN
from zoo.common.methods.expansion import expanded
from zoo.training.expand import expand

from .harness import draw_dataset, open_model, scribbled

U = UNKNOWN


def test_the_largest_sure_part_of_each_class_is_marked_in_each_slice() -> None:
    sure, unsure = 0.999, 0.6
    answer = np.array([[1, 1, 1, 0, 0, 1], [1, 1, 1, 0, 0, 0]])  # the last 1 of the first row lies apart
    doubt = np.array([[0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    p1 = np.where(answer, np.where(doubt, unsure, sure), 1 - sure)
    mask = np.array([[U, 0, U, U, U, U], [U, U, U, U, 1, U]])

    found = expanded(np.stack([mask, mask]), np.stack([np.stack([1 - p1] * 2), np.stack([p1] * 2)]), 0.1)

    # of 0, three pixels hang together; of 1, those on the left; the mark of 1 within 0 is a smaller part, and stays
    expected = np.array([[1, 0, U, 0, 0, U], [1, 1, 1, 0, 1, U]])
    np.testing.assert_array_equal(found, np.stack([expected, expected]))


def test_marks_stay_whatever_the_network_says() -> None:
    rng = np.random.default_rng(0)
    mask = rng.choice([0, 1, 2, U], (3, 16, 16), p=[0.05, 0.05, 0.05, 0.85])
    p = rng.dirichlet([0.1, 0.1, 0.1], mask.shape).transpose(3, 0, 1, 2)

    found = expanded(mask, p, 0.3)

    assert np.array_equal(found[mask != U], mask[mask != U])
    entropy = -(p * np.log(np.maximum(p, 1e-12))).sum(0) / np.log(3)
    added = (mask == U) & (found != U)
    assert added.any() and (entropy[added] < 0.3).all() and np.array_equal(found[added], p.argmax(0)[added])
    np.testing.assert_array_equal(expanded(mask, p, 1e-9)[entropy > 1e-9], mask[entropy > 1e-9])


def test_a_data_set_is_written_anew_with_wider_scribbles_and_whole_masks_elsewhere(tmp_path: Path) -> None:
    model = open_model("torch")
    convert(draw_dataset(model, change=scribbled), "segmentation", "manifest", tmp_path / "scribbles")
    given = open_dataset(tmp_path / "scribbles", "segmentation", unlabelled=True)

    convert(expand(model, given, 0.95), "segmentation", "manifest", tmp_path / "wider")

    again = open_dataset(tmp_path / "wider", "segmentation", unlabelled=True)
    assert [(r.split, r.group) for r in again.records] == [(r.split, r.group) for r in given.records]
    for before, after in zip(given.split("train"), again.split("train"), strict=True):
        old, new = (np.asarray(sample.labels["mask"]) for sample in (before, after))
        assert np.array_equal(old[old != U], new[old != U]) and (new == U).sum() < (old == U).sum()
    for before, after in zip(given.split("val"), again.split("val"), strict=True):
        assert np.array_equal(before.labels["mask"], after.labels["mask"])


def test_classes_in_another_order_are_the_same_classes() -> None:
    names = ("background", "a", "b")
    model = open_model("torch", classes=names)
    drawn = draw_dataset(model, unlabelled=0, change=scribbled)
    first = Dataset(drawn.records, "drawn", names)
    other = open_model("torch", classes=("background", "b", "a"))
    other.engine.load(model.engine.weights())

    with pytest.warns(zoo.errors.ZooWarning, match="renumbered"):
        found = expand(other, first, 0.9)

    assert found.classes == ("background", "b", "a")
    turned = np.array([0, 2, 1])
    for before, after in zip(first.split("train"), found.split("train"), strict=True):
        old, new = (np.asarray(sample.labels["mask"]) for sample in (before, after))
        assert np.array_equal(turned[old[old != U]], new[old != U])


def test_other_answers_other_classes_and_other_limits_are_refused() -> None:
    model = open_model("torch")
    data = draw_dataset(model, change=scribbled)
    with pytest.raises(ConfigError, match="no probabilities of pixels"):
        expand(zoo.load("Covid-ResNet", backend="torch", checkpoint=None, variant="tiny"), data)
    with pytest.raises(ConfigError, match=r"sure=1\.5"):
        expand(model, data, 1.5)
    with pytest.raises(DataError):
        expand(model, Dataset(data.records, "drawn", ("background", "liver")))
