"""From a drawn four-chamber view to the cardiothoracic ratio with the shipped weights, beside one constant ratio."""

from __future__ import annotations

import numpy as np

import zoo
from zoo.common.fetal_simulator import draw_heart_view

FIRST_TEST_SEED = 460  # ci/draw_four_chamber.py trains and validates on the seeds below
SIZE = (384, 576)


def test_ratio_of_drawn_views_is_measured_better_than_by_a_constant(framework: str) -> None:
    samples = [draw_heart_view(SIZE, np.random.default_rng(FIRST_TEST_SEED + i)) for i in range(8)]
    true = np.array([rows[1, 4] / rows[0, 4] for rows in (sample.labels["ellipses"] for sample in samples)])

    model = zoo.load("EllipseNet", backend=framework, checkpoint="four-chamber-simulated")
    found = np.array([model.predict(sample.image).measurements["ctr"] for sample in samples])

    error = np.abs(found - true) / true
    constant = np.abs(np.median(true) - true) / true
    assert error.mean() < 0.8 * constant.mean()
    assert error.max() < 0.2
