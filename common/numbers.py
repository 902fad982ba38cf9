"""Numbers as people write them; files hold plain ones."""

from __future__ import annotations

import math

UNITS = {"mm": "mm", "mm2": "mm²", "ml": "ml", "deg": "°", "px": "px"}
ABBREVIATIONS = ("hd95", "assd", "masd")  # as well as whatever has three letters or fewer


def written(value: float, unit: str = "") -> str:
    """Write a number with its unit: four digits, more only before the point, in groups of three; – where undefined."""
    if not math.isfinite(value):
        return "–"
    return f"{_digits(value)}{'' if unit == '°' else ' '}{unit}".rstrip()


def percent(share: float) -> str:
    """Write a share in percent with at most three digits, so that nothing is rounded to all or none."""
    if not math.isfinite(share):
        return "–"
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{100 * share:.3g} %"


def _digits(value: float) -> str:
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    return f"{value:.4g}" if value == 0 or abs(value) >= 1e-3 else f"{value:.1e}"


def name_and_unit(name: str) -> tuple[str, str]:
    """Split "hc_mm" into ("HC", "mm"); short names are abbreviations."""
    stem, _, unit = name.rpartition("_")
    if unit not in UNITS or not stem:
        stem, unit = name, ""
    words = stem.replace("_", " ")
    is_short = len(words) <= 3 or words in ABBREVIATIONS
    return (words.upper() if is_short else words[0].upper() + words[1:]), UNITS.get(unit, "")
