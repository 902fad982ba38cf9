"""Weights that learned from what they are scored on, cases in another order, and what "all" splits are."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import zoo
from zoo.common.datasets import Dataset, open_dataset
from zoo.common.errors import DataError, ZooWarning

QUICK = {"epochs": 1, "batch_size": 4, "augment": False}


def draw(root: Path, cases: range) -> Path:
    """Write images of squares with their masks."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for number in cases:
        mask = np.zeros((16, 16), np.uint8)
        mask[number % 8 :, 4:12] = 1
        Pillow.fromarray(mask * 100 + number).save(root / "images" / f"{number:02}.png")
        Pillow.fromarray(mask).save(root / "masks" / f"{number:02}.png")
    return root


def tiny() -> zoo.Model:
    return zoo.load("2D-UNet", backend="torch", checkpoint=None, variant="tiny")


def test_weights_of_one_fold_are_warned_of_in_the_next(tmp_path: Path) -> None:
    data, model = open_dataset(draw(tmp_path / "data", range(12)), "segmentation"), tiny()
    model.train(data.fold(0), out=tmp_path / "0", **QUICK)

    with warnings.catch_warnings():
        warnings.simplefilter("error", ZooWarning)
        model.evaluate(data.fold(0))
    with pytest.warns(ZooWarning, match=r"learned from these files in another split.*zoo\.load gives anew"):
        model.evaluate(data.fold(1))
    with pytest.warns(ZooWarning, match="learned from these files in another split"):
        model.train(data.fold(1), out=tmp_path / "1", **QUICK)


def test_more_images_whose_split_is_drawn_anew_are_warned_of(tmp_path: Path) -> None:
    model = tiny()
    model.train(draw(tmp_path / "data", range(12)), out=tmp_path / "run", **QUICK)

    with pytest.warns(ZooWarning, match="learned from 'data' with 12 cases.*Write the split down"):
        model.evaluate(draw(tmp_path / "data", range(12, 16)))


def test_cases_in_another_order_are_told_where_a_run_goes_on(tmp_path: Path) -> None:
    data = open_dataset(draw(tmp_path / "data", range(12)), "segmentation")
    tiny().train(data, out=tmp_path / "run", **QUICK)
    turned = Dataset(data.records[::-1], data.origin, data.classes, data.drawn)

    with pytest.warns(ZooWarning, match="come in another order than before"):
        tiny().train(turned, out=tmp_path / "run", resume=True, **{**QUICK, "epochs": 2})


def test_all_splits_are_those_whose_masks_are_there_and_right(tmp_path: Path) -> None:
    data = open_dataset(draw(tmp_path / "data", range(8)), "segmentation")
    splits = ("train", "train", "train", "val", "test", "noisy", "noisy", "unlabelled")
    records = [replace(record, split=split) for record, split in zip(data.records, splits, strict=True)]
    data = Dataset(records, data.origin, data.classes)

    assert [record.split for record in data.split("all").records] == ["train", "train", "train", "val", "test"]
    assert len(data.split("noisy")) == 2
    with pytest.raises(DataError, match="'unlabelled' has no labels to score"):
        tiny().evaluate(data, split="unlabelled")
