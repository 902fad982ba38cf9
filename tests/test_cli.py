"""The command line answers on stdout, complains on stderr, and says by its exit code how it went."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from typer.testing import CliRunner

import zoo
from zoo.cli import app
from zoo.cli.options import parse_options
from zoo.common.errors import TrainingError
from zoo.common.recipe import Recipe
from zoo.registry import load_registry

NAME = "Covid-ResNet"
RUNNER = CliRunner()


def run(*arguments: object):  # type: ignore[no-untyped-def]
    return RUNNER.invoke(app, [str(argument) for argument in arguments])


def words(text: str) -> str:
    """Join what a terminal wrapped, without its frames and colours."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|[│╭╮╰╯─]", " ", text).split())


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    return zoo.load(NAME, checkpoint=None, variant="tiny").save(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write bright and dark pictures, labelled as such, in three splits."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    lines = ["image,label,split,group"]
    for i in range(40):
        label, split = i % 2, "train" if i < 24 else "val" if i < 32 else "test"
        values = np.clip(rng.normal(60 + 120 * label, 30, (32, 32)), 0, 255).astype(np.uint8)
        Pillow.fromarray(values).save(folder / f"{i:02}.png")
        lines.append(f"{i:02}.png,{('normal', 'covid')[label]},{split},p{i}")
    (folder / "classes.txt").write_text("normal\ncovid\n")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_list_shows_every_algorithm() -> None:
    result = run("list")

    assert result.exit_code == 0
    assert all(name in result.stdout for name in load_registry())


def test_the_version_is_told() -> None:
    assert run("--version").stdout == f"openmedia-zoo {zoo.__version__}\n"


def test_a_pipe_gets_a_line_per_row_and_tabs_between_the_cells() -> None:
    lines = [line.split("\t") for line in run("list").stdout.splitlines()]

    assert lines[0] == ["name", "task", "what it does"]
    assert [line[0] for line in lines[1:]] == list(load_registry())
    assert {len(line) for line in lines} == {3}


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_never_breaks_a_name(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    from zoo.cli import output

    monkeypatch.setattr(output, "console", lambda: Console(force_terminal=True, width=width, markup=False))
    for arguments in (["list"], ["info", "EllipseNet"]):
        shown = words(run(*arguments).stdout)

        names = load_registry() if arguments == ["list"] else load_registry()["EllipseNet"].checkpoints
        assert all(name in shown for name in names)


def test_the_shell_completes_names_checkpoints_and_variants() -> None:
    def offered(*typed: str) -> list[str]:
        environment = {"_ZOO_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(["zoo", *typed])}
        environment["COMP_CWORD"] = str(len(typed))
        program = [sys.executable, "-c", "from zoo.cli import main; main()"]
        result = subprocess.run(program, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
        return result.stdout.split()

    assert offered("predict", "Covid-R") == ["Covid-ResNet"]
    assert "mindspore" in offered("predict", "EllipseNet", "--backend", "m")
    assert set(load_registry()["EllipseNet"].checkpoints) < set(offered("predict", "EllipseNet", "--checkpoint", ""))
    assert "tiny" in offered("train", "EllipseNet", "--variant", "t")
    assert offered("list", "--task", "seg") == ["segmentation"]


def test_list_as_json_can_be_filtered() -> None:
    entries = json.loads(run("list", "--json", "--task", "classification").stdout)

    assert entries and {entry["task"] for entry in entries} == {"classification"}


def test_info_finds_a_name_however_it_is_spelt() -> None:
    assert json.loads(run("info", "covid_resnet", "--json").stdout)["name"] == NAME
    assert "licence" in run("info", NAME).stdout


def test_a_mistyped_name_is_one_line_with_a_suggestion() -> None:
    result = run("info", "Covid-ResNt")

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"did you mean {NAME}" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments", [["predict", NAME], ["lst"], ["list", "--jsn"], ["download"], ["train", NAME, "--epochs", "many"]]
)
def test_wrong_usage_exits_with_two(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_predict_writes_json_csv_and_overlays(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("predict", NAME, data / "00.png", data / "01.png", "--checkpoint", checkpoint, "--out", out)

    assert result.exit_code == 0, result.stderr
    told = json.loads((out / "predictions.json").read_text())
    assert [Path(entry["name"]).name for entry in told["predictions"]] == ["00.png", "01.png"]
    assert told["model"]["weights"] == str(checkpoint)
    assert len(list(csv.DictReader((out / "predictions.csv").open()))) == 2
    assert sorted(path.name for path in (out / "overlays").iterdir()) == ["00.png", "01.png"]


def test_predict_finishes_the_good_ones_and_lists_the_bad(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    (mixed / "again").mkdir(parents=True)
    for place in (mixed, mixed / "again"):
        Pillow.open(data / "00.png").save(place / "good.png")
    (mixed / "bad.png").write_bytes(b"")
    out = tmp_path / "out"

    result = run("predict", NAME, mixed, "/none.png", "--checkpoint", checkpoint, "--out", out, "--batch-size", 2)

    assert result.exit_code == 1
    assert "2 of 4 images predicted" in result.stderr
    assert "bad.png: 0 bytes" in result.stderr and "/none.png: no such file" in result.stderr
    told = json.loads((out / "predictions.json").read_text())
    assert (len(told["predictions"]), len(told["failures"])) == (2, 2)
    drawn = sorted(path.relative_to(out / "overlays").as_posix() for path in (out / "overlays").rglob("*.png"))
    assert drawn == ["again/good.png", "mixed/good.png"]


def test_predict_replaces_its_own_files_on_demand_and_no_others(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    options = ("predict", NAME, data / "00.png", "--checkpoint", checkpoint, "--out", tmp_path / "out")

    assert run(*options).exit_code == 0
    refused = run(*options)
    assert refused.exit_code == 1 and "--overwrite" in refused.stderr
    assert run(*options, "--overwrite").exit_code == 0
    (tmp_path / "out" / "overlays" / "00.png").write_text("mine")
    changed = run(*options, "--overwrite")
    assert changed.exit_code == 1 and "overlays/00.png: was changed" in words(changed.stderr)
    assert (tmp_path / "out" / "overlays" / "00.png").read_text() == "mine"


def test_a_bug_in_one_image_shows_its_traceback_and_the_others_go_on(
    checkpoint: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.prediction import outcomes

    prepare = outcomes.prepare
    monkeypatch.setattr(outcomes, "prepare", lambda a, i, s: prepare(a, i, s) if i.name.endswith("00.png") else 1 / 0)
    result = run("predict", NAME, *(data / f"0{i}.png" for i in range(3)), "--checkpoint", checkpoint)

    assert (result.exit_code, result.stdout.count("\n")) == (1, 1)
    assert result.stderr.count("Traceback") == 1 and result.stderr.count("ZeroDivisionError: division by zero; ") == 2


@pytest.mark.parametrize(
    ("option", "code"),
    [("--spacing-mm=a", 2), ("--spacing-mm=1,2,3,4", 1), ("--spacing-mm=0", 1), ("--batch-size=0", 2), ("--out=", 1)],
)
def test_an_option_that_is_none_is_refused(option: str, code: int, data: Path, checkpoint: Path) -> None:
    result = run("predict", NAME, data / "00.png", option, "--checkpoint", checkpoint)

    assert result.exit_code == code and "Traceback" not in result.stderr


def test_predict_prints_json_for_scripts_and_nothing_else(checkpoint: Path, data: Path) -> None:
    result = run("predict", NAME, data / "00.png", "--checkpoint", checkpoint, "--json", "--spacing-mm", 0.5)

    (prediction,) = json.loads(result.stdout)["predictions"]
    assert prediction["spacing_mm"] == [0.5, 0.5]


def test_predictions_agree_with_the_python_interface(checkpoint: Path, data: Path) -> None:
    result = run("predict", NAME, data / "03.png", "--checkpoint", checkpoint, "--json")

    expected = zoo.load(NAME, checkpoint=checkpoint).predict(data / "03.png").to_dict()
    (told,) = json.loads(result.stdout)["predictions"]
    assert told["probabilities"] == pytest.approx(expected["probabilities"], rel=1e-5)


def test_train_stops_resumes_and_evaluates(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ("--data", data, "--out", out, "--checkpoint", checkpoint, "--epochs", 2, "--freeze", "conv1")

    first = run("train", NAME, *options, "--learning-rate", 0.002)
    assert first.exit_code == 0, first.stderr
    assert "best after epoch" in first.stderr and "accuracy" in first.stdout
    settings = json.loads((out / "settings.json").read_text())["recipe"]
    assert (settings["epochs"], settings["learning_rate"], settings["freeze"]) == (2, 0.002, ["conv1"])

    again = run("train", NAME, *options, "--learning-rate", 0.002)
    assert again.exit_code == 1 and "--resume" in again.stderr

    scored = run("evaluate", NAME, "--data", data, "--checkpoint", out / "best.safetensors", "--out", tmp_path / "e")
    assert scored.exit_code == 0, scored.stderr
    assert "trivial baseline" in words(scored.stdout)
    summary = json.loads((tmp_path / "e" / "summary.json").read_text())
    assert summary["cases"] == len(list(csv.DictReader((tmp_path / "e" / "cases.csv").open()))) == 8
    assert set(summary["metrics"]) == set(summary["baseline"])


def test_every_field_of_the_recipe_is_an_option() -> None:
    shown = words(run("train", "--help").stdout)

    assert [f.name for f in fields(Recipe) if f"--{f.name.replace('_', '-')[:18]}" not in shown] == []


def test_only_typed_options_reach_the_recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = {}

    class Recorder:
        def train(self, data, **options):  # type: ignore[no-untyped-def]
            asked.update(options)
            raise TrainingError("enough")

    monkeypatch.setattr("zoo.cli.run.load_model", lambda *_, **__: Recorder())
    result = run(
        "train", NAME, "--data", tmp_path, "--out", tmp_path, "--freeze", "a", "--freeze", "b", "--patience", 0
    )

    assert (result.exit_code, result.stderr.strip()) == (1, "error: enough")
    assert asked == {
        "out": tmp_path,
        "method": "supervised",
        "method_options": {},
        "snapshots": 0,
        "layout": None,
        "resume": False,
        "augment": None,
        "freeze": ("a", "b"),
        "patience": 0,
    }


def test_ctrl_c_exits_with_130_and_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Stopped:
        def train(self, data, **options):  # type: ignore[no-untyped-def]
            raise KeyboardInterrupt("saved at step 7")

    monkeypatch.setattr("zoo.cli.run.load_model", lambda *_, **__: Stopped())
    monkeypatch.setattr(sys, "argv", ["zoo", "train", NAME, "--data", "my data", "--out", "run"])
    result = run("train", NAME, "--data", tmp_path, "--out", tmp_path)

    assert result.exit_code == 130
    assert f"zoo train {NAME} --data 'my data' --out run --resume" in result.stderr
    assert "saved at step 7" in result.stderr


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.registry.load_registry", lambda: 1 / 0)

    assert isinstance(run("list").exception, ZeroDivisionError)


def test_verify_fails_on_a_wrong_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from zoo.weights.places import Finding

    for state, code in (("right", 0), ("absent", 0), ("wrong", 1)):
        finding = Finding("small", tmp_path / "w.safetensors", state, "")
        monkeypatch.setattr("zoo.weights.places.verify", lambda entry, finding=finding: [finding])

        assert run("verify", NAME, "--json").exit_code == code


def test_doctor_says_what_to_do() -> None:
    checks = json.loads(run("doctor", "--json").stdout)

    assert {"Python", "registry"} <= {check["name"] for check in checks}


def zoo_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "zoo", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_the_module_runs_as_a_program_without_importing_a_framework() -> None:
    script = (
        "import sys; sys.argv = ['zoo', 'list', '--json']\n"
        "import atexit; atexit.register(lambda: print(sorted({'torch', 'mindspore', 'numpy'} & set(sys.modules)), "
        "file=sys.stderr))\n"
        "from zoo.cli import main; main()"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)

    assert (result.returncode, result.stderr.strip()) == (0, "[]")
    assert [entry["name"] for entry in json.loads(result.stdout)] == list(load_registry())


def test_an_error_is_one_message_and_exit_code_one() -> None:
    result = zoo_process("predict", NAME, "/no/such/picture.png", "--checkpoint", "/no/such/file.safetensors")

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ") and "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("classes=background,lung tumour", ["background", "lung tumour"]),
        ("spacing_mm=1,1,2.5", [1, 1, 2.5]),
        ("spacing_mm=[1,1]", [1, 1]),
        ("norm=batch", "batch"),
        ('outside="a,b"', "a,b"),
        ("two_maps=true", True),
    ],
)
def test_an_option_with_commas_is_a_list_without_brackets_too(text: str, value: object) -> None:
    assert [*parse_options([text]).values()] == [value]
