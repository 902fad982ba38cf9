"""Break one line at a time in a copy of the project, and check that the test that should notice does.

    python ci/mutants.py            # all of them, or those whose file or test holds a word: python ci/mutants.py tiling

Each mutant is one line in one file and one fast test. The table is printed; the exit code is 1 if a mutant survives, if
its line is gone, or if its test fails without it. tests/test_mutants.py keeps the table up to date.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mutants_table import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("zoo", "common", "models", "tests", "ci", "docs", "registry.yaml", "pyproject.toml", "setup.py", "README.md")
LINKED = ("checkpoints",)  # large, and never changed
CAUGHT = "caught"
FAILED, PASSED = 1, 0  # exit codes of pytest; others mean that the test did not run


def main() -> None:
    words = sys.argv[1:]
    chosen = [m for m in MUTANTS if not words or any(word in m.file or word in m.test for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        copy = _copy(Path(folder) / "project")
        tests = list(dict.fromkeys(m.test for m in chosen))
        all_sound = _run(copy, *tests) == PASSED  # one process; only to find out which one fails, a process each
        sound = {test: PASSED if all_sound else _run(copy, test) for test in tests}
        width, caught = max((len(test) for test in tests), default=0), 0
        for mutant in chosen:
            outcome = _try(copy, mutant, sound[mutant.test])
            caught += outcome == CAUGHT
            print(f"{outcome:10} {mutant.test:{width}}  {mutant.file}: {mutant.new.strip()}", flush=True)
    print(f"{caught} of {len(chosen)} caught")
    raise SystemExit(caught < len(chosen))


def _copy(target: Path) -> Path:
    """Copy the project, and build the tree under which its three folders are one package."""
    target.mkdir()
    ignored = shutil.ignore_patterns("__pycache__")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=ignored)
        else:
            shutil.copy(source, target / name)
    for name in LINKED:
        (target / name).symlink_to(ROOT / name)
    subprocess.run([sys.executable, target / "ci" / "link_tree.py"], check=True)
    return target


def _try(copy: Path, mutant: Mutant, sound: int) -> str:
    """Say what became of one mutant, or why it could not be tried."""
    if sound != PASSED:
        return "BAD TEST"  # it fails, or does not exist, without the mutant
    path = copy / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        return "LINE GONE"
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        return {FAILED: CAUGHT, PASSED: "SURVIVED"}.get(_run(copy, mutant.test), "BROKEN")
    finally:
        path.write_text(text, encoding="utf-8")


def _run(copy: Path, *tests: str) -> int:
    """Run tests on the copy; the tree of links comes before whatever is installed."""
    settings = [f"PYTHONPATH={copy / 'build' / 'typing'}", "PYTHONDONTWRITEBYTECODE=1"]
    pytest = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "-c", copy / "pyproject.toml"]
    places = ["--rootdir", copy, *(copy / test for test in tests)]
    elsewhere = copy / "build"  # the folder a process starts in is searched first, and `zoo` lies in the copy's root
    command = [str(part) for part in ("env", *settings, *pytest, *places)]
    return subprocess.run(command, cwd=elsewhere, capture_output=True, check=False).returncode


if __name__ == "__main__":
    main()
