"""Han-Net: its size, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import zoo
from zoo.common.errors import ConfigError


@pytest.mark.parametrize(("variant", "count"), [("paper", 10_098_285), ("small", 608_217)])
def test_parameters_are_as_many_as_specified(variant: str, count: int) -> None:
    shapes = zoo.load("Han-Net", checkpoint=None, variant=variant).engine.shapes()

    assert sum(int(np.prod(shape)) for name, shape in shapes.items() if "running_" not in name) == count


def test_sides_and_features_that_do_not_fit_are_refused() -> None:
    for changes in ({"window_size": (100, 96)}, {"features": 12}, {"dilations": ()}, {"classes": ("a", "b")}):
        with pytest.raises(ConfigError, match="given; expected"):
            zoo.load("Han-Net", checkpoint=None, variant="tiny", **changes)
