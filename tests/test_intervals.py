"""Intervals of an evaluation vary patients, not images: cases of one patient come and go together."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.common.answers.prediction import Prediction
from zoo.common.datasets import Dataset, Record
from zoo.common.types import Case, Image, Row, Sample
from zoo.evaluation import compare_rows

PATIENTS, EACH = 12, 12


class Echo:
    """An algorithm whose score is the brightness of the image, and an engine that does nothing."""

    slicewise, window, task, labels = False, None, "classification", ("label",)
    config = SimpleNamespace(classes=(), input_channels=1)
    framework, device = "torch", "cpu"

    by_slices = False
    answer_type: Any = Prediction
    prediction_options = ()

    def check_labelled(self, image: Image, trains: bool) -> None:
        pass

    def enter(self, image: Image) -> Image:
        return image

    def as_seen(self, image: Image) -> Image:
        return image

    def counted(self, label: str) -> tuple[str, ...]:
        return ()

    def weighed(self, cases: list[Case]) -> None:
        return None

    def curves(self, cases: list[Case]) -> dict[str, Any]:
        return {}

    def preprocess(self, image: Image) -> dict[str, np.ndarray]:
        return {"image": image.array}

    def forward(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return inputs

    def postprocess(self, outputs: dict[str, np.ndarray], image: Image) -> Image:
        return image

    def score(self, prediction: Image, sample: Sample) -> Case:
        return Case({"name": sample.image.name, "group": sample.group, "hit": float(sample.image.array.max())})

    def summarise(self, cases: list[Case]) -> dict[str, float]:
        return {"hit": float(np.mean([float(case.row["hit"]) for case in cases]))}


def dataset(patients_matter: bool) -> Dataset:
    """Twelve images of each of twelve patients, bright for half of the patients; or 144 patients of one image."""

    def load(index: int, group: str) -> Sample:
        array = np.zeros((1, 4, 4), np.float32)
        array[0, 0, 0] = index // EACH % 2
        return Sample(Image(array, name=f"{index}.png"), {}, group)

    groups = [str(i // EACH if patients_matter else i) for i in range(PATIENTS * EACH)]
    return Dataset(Record(f"{i}.png", "test", group, partial(load, i, group)) for i, group in enumerate(groups))


def width(low: float, high: float) -> float:
    return high - low


def test_an_evaluation_draws_patients() -> None:
    echo: Any = Echo()
    model = zoo.Model(zoo.info("Covid-ResNet"), echo, echo, "tiny", "none")

    of_patients, of_images = (
        width(*model.evaluate(dataset(matter), baseline=False).intervals["hit"]) for matter in (True, False)
    )

    # the standard error of a share of 12 patients is the root of 12 times that of 144 images
    assert of_patients / of_images == pytest.approx(EACH**0.5, rel=0.25)


def test_a_comparison_draws_patients() -> None:
    rng = np.random.default_rng(0)
    gaps = np.repeat(rng.normal(size=PATIENTS), EACH)
    second: list[Row] = [{"name": str(i), "group": str(i // EACH), "hit": 0.0} for i in range(len(gaps))]
    first = [{**row, "hit": float(gap)} for row, gap in zip(second, gaps, strict=True)]
    alone = [[{**row, "group": row["name"]} for row in rows] for rows in (first, second)]

    (by_patient,), (by_image,) = compare_rows(first, second), compare_rows(*alone)

    ratio = width(by_patient["low"], by_patient["high"]) / width(by_image["low"], by_image["high"])  # type: ignore[arg-type]
    assert ratio == pytest.approx(EACH**0.5, rel=0.25)
