"""An evaluation answers what a reviewer asks: per class, at an operating point, per subgroup, on one page."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from typer.testing import CliRunner

import zoo
from zoo.cli import app
from zoo.common.errors import ConfigError, DataError, ZooWarning

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return zoo.load("Covid-ResNet", checkpoint=None, variant="tiny").save(
        tmp_path_factory.mktemp("w") / "t.safetensors"
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write bright and dark pictures of three splits, by two scanners, two of each patient."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    lines = ["image,label,split,patient,scanner,age"]
    for i in range(72):
        label, split = i // 2 % 2, "train" if i < 12 else "val" if i < 36 else "test"
        values = np.clip(rng.normal(60 + 120 * label, 30, (32, 32)), 0, 255).astype(np.uint8)
        Pillow.fromarray(values).save(folder / f"{i:02}<b>.png")
        lines.append(f"{i:02}<b>.png,{('normal', 'covid')[label]},{split},p{i // 2},{'AB'[i // 4 % 2]},{20 + i}")
    (folder / "classes.txt").write_text("normal\ncovid\n")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(encoding="utf-8")))


@pytest.fixture(scope="module")
def written(checkpoint: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "scores"
    command = ["evaluate", "Covid-ResNet", "--data", data, "--checkpoint", checkpoint, "--out", out]
    done = RUNNER.invoke(app, [*map(str, command), "--by", "scanner,age", "--at-sensitivity", "0.9"])
    assert done.exit_code == 0, done.output
    assert "operating point: sensitivity >= 0.9 on val (24 cases)" in done.output and "by scanner" in done.output
    return out


def test_every_table_and_picture_of_a_classifier_is_written(written: Path) -> None:
    names = {path.name for path in written.iterdir()}

    tables = {"cases", "classes", "confusion", "calibration", "decision", "operating_points", "subgroups", "curves"}
    assert {f"{name}.csv" for name in (*tables, "subgroup_differences", "summary")} <= names
    pictures = {"confusion", "reliability", "decision", "curve_roc", "curve_precision_recall", "boxes_p_covid"}
    assert {f"{name}.png" for name in pictures} | {"report.html", "summary.json"} <= names
    json.loads((written / "summary.json").read_text(), parse_constant=pytest.fail)


def test_the_summary_and_the_table_of_classes_say_the_same(written: Path) -> None:
    summary = {row["metric"]: row for row in rows(written / "summary.csv")}
    classes = {row["metric"]: row for row in rows(written / "classes.csv") if row["class"] == "covid"}

    for name in ("sensitivity", "specificity", "f1", "roc_auc", "average_precision"):
        for column in ("value", "low", "high"):
            assert float(summary[name][column]) == pytest.approx(float(classes[name][column])), (name, column)


def test_the_operating_point_reaches_its_aim_where_it_was_chosen_and_is_counted_elsewhere(written: Path) -> None:
    points = {(row["split"], row["metric"]): row for row in rows(written / "operating_points.csv")}
    cases = rows(written / "cases.csv")

    assert float(points["val", "sensitivity"]["value"]) >= 0.9
    threshold = float(points["test", "specificity"]["threshold"])
    called = np.array([float(row["p_covid"]) >= threshold for row in cases])
    true = np.array([float(row["label"]) == 1 for row in cases])
    assert float(points["test", "sensitivity"]["value"]) == pytest.approx(called[true].mean())
    assert float(points["test", "true_negatives"]["value"]) == (~called & ~true).sum()


def test_the_option_of_an_operating_point_calls_what_it_called(data: Path) -> None:
    model = zoo.load("Covid-ResNet", checkpoint=None, variant="tiny", threshold=0.0712)
    points = {(row["split"], row["metric"]): row for row in model.evaluate(data, at_sensitivity=0.8).points}
    name, number = str(points["val", "sensitivity"]["option"]).split("=")

    for split in ("val", "test"):
        found = model.evaluate(data, split=split, baseline=False, **{name: float(number)}).metrics
        for metric in ("sensitivity", "specificity"):
            assert found[metric] == pytest.approx(points[split, metric]["value"])
    assert abs(float(number) - float(points["val", "sensitivity"]["threshold"])) > 0.1


def test_a_sensitivity_for_the_normal_class_is_warned_of(data: Path, tmp_path: Path) -> None:
    for name in ("COVID", "NonCOVID"):
        (tmp_path / "test" / name).mkdir(parents=True)
        for i, path in enumerate(sorted(data.glob("*.png"))[:4]):
            (tmp_path / "test" / name / f"{name}{i}.png").write_bytes(path.read_bytes() + name.encode())
    model = zoo.load("Covid-ResNet", checkpoint=None, variant="tiny", classes=("COVID", "NonCOVID"))

    with pytest.warns(ZooWarning, match="are of 'NonCOVID', the second class"):
        model.evaluate(tmp_path, baseline=False)


def test_subgroups_have_what_an_evaluation_of_their_cases_alone_gives(
    written: Path, data: Path, checkpoint: Path
) -> None:
    table = [row for row in rows(written / "subgroups.csv") if row["by"] == "scanner"]
    cases = [row for row in rows(written / "cases.csv") if row["by_scanner"] == "A"]

    found = {row["metric"]: row for row in table if row["subgroup"] == "A"}
    assert float(found["accuracy"]["value"]) == pytest.approx(np.mean([float(row["correct"]) for row in cases]))
    assert (float(found["accuracy"]["cases"]), float(found["accuracy"]["groups"])) == (len(cases), len(cases) / 2)
    assert float(found["accuracy"]["low"]) <= float(found["accuracy"]["value"]) <= float(found["accuracy"]["high"])
    other = next(row for row in table if row["subgroup"] == "B" and row["metric"] == "brier")
    gap = next(r for r in rows(written / "subgroup_differences.csv") if (r["by"], r["metric"]) == ("scanner", "brier"))
    assert float(gap["difference"]) == pytest.approx(abs(float(found["brier"]["value"]) - float(other["value"])))
    assert float(gap["low"]) <= float(gap["difference"]) <= float(gap["high"])


def test_many_numbers_are_divided_into_thirds(written: Path) -> None:
    sizes = {row["subgroup"]: float(row["cases"]) for row in rows(written / "subgroups.csv") if row["by"] == "age"}

    assert len(sizes) == 3 and sum(sizes.values()) == 36 and min(sizes.values()) >= 11


class Page(HTMLParser):
    """Collect what a page loads, and whether its tags close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(written: Path) -> None:
    text = (written / "report.html").read_text()
    page = Page(text)

    assert page.open == [] and len(page.loaded) >= 12
    assert all(source.startswith("data:image/") for source in page.loaded)
    assert re.findall(r"https?://|url\(|@import", text) == []
    for part in (
        "Data",
        "Scores",
        "Operating point",
        "By scanner",
        "Worst, median and best cases",
        "Failures",
        "Versions",
    ):
        assert f"<h2>{part}</h2>" in text, part
    assert "&lt;b&gt;.png" in text and "<b>" not in text  # names from outside are text


def test_the_same_in_python(checkpoint: Path, data: Path) -> None:
    model = zoo.load("Covid-ResNet", checkpoint=checkpoint)
    result = model.evaluate(data, by="scanner", at_specificity=0.8, baseline=False)

    assert set(result.subgroups) == {"scanner"} and result.curves["roc"].lines
    assert {row["class"] for row in result.classes} == {"normal", "covid"}
    assert next(r for r in result.points if (r["split"], r["metric"]) == ("val", "specificity"))["value"] >= 0.8
    assert result.rows[0]["by_scanner"] in "AB"


def test_what_cannot_be_told_is_refused(checkpoint: Path, data: Path) -> None:
    model = zoo.load("Covid-ResNet", checkpoint=checkpoint)

    with pytest.raises(DataError, match="nothing says 'hair'"):
        model.evaluate(data, by="hair")
    with pytest.raises(ConfigError, match="one of them"):
        model.evaluate(data, at_sensitivity=0.9, at_specificity=0.9)
    with pytest.raises(ConfigError, match=r"0\.95"):
        model.evaluate(data, at_sensitivity=95)
    with pytest.raises(ConfigError, match="chosen on val"):
        model.evaluate(data, split="val", at_sensitivity=0.9)
    with pytest.raises(ConfigError, match="names classes"):
        zoo.load("2D-UNet", checkpoint=None, variant="tiny").evaluate(data, at_sensitivity=0.9)


def test_evaluations_with_subgroups_are_compared(written: Path) -> None:
    done = RUNNER.invoke(app, ["compare", str(written), str(written), "--json"])

    area = next(row for row in json.loads(done.stdout) if row["metric"] == "roc_auc")
    assert (area["difference"], area["p_delong"]) == (0, 1)
