"""Pictures of scores: nothing is left out silently."""

import numpy as np

from zoo.common.metrics.pictures import draw_bland_altman, draw_boxes


def test_boxes_tell_how_many_cases_they_leave_out():
    rows = [{"label": "heart", "hd95_mm": value} for value in (1.0, 2.0, np.inf, np.nan)]

    axes = draw_boxes(rows, "hd95_mm").axes[0]

    assert axes.get_xticklabels()[0].get_text() == "heart\nn = 2, 2 not shown"


def test_limits_of_agreement_by_hand():
    axes = draw_bland_altman([1.0, 2.0, 3.0], [2.0, 3.0, 6.0]).axes[0]

    heights = sorted(line.get_ydata()[0] for line in axes.lines)
    spread = 1.96 * np.std([1, 1, 3], ddof=1)
    np.testing.assert_allclose(heights, [5 / 3 - spread, 5 / 3, 5 / 3 + spread])
