"""One folder and one entry add an algorithm: the whole contract is tested on it, and no other file changes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .toy.install import ENTRY, copy_toy

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("zoo", "common", "models", "tests", "ci")
TESTS = ("models/test_contract.py", "models/test_parity.py", "test_layering.py", "test_registry_names.py")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout with the toy beside the other algorithms, and one more entry."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, tmp_path)
    for room in ("common", "models"):  # as the installation maps them
        (tmp_path / "zoo" / room).symlink_to(tmp_path / room)
    copy_toy(tmp_path / "models")
    text = (ROOT / "registry.yaml").read_text(encoding="utf-8")
    (tmp_path / "registry.yaml").write_text(text.rstrip("\n") + "\n" + ENTRY.format(name="Toy-Spots"), encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_one_folder_and_one_entry_add_an_algorithm(checkout: Path, both_frameworks: tuple[str, ...]) -> None:
    files = [str(Path("tests") / name) for name in TESTS]
    command = [sys.executable, "-m", "pytest", *files, "-k", "Toy or spots", "-m", "not slow"]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}

    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, env=environment, timeout=550)

    assert done.returncode == 0, done.stdout[-5000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None and int(passed[1]) > 30, done.stdout[-500:]
