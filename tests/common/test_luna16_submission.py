"""Submissions to LUNA16 are scored by the challenge's rule, from its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.common.errors import InputError
from zoo.common.metrics.curves import draw_curve
from zoo.common.metrics.luna16 import score_submission

NODULES = "seriesuid,coordX,coordY,coordZ,diameter_mm\na,0,0,0,10\na,50,0,0,6\nb,0,0,0,8\nc,10,10,10,20\n"
EXCLUDED = "seriesuid,coordX,coordY,coordZ,diameter_mm\nd,0,0,0,-1\n"
MARKS = """seriesuid,coordX,coordY,coordZ,probability
a,1,1,1,.9
a,2,0,0,.95
a,90,0,0,.85
b,3.9,0,0,.8
b,30,0,0,.7
c,10,10,25,.6
c,12,10,10,.5
d,3,0,0,.99
d,6,0,0,.4
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The files of four scans."""
    texts = {"marks": MARKS, "nodules": NODULES, "excluded": EXCLUDED}
    for name, text in texts.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return {name: tmp_path / f"{name}.csv" for name in texts}


def test_cpm_and_sensitivities_are_those_worked_out_by_hand(files: dict[str, Path]) -> None:
    rows, curve = score_submission(files["marks"], files["nodules"], files["excluded"])

    assert [row["metric"] for row in rows] == [
        "cpm",
        *(f"at_{r}" for r in ("0.125", "0.25", "0.5", "1", "2", "4", "8")),
    ]
    assert [row["value"] for row in rows] == pytest.approx([0.607143, 0.25, 0.5, 0.5, 0.75, 0.75, 0.75, 0.75], abs=1e-6)
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
    assert draw_curve(curve).axes


def test_scans_without_anything_lower_the_false_positives_per_scan(files: dict[str, Path]) -> None:
    few, _ = score_submission(files["marks"], files["nodules"], files["excluded"])
    many, _ = score_submission(files["marks"], files["nodules"], files["excluded"], scans=list("abcdefgh"))

    assert many[0]["value"] > few[0]["value"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("marks", "seriesuid,coordX,coordY,coordZ\na,1,1,1\n", "no probability"),
        ("nodules", "seriesuid,coordX,coordY,coordZ,diameter_mm\na,1,x,1,4\n", "table of numbers"),
    ],
)
def test_files_that_lack_something_are_refused_by_name(
    files: dict[str, Path], name: str, text: str, message: str
) -> None:
    files[name].write_text(text)

    with pytest.raises(InputError, match=message) as refused:
        score_submission(files["marks"], files["nodules"])

    assert files[name].name in str(refused.value)


def test_a_scan_that_was_not_named_is_refused(files: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="c: not among the 2 scans"):
        score_submission(files["marks"], files["nodules"], scans=["a", "b"])
