"""From a drawn four-chamber view to the cardiothoracic ratio with the shipped weights, beside one constant ratio."""

from __future__ import annotations

import numpy as np

import zoo
from zoo.common.ellipses.fetal_simulator import draw_heart_view
from zoo.common.types import Sample

FIRST_TEST_SEED = 460  # ci/draw_four_chamber.py trains and validates on the seeds below
SIZE = (384, 576)


def test_ratio_of_drawn_views_is_measured_better_than_by_a_constant(framework: str) -> None:
    constant = np.median([ratio(view(seed)) for seed in range(30)])
    samples = [view(FIRST_TEST_SEED + i) for i in range(30)]
    true = np.array([ratio(sample) for sample in samples])

    model = zoo.load("EllipseNet", backend=framework, checkpoint="four-chamber-simulated")
    found = np.array([answer.measurements["ctr"] for answer in model.predict([sample.image for sample in samples])])

    assert np.mean(np.abs(found - true) / true) < 0.75 * np.mean(np.abs(constant - true) / true)


def view(seed: int) -> Sample:
    """Draw one view."""
    return draw_heart_view(SIZE, np.random.default_rng(seed))


def ratio(sample: Sample) -> float:
    """Return the short axis of the heart as a share of the thorax's."""
    thorax, heart = sample.labels["ellipses"]
    return float(heart[4] / thorax[4])
