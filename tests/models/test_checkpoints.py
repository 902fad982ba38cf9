"""Every shipped checkpoint: its sum, its log, and the same answer in both frameworks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.datasets.classes import counted_alike
from zoo.common.types import Sample
from zoo.evaluation import score_all
from zoo.registry import load_registry
from zoo.weights.places import locate

from .harness import batch_of, samples_of

FEW = 8  # cases on which MindSpore repeats the scores of PyTorch, and fewer of large pictures
MOST_PIXELS = 2_000_000  # of those cases together, but there are always two
ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"  # real images, beside the checkout of those who have them
SHIPPED = [(entry.name, name) for entry in load_registry().values() for name in entry.checkpoints]
SHARED_NAMES = {  # data set of the registry -> folder of the real data
    "HC18": "hc18",
    "COVID-CT-WLL": "covid_ct_wll",
    "MSD-Hippocampus": "msd_hippocampus",
    "COVID-19 chest X-ray segmentations": "cxr_lungs",
    "Sunnybrook Cardiac Data": "sunnybrook_cmr",
    "WCEBleedGen": "wce_bleedgen",
    "Ki-67 in breast tissue": "ki67_ihc",
    "LUNA16 slices": "luna16_slices",
    "BCCD": "bccd",
    "Kvasir-SEG": "kvasir_seg",
    "MoNuSeg": "monuseg",
    "DSB 2018 nuclei": "dsb2018_nuclei",
    "Simulated four-chamber views": "four_chamber",  # ci/draw_four_chamber.py; a few are drawn in test_four_chamber.py
    "Simulated endoscopy frames": "endoscope",  # ci/draw_endoscope.py
}


@pytest.mark.parametrize(("name", "checkpoint"), SHIPPED)
def test_file_is_the_registered_one(name: str, checkpoint: str) -> None:
    path = locate(zoo.info(name), checkpoint, download=False)

    assert path.stat().st_size < 25_000_000


@pytest.mark.parametrize(("name", "checkpoint"), SHIPPED)
def test_registered_metrics_are_those_of_the_log(name: str, checkpoint: str) -> None:
    entry = zoo.info(name).checkpoint(checkpoint)
    last = json.loads((ROOT / "checkpoints" / entry.log).read_text().splitlines()[-1])

    measured = last["test"]["metrics"]

    for metric, value in entry.metrics[entry.trained.framework].items():
        assert value == pytest.approx(measured[metric], abs=6e-4), metric


@pytest.mark.parametrize(("name", "checkpoint"), SHIPPED)
def test_both_frameworks_answer_alike(name: str, checkpoint: str, both_frameworks: tuple[str, ...]) -> None:
    models = [zoo.load(name, backend=backend, checkpoint=checkpoint) for backend in both_frameworks]
    inputs, _ = batch_of(models[0], samples_of(models[0], 2))

    expected, found = (model.engine.forward(inputs) for model in models)

    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, atol=1e-4 * np.abs(value).max(), rtol=0, err_msg=key)


@pytest.mark.parametrize(("name", "checkpoint"), SHIPPED)
def test_both_frameworks_have_the_same_registered_metrics(name: str, checkpoint: str) -> None:
    metrics = zoo.info(name).checkpoint(checkpoint).metrics

    assert metrics["mindspore"] == pytest.approx(metrics["torch"], abs=2e-3)


def few_of(cases: Sequence[Sample]) -> range:
    """Return the places of some cases, spread over a split."""
    count = min(FEW, max(2, MOST_PIXELS // int(np.prod(cases[0].image.array.shape[1:]))))
    return range(0, len(cases), -(-len(cases) // count))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "checkpoint"), SHIPPED)
def test_registered_metrics_are_reached_again_on_the_real_data(
    name: str, checkpoint: str, both_frameworks: tuple[str, ...]
) -> None:
    entry = zoo.info(name).checkpoint(checkpoint)
    root = DATA / SHARED_NAMES[entry.dataset.name]
    if not root.is_dir():
        pytest.skip(f"{entry.dataset.name} is not on this machine")
    torch, mindspore = (zoo.load(name, backend=backend, checkpoint=checkpoint) for backend in both_frameworks)
    dataset = counted_alike(torch._open(root, None), torch.algorithm)
    cases = dataset.split("test")
    few = few_of(cases)  # the whole split would take MindSpore an hour for all entries

    if entry.default:  # the code of an entry is the same for its other checkpoints
        result = torch.evaluate(dataset, baseline=False)
        for metric, value in entry.metrics["torch"].items():
            assert result.metrics[metric] == pytest.approx(value, abs=2e-3), metric
        rows = [result.rows[place] for place in few]
    else:
        rows = [case.row for case in score_all(torch.algorithm, torch.engine, [cases[i] for i in few], 4)]

    found = score_all(mindspore.algorithm, mindspore.engine, [cases[i] for i in few], 4)
    for expected, case in zip(rows, found, strict=True):
        numbers = {key: value for key, value in case.row.items() if isinstance(value, (int, float))}
        assert numbers and case.row["name"] == expected["name"]
        assert numbers == pytest.approx({key: expected[key] for key in numbers}, abs=2e-3, rel=2e-3, nan_ok=True)


@pytest.mark.parametrize(("name", "checkpoint"), SHIPPED)
def test_more_channels_that_are_all_alike_give_the_same_answer(name: str, checkpoint: str, framework: str) -> None:
    grey = zoo.load(name, backend=framework, checkpoint=checkpoint)
    if grey.config.input_channels > 1:
        pytest.skip("sees colour already")
    colour = zoo.load(name, backend=framework, checkpoint=checkpoint, input_channels=3)
    inputs, _ = batch_of(grey, samples_of(grey, 1))

    expected = grey.engine.forward(inputs)
    found = colour.engine.forward({**inputs, "image": np.repeat(inputs["image"], 3, axis=1)})

    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, atol=1e-4 * np.abs(value).max(), rtol=0, err_msg=key)
