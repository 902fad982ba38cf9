"""An evaluation writes tables and pictures, says what its means rest on, and is compared with another."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from zoo.cli import app
from zoo.common.ellipses.scores import score_ellipses, score_measurements, summarise
from zoo.common.errors import InputError, OutputError
from zoo.common.metrics.classification import summarise_probabilities
from zoo.evaluation import Evaluation, compare_rows, read_cases

NAN = float("nan")
TRUTH = np.array([[0, 90, 60, 50, 30, 0.4]])


def head(name: str, found: np.ndarray) -> dict[str, float | str]:
    measured = {"hc_mm": 240.0 + len(name)} if len(found) else {}
    scores = {**score_ellipses(found, TRUTH, ("head",), 200.0), **score_measurements(measured, {"hc_mm": 250.0})}
    return {"name": name, "group": name, **scores}


def heads(count: int, missed: int, shift: float = 0.0) -> Evaluation:
    rows = [
        head(f"case{i}", TRUTH[:0] if i < missed else np.add(TRUTH, [0, shift * i, 0, 0, 0, 0])) for i in range(count)
    ]
    return Evaluation(rows, summarise(rows), {"dice": (0.1, 0.9)}, {"dice": 0.5})


def classified(seed: int, noise: float) -> list[dict[str, float | str]]:
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(60):
        p = float(np.clip(i % 2 * 0.6 + 0.2 + rng.normal(0, noise), 0.01, 0.99))
        row = {"name": f"{i:03}", "group": f"{i}", "label": float(i % 2), "p_normal": 1 - p, "p_covid": p}
        rows.append({**row, "correct": float((p > 0.5) == i % 2)})
    return rows


def test_the_table_says_how_many_cases_are_used_and_missed() -> None:
    table = {row["metric"]: row for row in heads(5, missed=2).table()}

    assert [table["dice"][k] for k in ("low", "high", "baseline")] == [0.1, 0.9, 0.5]
    assert [table["hc_error_mm"][k] for k in ("used", "undefined", "missed")] == [5, 0, 2]
    assert [table["hc_difference_mm"][k] for k in ("used", "undefined", "missed")] == [3, 2, 2]


def test_a_missed_head_never_improves_a_score() -> None:
    good, bad = (heads(5, missed, shift=1.0).metrics for missed in (0, 1))

    for name in ("hc_error_mm", "angle_error_head_deg", "centre_error_head_px", "missed"):
        assert bad[name] > good[name], name
    for name in ("dice", "dice_head", "iou_head", "rectangle_iou_head"):
        assert bad[name] < good[name], name


def test_saved_files_hold_tables_and_pictures(tmp_path: Path) -> None:
    paths = heads(4, missed=1).save(tmp_path)

    names = {path.name for path in paths}
    assert {"cases.csv", "summary.csv", "summary.json", "agreement_hc_mm.png", "boxes_dice.png"} <= names
    assert all(path.stat().st_size > 100 for path in paths)
    told = json.loads((tmp_path / "summary.json").read_text(), parse_constant=pytest.fail)
    assert told["counts"]["dice_head"] == {"used": 4, "undefined": 0, "missed": 1}
    assert [row["metric"] for row in csv.DictReader((tmp_path / "summary.csv").open())] == list(told["metrics"])


def test_only_files_of_an_earlier_evaluation_are_replaced(tmp_path: Path) -> None:
    heads(4, missed=1).save(tmp_path)

    with pytest.raises(OutputError, match="earlier run"):
        heads(4, missed=0).save(tmp_path)
    heads(4, missed=0).save(tmp_path, overwrite=True)
    assert json.loads((tmp_path / "summary.json").read_text())["counts"]["dice_head"]["missed"] == 0
    (tmp_path / "cases.csv").write_text("mine")
    with pytest.raises(OutputError, match="not overwritten"):
        heads(4, missed=1).save(tmp_path, overwrite=True)


def test_its_text_is_short() -> None:
    shown = repr(heads(40, missed=1))

    assert shown.startswith("<Evaluation of 40 cases: ") and len(shown) < 200


def test_cases_come_back_from_the_folder_and_from_the_file(tmp_path: Path) -> None:
    result = heads(4, missed=1)
    result.save(tmp_path)

    for path in (tmp_path, tmp_path / "cases.csv"):
        for row, back in zip(result.rows, read_cases(path), strict=True):
            np.testing.assert_equal(back, row)


def test_a_name_of_digits_stays_a_name(tmp_path: Path) -> None:
    Evaluation(classified(0, 0.1), {}).save(tmp_path)

    assert read_cases(tmp_path)[3]["name"] == "003"
    assert (tmp_path / "boxes_p_covid.png").exists()


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "name,group,dice\na,b,high\n"])
def test_another_table_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "cases.csv").write_text(content)

    with pytest.raises(InputError, match=r"zoo"):
        read_cases(tmp_path)


def test_the_better_detector_is_seen() -> None:
    rows = {row["metric"]: row for row in heads(8, 0).compare(heads(8, 1, shift=2.0))}

    assert rows["dice_head"]["difference"] > 0 > rows["centre_error_head_px"]["difference"]
    assert rows["dice_head"]["p"] < 0.05 and rows["dice_head"]["low"] > 0
    assert rows["missed"]["difference"] == pytest.approx(-1 / 8)


def test_cases_without_a_patient_stand_for_themselves(tmp_path: Path) -> None:
    for name, evaluation in (("a", heads(8, 0)), ("b", heads(8, 1, shift=2.0))):
        Evaluation([{**row, "group": ""} for row in evaluation.rows], {}).save(tmp_path / name)

    rows = {row["metric"]: row for row in compare_rows(read_cases(tmp_path / "a"), read_cases(tmp_path / "b"))}

    assert rows["dice_head"]["p"] < 0.05 and rows["dice_head"]["low"] > 0


def test_classifiers_are_compared_by_their_pooled_scores_too() -> None:
    first, second = classified(0, 0.1), classified(1, 0.5)

    rows = {row["metric"]: row for row in compare_rows(first, second[::-1])}

    auc = [summarise_probabilities(r)["roc_auc"] for r in (first, second)]
    assert rows["roc_auc"]["difference"] == pytest.approx(auc[0] - auc[1])
    assert 0 < rows["roc_auc"]["low"] < rows["roc_auc"]["high"]
    assert rows["correct"]["p_sign"] < 0.05


def test_the_same_answers_compare_as_equal_whatever_the_order_of_the_classes() -> None:
    first = classified(0, 0.3)
    turned = [{**row, "label": 1 - row["label"], **{k: row[k] for k in ("p_covid", "p_normal")}} for row in first]
    second = [{"name": row["name"], **{k: row[k] for k in sorted(row)}} for row in turned]  # p_covid comes first

    rows = compare_rows(first, second)

    assert {row["metric"] for row in rows} > {"sensitivity", "specificity", "average_precision", "f1"}
    assert all(row["difference"] == 0 for row in rows)


def test_other_true_classes_are_not_compared() -> None:
    first = classified(0, 0.3)
    second = [{**row, "label": 1.0} for row in first]

    with pytest.raises(InputError, match="30 of 60 cases have another true class, such as 000"):
        compare_rows(first, second)


def test_the_shell_compares_two_folders(tmp_path: Path) -> None:
    for name, evaluation in (("a", heads(8, 0)), ("b", heads(8, 2))):
        evaluation.save(tmp_path / name)
    runner = CliRunner()

    shown = runner.invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b")])
    told = runner.invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b" / "cases.csv"), "--json"])
    refused = runner.invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "c")])

    assert shown.exit_code == 0 and "hc_error_mm" in shown.stdout
    assert {row["metric"] for row in json.loads(told.stdout)} >= {"dice", "hc_error_mm", "missed"}
    assert refused.exit_code == 1 and "No such file" in refused.stderr
