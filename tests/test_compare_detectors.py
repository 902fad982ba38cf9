"""Two detectors are compared by their average precision, draw by draw over the same patients."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zoo.common.answers.boxes import Boxes
from zoo.common.types import Image, Sample
from zoo.evaluation import Evaluation, evaluate, read_results
from zoo.models.lungnodules_detection.algorithm import LungNodulesDetection
from zoo.models.lungnodules_detection.config import VARIANTS


class Drawn(LungNodulesDetection):
    """Answers with the references, each missed with a probability, and one false box."""

    def __init__(self, config: object, miss: float = 0.0) -> None:
        super().__init__(config)
        self.miss, self.truth = miss, {}

    def postprocess(self, outputs: dict, image: Image) -> Boxes:
        rng = np.random.default_rng(int(image.name))
        found = self.truth[image.name][rng.random(len(self.truth[image.name])) >= self.miss]
        boxes = np.vstack([found[:, 1:], [[50, 50, 60, 60.0]]])
        return self.answer(boxes, np.zeros(len(boxes)), np.append(np.full(len(found), 0.9), 0.5), image)


class Still:
    """An engine that computes nothing."""

    device = "cpu"

    def forward(self, inputs: dict) -> dict:
        return {"hm": inputs["image"]}


def scored(miss: float) -> Evaluation:
    config = replace(VARIANTS["tiny"], crop_dark=False)
    algorithm, rng = Drawn(config, miss), np.random.default_rng(0)
    samples = []
    for i in range(40):
        low = rng.uniform(0, 40, (2, 2))
        truth = np.column_stack([np.zeros(2), low, low + rng.uniform(4, 8, (2, 2))])
        algorithm.truth[str(i)] = truth
        samples.append(Sample(Image(np.zeros((1, 64, 64), np.float32), name=str(i)), {"boxes": truth}, f"p{i // 2}"))
    return evaluate(algorithm, Still(), samples, [sample.group for sample in samples], 4)


@pytest.fixture(scope="module")
def pair() -> tuple[Evaluation, Evaluation]:
    """A detector that finds all, and one that misses a third."""
    return scored(0.0), scored(1 / 3)


def test_the_better_detector_has_the_higher_precision_beyond_chance(pair: tuple[Evaluation, Evaluation]) -> None:
    rows = {row["metric"]: row for row in pair[0].compare(pair[1])}

    assert rows["ap50"]["first"] == 1 and rows["ap50"]["second"] < 0.8
    assert 0 < rows["ap50"]["low"] < rows["ap50"]["difference"] < rows["ap50"]["high"]
    assert rows["found"]["low"] > 0


def test_a_detector_is_not_different_from_itself(pair: tuple[Evaluation, Evaluation]) -> None:
    rows = {row["metric"]: row for row in pair[1].compare(pair[1])}

    assert (rows["ap50"]["low"], rows["ap50"]["difference"], rows["ap50"]["high"]) == (0, 0, 0)


def test_folders_say_the_same(pair: tuple[Evaluation, Evaluation], tmp_path: Path) -> None:
    for name, evaluation in zip("ab", pair, strict=True):
        evaluation.save(tmp_path / name)

    read = read_results(tmp_path / "a").compare(read_results(tmp_path / "b"))

    expected = {row["metric"]: row for row in pair[0].compare(pair[1])}
    assert {row["metric"] for row in read} == set(expected)
    for row in read:
        for key in ("difference", "low", "high"):
            assert row[key] == pytest.approx(expected[row["metric"]][key], abs=1e-9, nan_ok=True)


def test_cases_in_another_order_are_compared_without_what_needs_equal_draws(
    pair: tuple[Evaluation, Evaluation],
) -> None:
    turned = replace(pair[1], rows=pair[1].rows[::-1])

    assert {row["metric"] for row in pair[0].compare(turned)} == {"references", "found", "false_positives"}
