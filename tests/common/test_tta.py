"""Views are undone exactly and change nothing for a network that does not care about direction."""

import numpy as np
import pytest

from zoo.common.errors import ConfigError
from zoo.common.tta import average_networks, average_views, flips, quarter_turns


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("views", [flips, quarter_turns])
def test_every_view_is_undone_exactly(axes, views):
    array = np.random.default_rng(0).random((2, 3, 4, 5, 6)[: axes + 2])

    for view in views(axes):
        np.testing.assert_array_equal(view.undo(view.apply(array)), array)


@pytest.mark.parametrize("quarters", range(4))
def test_quarter_turns_are_those_of_numpy(quarters):
    array = np.random.default_rng(0).random((1, 1, 4, 5))

    np.testing.assert_array_equal(quarter_turns(2)[quarters].apply(array), np.rot90(array, quarters, (2, 3)))


def test_flips_are_all_different():
    array = np.random.default_rng(0).random((3, 3, 3))

    assert len({view.apply(array).tobytes() for view in flips(3)}) == 8


@pytest.mark.parametrize("views", [flips(2), quarter_turns(2)])
def test_a_pixelwise_network_is_unchanged(views):
    batch = np.random.default_rng(0).random((2, 1, 6, 8)).astype(np.float32)

    np.testing.assert_allclose(average_views(lambda x: x**2, views)(batch), batch**2, atol=1e-6)


def test_views_cancel_a_network_that_prefers_a_direction():
    batch = np.ones((1, 1, 1, 4), np.float32)

    answer = average_views(lambda x: x * np.arange(4, dtype=np.float32), flips(2))(batch)

    np.testing.assert_allclose(answer[0, 0, 0], 1.5)


def test_an_ensemble_is_the_mean():
    batch = np.ones((1, 1, 2, 2), np.float32)

    np.testing.assert_allclose(average_networks([lambda x: x, lambda x: 3 * x])(batch), 2)


@pytest.mark.parametrize("join", [average_networks, lambda nothing: average_views(np.asarray, nothing)])
def test_nothing_to_average_is_an_error(join):
    with pytest.raises(ConfigError, match="at least one"):
        join([])
