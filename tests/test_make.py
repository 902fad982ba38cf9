"""`make` says in a few lines what is missing on a machine, instead of a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST_MESSAGE = 4  # lines on stderr, make's own last line included


def make(target: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make with an environment folder of its own, so that nothing is installed yet."""
    command = ["make", "--no-print-directory", target, f"VENV={tmp_path / 'venv'}"]
    variables = {**os.environ, "PYTHON": sys.executable, "MAKEFLAGS": "", **environment}
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=300)


def program(folder: Path, name: str, output: str) -> str:
    """Put a program that prints `output` in front of the search path; return the path."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\ncat <<'EOF'\n{output}\nEOF\n")
    (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def test_no_python_is_said_with_the_way_to_name_one(tmp_path):
    done = make("demo", tmp_path, PYTHON="python-that-is-not-there")

    assert done.returncode != 0
    assert "no Python 3.11 or 3.12 found" in done.stderr
    assert "PYTHON=" in done.stderr
    assert len(done.stderr.splitlines()) <= LONGEST_MESSAGE


def test_a_full_disk_is_said_before_anything_is_downloaded(tmp_path):
    table = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda 9000000 8000000 1000000 89% /"
    done = make("test", tmp_path, PATH=program(tmp_path / "bin", "df", table))

    assert done.returncode != 0
    assert "0 GiB free" in done.stderr
    assert len(done.stderr.splitlines()) <= LONGEST_MESSAGE
    assert not (tmp_path / "venv").exists()


@pytest.mark.slow
def test_an_unreachable_registry_is_said(tmp_path):
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1"}
    done = make("demo", tmp_path, **nowhere, PIP_EXTRA_INDEX_URL="", PIP_FIND_LINKS="")

    assert done.returncode != 0
    assert "no package registry could be reached" in done.stderr
    assert len(done.stderr.splitlines()) <= LONGEST_MESSAGE


def test_help_names_every_target():
    done = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True)
    declared = {"demo", "test", "test-fast", "mutants", "check", "docs", "format", "clean"}

    assert {line.split()[1] for line in done.stdout.splitlines()} == declared
