"""Numbers are told as people write them."""

from __future__ import annotations

import pytest

from zoo.common.numbers import name_and_unit, percent, written


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (87234.0, "px", "87,234 px"),
        (999.96, "mm", "1,000 mm"),
        (240.12, "mm", "240.1 mm"),
        (1.4384, "ml", "1.438 ml"),
        (0.0, "px", "0 px"),
        (-1234.5, "", "-1,234"),
        (30.84, "°", "30.84°"),
        (0.00012345, "", "1.2e-04"),
        (float("nan"), "mm", "–"),
    ],
)
def test_a_number_has_four_digits_and_groups_of_three(value: float, unit: str, expected: str) -> None:
    assert written(value, unit) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.46, "46 %"), (0.5237, "52.4 %"), (0, "0 %"), (1, "100 %"), (1e-6, "< 0.1 %"), (1 - 1e-6, "> 99.9 %")],
)
def test_a_share_is_never_rounded_to_all_or_none(share: float, expected: str) -> None:
    assert percent(share) == expected


def test_a_measurement_is_told_by_name_and_unit() -> None:
    assert name_and_unit("hc_mm") == ("HC", "mm")
    assert name_and_unit("left_lung_mm2") == ("Left lung", "mm²")
    assert name_and_unit("area_ratio") == ("Area ratio", "")
