"""Networks of objects learn one picture by heart: from its labels to its outlines, the whole way fits together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import zoo

from .harness import batch_of, start_training

STEPS = {"CD-Net": 35, "Han-Net": 35, "LOD-Net": 100}


@pytest.mark.slow
@pytest.mark.parametrize("name", STEPS)
def test_a_picture_that_was_learnt_by_heart_is_outlined(name: str, framework: str) -> None:
    model = zoo.load(name, backend=framework, checkpoint=None, variant="tiny")
    sample = type(model.algorithm).example(model.config, np.random.default_rng(0))
    batch = batch_of(model, [sample, sample])
    start_training(model, replace(model.recipe(), weight_decay=0.0))

    for seed in range(STEPS[name]):
        model.engine.step(*batch, 1e-2, seed)

    assert model.algorithm.score(model.predict(sample.image), sample).row["dice"] > 0.75
