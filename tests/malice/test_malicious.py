"""Malicious weight files and registries: nothing runs, time and memory stay bounded, the error is the zoo's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

import zoo

from ..conftest import skip_without
from .checkpoints import checkpoints
from .payloads import registries, weight_files

LONGEST_S = 5.0  # of processor time of all threads; most take milliseconds, an attack that works takes minutes
LARGEST_MB = 200


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Name the file that an executed payload would make."""
    return tmp_path_factory.mktemp("canary") / "executed"


def attacks_of(kind: str, canary: Path) -> dict[str, bytes]:
    """Build the files of one kind."""
    if kind in (readers := {"weights": weight_files, "registry": registries}):
        return readers[kind](canary)
    skip_without(kind.split("-")[1])
    model = zoo.load("Covid-ResNet", checkpoint=None, variant="tiny", backend=kind.split("-")[1], device="cpu")
    identity = {"algorithm": model.name, "variant": model.variant, "config": asdict(model.config)}
    return checkpoints(model.engine.weights(), identity)


@pytest.fixture(scope="module", params=["weights", "registry", "checkpoint-torch", "checkpoint-mindspore"])
def reports(request: pytest.FixtureRequest, canary: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """Open every payload of one kind and collect the reports."""
    folder = tmp_path_factory.mktemp(request.param)
    contents = attacks_of(request.param, canary)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    os.mkfifo(folder / "pipe.safetensors")
    (folder / "folder.safetensors").mkdir()
    (folder / "dangling.safetensors").symlink_to(folder / "nowhere")
    command = [sys.executable, str(Path(__file__).with_name("attacked.py")), request.param, str(folder)]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    found = [json.loads(line) for line in out.splitlines()]
    assert len(found) == len(contents) + 3
    return found


def test_there_are_enough_payloads(canary: Path) -> None:
    assert len(weight_files(canary)) + len(registries(canary)) >= 30


def test_every_malicious_file_is_refused_by_name(reports: list[dict]) -> None:
    refused = [r["name"] for r in reports if r["outcome"].startswith("refused: ") and r["name"] in r["outcome"]]

    assert [r for r in reports if r["name"] not in refused] == []


def test_every_refusal_is_short(reports: list[dict]) -> None:
    assert [r["outcome"] for r in reports if len(r["outcome"].splitlines()) > 12 or len(r["outcome"]) > 1500] == []


def test_every_refusal_is_quick(reports: list[dict]) -> None:
    assert [(r["name"], r["seconds"]) for r in reports if r["seconds"] > LONGEST_S] == []


def test_every_refusal_takes_little_memory(reports: list[dict]) -> None:
    assert [(r["name"], r["megabytes"]) for r in reports if r["megabytes"] > LARGEST_MB] == []


@pytest.mark.usefixtures("reports")
def test_nothing_was_executed(canary: Path) -> None:
    assert not canary.exists()


def test_the_payloads_are_armed(tmp_path: Path) -> None:
    import pickle

    armed = tmp_path / "armed"
    pickle.loads(weight_files(armed)["pickle.pt"])

    assert armed.exists()
