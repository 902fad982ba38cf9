"""A data set is opened for a task, or for the labels that every sample shall carry."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from zoo.common.datasets import Record, open_dataset
from zoo.common.datasets.joined import join
from zoo.common.errors import DataError
from zoo.common.labels import TASKS, ways_to_read
from zoo.common.types import Image, Sample

from ..toy.install import write_data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Pictures with labels, masks and a point each."""
    root = write_data(tmp_path / "data", 8)
    lines = [f"p{i},{i},{2 * i}" for i in range(8)]
    (root / "points.csv").write_text("\n".join(["id,x,y", *lines]) + "\n")
    return root


@pytest.mark.parametrize(("labels", "task"), [(("label",), "classification"), (("mask",), "segmentation")])
def test_labels_of_a_task_open_what_the_task_opens(data: Path, labels: tuple[str, ...], task: str) -> None:
    asked, expected = open_dataset(data, labels), open_dataset(data, task)

    assert [r.name for r in asked.records] == [r.name for r in expected.records]
    assert asked.classes == expected.classes
    for a, b in zip(asked, expected, strict=True):
        assert set(a.labels) == set(b.labels) == set(labels)
        np.testing.assert_array_equal(a.labels[labels[0]], b.labels[labels[0]])


@pytest.mark.parametrize(
    "labels", [("label", "mask"), ["mask", "label"], ("points", "mask"), ("label", "mask", "points")]
)
def test_every_sample_carries_the_labels_asked_for(data: Path, labels: tuple[str, ...]) -> None:
    found = open_dataset(data, labels)

    alone = {label: open_dataset(data, (label,)) for label in labels}
    assert {record.split for record in found.records} == {"train", "val", "test"}
    for index, sample in enumerate(found):
        assert set(sample.labels) == set(labels)
        for label in labels:
            np.testing.assert_array_equal(sample.labels[label], alone[label][index].labels[label])


def test_joined_records_travel_to_other_processes(data: Path) -> None:
    records = open_dataset(data, ("points", "mask")).records

    assert set(pickle.loads(pickle.dumps(records[0])).load().labels) == {"points", "mask"}


def test_a_case_that_lacks_a_label_is_named(tmp_path: Path) -> None:
    def record(name: str) -> Record:
        return Record(name, "train", name, lambda: Sample(Image(np.zeros((1, 2, 2), np.float32))))

    with pytest.raises(DataError, match=r"1 cases have the labels of only one of classification and segmentation.*b"):
        join(tmp_path, ("classification", "segmentation"), [[record("a"), record("b")], [record("a")]])


@pytest.mark.parametrize("wanted", ["sorting", ("label", "colour"), (), ("instances", "label", "x")])
def test_what_no_reader_knows_is_refused(tmp_path: Path, wanted: object) -> None:
    with pytest.raises(DataError, match="choose one of classification"):
        open_dataset(tmp_path, wanted)


def test_every_task_is_found_by_its_labels() -> None:
    assert {task: ways_to_read(tuple(labels))[0] for task, labels in TASKS.items()} == {t: (t,) for t in TASKS}
