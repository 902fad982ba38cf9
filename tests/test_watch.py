"""`zoo watch`: what it tells of runs that are written, finished, killed, foreign or damaged."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from zoo.cli import app, watch
from zoo.cli.plot import BLANK, plot
from zoo.common.errors import InputError
from zoo.training.watched import ENDED, FINISHED, HELD, RUNNING, STOPPED, read_run

SETTINGS = {"algorithm": "2D-UNet", "framework": "torch", "recipe": {"epochs": 10}}


def epoch(number: int, dice: float | None, loss: float = 1.0, **more: object) -> dict:
    training = {"dice": loss / 4, "entropy": loss * 3 / 4, "grad_norm": 99.0}
    return {
        "event": "epoch",
        "epoch": number,
        "training": training,
        "validation": {"iou": 0.1, "dice": dice},
        "seconds": 60.0 * number,
        **more,
    }


def written(folder: Path, *events: dict, holder: dict | None = None, settings: dict | None = SETTINGS) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "log.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    if settings is not None:
        (folder / "settings.json").write_text(json.dumps(settings))
    if holder is not None:
        (folder / ".holder.json").write_text(json.dumps(holder))
    return folder


def holder(pid: int, host: str = "") -> dict:
    return {"pid": pid, "host": host or socket.gethostname(), "since": "2026-01-01"}


def dead_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", "pass"])
    done.wait()
    return done.pid


def test_a_run_under_way_tells_its_best_epoch_and_the_time_left(tmp_path):
    folder = written(tmp_path, {"event": "start"}, epoch(1, 0.5, 2.0), epoch(2, 0.7), holder=holder(os.getpid()))

    run = read_run(folder)

    assert (run.state, run.name, run.monitor, run.epoch, run.epochs) == (RUNNING, "2D-UNet", "dice", 2, 10)
    assert (run.best, run.losses, run.epoch_s) == ((2, 0.7), [2.0, 1.0], 60.0)
    assert run.left_s == pytest.approx(480, abs=30)  # eight epochs, less what the running one took already


def test_gradients_are_no_part_of_the_loss(tmp_path):
    assert read_run(written(tmp_path, epoch(1, 0.5, 4.0))).losses == [4.0]


@pytest.mark.parametrize(
    ("events", "who", "state"),
    [
        ([{"event": "end", "best_epoch": 1, "test": {"metrics": {"dice": 0.6}}}], None, FINISHED),
        ([{"event": "stopped", "reason": "collapsed"}], None, STOPPED),
        ([], "dead", ENDED),
        ([], None, ENDED),
        ([{"event": "end"}], "other host", HELD),
        ([{"event": "end"}], "alive", RUNNING),  # resumed with more epochs
    ],
)
def test_the_state_is_that_of_the_last_event_and_of_who_holds_the_folder(tmp_path, events, who, state):
    holders = {"dead": holder(dead_process()), "other host": holder(1, "elsewhere"), "alive": holder(os.getpid())}

    assert read_run(written(tmp_path, epoch(1, 0.5), *events, holder=holders.get(who))).state == state


def test_a_finished_run_has_its_test_scores_and_no_time_left(tmp_path):
    run = read_run(written(tmp_path, epoch(1, 0.5), {"event": "end", "test": {"metrics": {"dice": 0.6}}}))

    assert (run.test, run.left_s) == ({"dice": 0.6}, None)


def test_an_epoch_that_was_done_again_counts_once(tmp_path):
    run = read_run(written(tmp_path, epoch(1, 0.5), epoch(2, 0.9), {"event": "resume"}, epoch(2, 0.6), epoch(3, 0.7)))

    assert (run.scores, run.best) == ([0.5, 0.6, 0.7], (3, 0.7))


def test_a_score_that_is_not_defined_is_a_gap(tmp_path):
    run = read_run(written(tmp_path, epoch(1, None), epoch(2, 0.4)))

    assert (run.scores[0] != run.scores[0], run.best) == (True, (2, 0.4))


@pytest.mark.parametrize(
    "junk", ['{"event": "ep', "\0\0\0", "[1, 2]", "null", '"text"', '{"event": "epoch", "epoch": "3"}', "\udcff{}"]
)
def test_half_written_and_foreign_lines_are_left_out(tmp_path, junk):
    folder = written(tmp_path, epoch(1, 0.5))
    with (folder / "log.jsonl").open("ab") as file:
        file.write(junk.encode("utf-8", "surrogateescape"))

    assert read_run(folder).epoch == 1


@pytest.mark.parametrize(
    "settings",
    [None, [], {"algorithm": 3}, {"algorithm": "Unknown-Net", "recipe": "long"}, {"recipe": {"epochs": None}}],
)
def test_folders_of_other_programs_show_what_can_be_read(tmp_path, settings):
    run = read_run(written(tmp_path, epoch(1, 0.5), settings=settings))

    assert (run.epoch, run.monitor, run.left_s) == (1, "iou", None)


def test_a_log_of_another_shape_is_no_error(tmp_path):
    odd = {"event": "epoch", "epoch": 1, "training": 3, "validation": [1], "seconds": "long"}

    assert (read_run(written(tmp_path, odd)).metrics, read_run(tmp_path).epoch) == ({}, 1)


@pytest.mark.parametrize("name", ["", "missing"])
def test_a_folder_without_a_run_is_an_error_that_says_so(tmp_path, name):
    with pytest.raises(InputError, match="holds no run"):
        read_run(tmp_path / name)


def test_without_a_terminal_one_state_is_printed(tmp_path):
    folder = written(tmp_path, epoch(1, 0.5), epoch(2, 0.7), holder=holder(os.getpid()))

    done = CliRunner().invoke(app, ["watch", str(folder)])

    lines = dict(line.split("\t") for line in done.stdout.splitlines())
    assert (done.exit_code, lines["state"], lines["epoch"], lines["best dice"]) == (
        0,
        "running",
        "2 of 10",
        "0.7000 after epoch 2",
    )


def test_json_holds_the_curves(tmp_path):
    folder = written(tmp_path, epoch(1, None), epoch(2, 0.7))

    found = json.loads(CliRunner().invoke(app, ["watch", str(folder), "--json"]).stdout)

    assert (found["curves"]["dice"], found["seconds_left"], found["state"]) == ([None, 0.7], None, "not running")


def test_a_terminal_follows_a_run_to_its_end(tmp_path, monkeypatch):
    folder = written(tmp_path, epoch(1, 0.5), holder=holder(os.getpid()))
    calls = []

    def go_on(seconds: float) -> None:
        calls.append(seconds)
        events = [epoch(1, 0.5), epoch(2, 0.8), *([{"event": "end"}] if len(calls) > 1 else [])]
        written(folder, *events)
        if len(calls) > 1:
            (folder / ".holder.json").unlink()

    monkeypatch.setattr(watch.time, "sleep", go_on)
    screen = Console(force_terminal=True, width=100, record=True, file=(tmp_path / "screen").open("w"))
    monkeypatch.setattr(watch, "console", lambda: screen)
    watch.watch(folder)

    assert (len(calls), "finished" in screen.export_text()) == (2, True)


def test_ctrl_c_ends_the_watching_alone(tmp_path, monkeypatch):
    folder = written(tmp_path, epoch(1, 0.5), holder=holder(os.getpid()))

    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", stop)
    monkeypatch.setattr(watch, "console", lambda: Console(force_terminal=True, file=(tmp_path / "screen").open("w")))
    watch.watch(folder)

    assert (folder / ".holder.json").exists()


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_pictures_fit_the_terminal(tmp_path, columns):
    more = {"validation_loss": {"dice": 0.3}}
    run = read_run(written(tmp_path, *(epoch(i, i / 10, 5 - i / 10, **more) for i in range(1, 9))))
    screen = Console(width=columns, record=True, file=(tmp_path / "screen").open("w"))
    screen.print(watch.picture_of(run, True, columns))

    assert max(map(len, screen.export_text().splitlines())) <= columns


def test_names_from_outside_are_printed_as_text(tmp_path):
    evil = "\x1b[31m[bold]x\n"
    folder = written(tmp_path, {**epoch(1, 0.5), "validation": {evil: 0.5}}, settings={"algorithm": evil})
    screen = Console(force_terminal=False, width=100, record=True, file=(tmp_path / "screen").open("w"))
    screen.print(watch.picture_of(read_run(folder), True, 100))

    text = screen.export_text()
    assert ("\x1b[31m" in text, "[bold]" in text) == (False, True)


def test_a_rising_curve_rises_from_left_to_right():
    lines = [line[10:] for line in plot([0.0, 1.0, 2.0, 3.0], 8, 4)]

    firsts = [next(i for i in range(4) if lines[i][x] != chr(BLANK)) for x in range(8)]
    assert (firsts[0], firsts[-1], firsts == sorted(firsts, reverse=True)) == (3, 0, True)


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0, 2.0], [float("nan"), 1.0, float("inf")]])
def test_curves_of_one_value_are_drawn(values):
    assert any(letter > chr(BLANK) for line in plot(values, 5, 3) for letter in line)


def test_a_curve_without_values_says_so():
    assert plot([float("nan")], 5, 3) == ["not defined"]


def test_durations_are_written_in_two_units():
    assert [watch.duration(s) for s in (5, 65, 3700, 90000)] == ["5 s", "1 min 5 s", "1 h 1 min", "1 d 1 h"]
