"""The table of deliberate faults stays true: every line stands in its file once, every test exists."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


def load_table() -> Any:
    """Import ci/mutants_table.py, which belongs to no package."""
    spec = importlib.util.spec_from_file_location("mutants_table", ROOT / "ci" / "mutants_table.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


MUTANTS = load_table().MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.file}: {m.new.strip()}")
def test_line_stands_once_and_its_test_exists_and_is_fast(mutant: Any) -> None:
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    path, name = mutant.test.split("::")
    functions = [n for n in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(n, ast.FunctionDef)]
    (test,) = (function for function in functions if function.name == name)

    assert text.count(mutant.old) == 1
    assert mutant.new != mutant.old and mutant.old.strip().count("\n") == 0
    assert not any("slow" in ast.dump(decorator) for decorator in test.decorator_list)


def test_faults_are_many_and_in_every_room() -> None:
    folders = {mutant.file.rsplit("/", 1)[0] for mutant in MUTANTS}

    assert len(MUTANTS) >= 25
    assert {
        "zoo/engines",
        "zoo/training",
        "zoo/registry",
        "common/metrics",
        "common/io",
        "common/transforms",
    } <= folders
