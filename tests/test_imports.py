"""`import zoo` is light, and the user's own modules beside the script do not disturb it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "mindspore", "scipy", "matplotlib", "SimpleITK", "sklearn", "pydicom", "pandas", "huggingface_hub")


def python(code: str, folder: Path) -> str:
    """Run code as a script in a folder of its own, as a user would."""
    script = folder / "script.py"
    script.write_text(code)
    done = subprocess.run([sys.executable, str(script)], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded(statement: str, folder: Path) -> set[str]:
    return set(python(f"{statement}\nimport sys\nprint(*sys.modules)", folder).split())


def test_importing_zoo_imports_nothing_heavy(tmp_path):
    assert loaded("import zoo", tmp_path) & set(HEAVY) == set()


@pytest.mark.parametrize("statement", ["zoo.list_models()", "zoo.info('EllipseNet')"])
def test_asking_the_registry_imports_no_framework(tmp_path, statement):
    assert loaded(f"import zoo\n{statement}", tmp_path) & {"torch", "mindspore"} == set()


@pytest.mark.parametrize(("backend", "other"), [("torch", "mindspore"), ("mindspore", "torch")])
def test_a_model_of_one_framework_never_imports_the_other(tmp_path, backend, other):
    pytest.importorskip(backend)
    load = f"import zoo\nzoo.load('EllipseNet', backend={backend!r}, device='cpu', checkpoint=None, variant='tiny')"

    assert other not in loaded(load, tmp_path)


@pytest.mark.parametrize("name", ["models", "common", "utils", "registry", "backends", "engine", "cli"])
def test_modules_of_the_user_do_not_disturb(tmp_path, name):
    (tmp_path / f"{name}.py").write_text("raise RuntimeError('the zoo imported a module of the user')")

    assert python("import zoo, zoo.common.types, zoo.models\nprint(len(zoo.list_models()))", tmp_path).strip() != "0"


@pytest.mark.parametrize("folder", ["common", "models"])
def test_rooms_refuse_their_bare_names(tmp_path, folder):
    lines = ["import sys", f"sys.path.insert(0, {str(ROOT)!r})", "try:", f"    import {folder}"]

    assert f"zoo.{folder}" in python("\n".join([*lines, "except ImportError as error:", "    print(error)"]), tmp_path)
