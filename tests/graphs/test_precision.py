"""Reduced precision: never unasked, never unmeasured, refused where validation says it costs too much."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.datasets import Dataset, Record
from zoo.common.errors import BackendError, ZooWarning
from zoo.export import run
from zoo.graphs import gate
from zoo.graphs.gate import Gate

pytest.importorskip("torch")
pytest.importorskip("openvino")
NAME = "2D-UNet"
CASES = 4  # of each split


def tiny(backend: str = "openvino", **options: object) -> zoo.Model:
    return zoo.load(NAME, backend=backend, checkpoint=None, variant="tiny", **options)


def drawn(model: zoo.Model) -> Dataset:
    example = type(model.algorithm).example
    records = [
        Record(
            name=f"{split} {i}",
            group=f"{split} {i}",
            split=split,
            load=partial(example, model.config, np.random.default_rng([i, len(split)])),
        )
        for split in ("train", "val")
        for i in range(CASES)
    ]
    return Dataset(records, "drawn")


def test_a_score_may_fall_a_little_and_an_error_in_millimetres_grow_a_little() -> None:
    kept = Gate("data", 9, {"dice": (0.9, 0.8985, 0.002), "hc_error_mm": (2.0, 2.04, 0.05), "f1": (0.5, 0.9, 0.002)})
    lost = Gate("data", 9, {"dice": (0.9, 0.897, 0.002), "hc_error_mm": (2.0, 2.06, 0.05), "f1": (0.5, np.nan, 0.002)})

    assert kept.worse == []
    assert [text.split()[0] for text in lost.worse] == ["dice", "hc_error_mm", "f1"]


def test_full_precision_is_what_openvino_computes_in_unless_asked() -> None:
    engine = tiny().engine
    image = {"image": np.random.default_rng(0).normal(size=(1, 1, 64, 64)).astype(np.float32)}

    expected, found = tiny("torch").engine.forward(image)["logits"], engine.forward(image)["logits"]

    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_bfloat16_that_nobody_measured_comes_with_a_warning() -> None:
    try:
        with pytest.warns(ZooWarning, match="nobody measured what 2D-UNet in bf16 costs"):
            model = tiny(precision="bf16", seed=2)
    except BackendError as error:
        pytest.skip(str(error))

    assert (model.precision, model.made_by.framework) == ("bf16", "openvino bf16")
    assert model.identity["backend"] == "openvino bf16"  # tables and reports show it, too


def test_int8_that_nobody_made_is_refused_with_the_command_that_makes_it() -> None:
    with pytest.raises(BackendError, match="zoo export NAME --format openvino --precision int8"):
        tiny(precision="int8", seed=3)


def test_data_that_count_the_classes_in_another_order_judge_by_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = zoo.load("Covid-ResNet", backend="torch", checkpoint=None, variant="tiny")
    data = drawn(model)
    data.classes = tuple(reversed(model.config.classes))
    seen: list[int] = []

    def reduced(model: zoo.Model, precision: str, data: Dataset) -> Gate:
        seen.extend(int(sample.labels["label"]) for sample in data.split("val"))
        raise BackendError("seen")

    monkeypatch.setattr(run, "reduced", reduced)

    with pytest.warns(ZooWarning, match="renumbered"), pytest.raises(BackendError, match="seen"):
        model.export(tmp_path / "out", format="openvino", precision="bf16", data=data)
    assert seen == [1 - int(sample.labels["label"]) for sample in drawn(model).split("val")]


@pytest.mark.slow
def test_int8_is_there_once_validation_allows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nncf")
    model = tiny("torch", seed=4)
    data = drawn(model)
    with pytest.raises(BackendError, match=r"2D-UNet in int8 is not used: on the 4 validation cases"):
        monkeypatch.setattr(gate, "LARGEST_LOSS", -2.0)
        model.export(tmp_path / "refused", format="openvino", precision="int8", data=data)
    with pytest.raises(BackendError, match="is not used"):
        tiny(precision="int8", seed=4)

    monkeypatch.setattr(gate, "LARGEST_LOSS", 2.0)
    model.export(tmp_path / "int8", format="openvino", precision="int8", data=data)
    small = tiny(precision="int8", seed=4)

    assert [path.name for path in tmp_path.iterdir()] == ["int8"]
    assert small.made_by.framework == "openvino int8"
    image = data[0].image
    inputs = {"image": model.algorithm.preprocess(image)["image"][None]}
    expected = model.engine.forward(inputs)["logits"]
    assert np.abs(small.engine.forward(inputs)["logits"] - expected).max() < 0.2 * np.abs(expected).max()
