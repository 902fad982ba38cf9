"""The rooms of the house: who may import whom, and how large things may grow; read from the syntax trees."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("zoo", "common", "models", "ci")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]
PAIRS = sorted(
    path
    for folder in ("models", "common")
    for path in (ROOT / folder).rglob("*_torch.py")
    if path.with_name(f"{path.stem[:-6]}_mindspore.py").exists()
)
FRAMEWORKS = {"torch", "mindspore"}
RUNTIMES = {"openvino", "onnxruntime"}  # imported in their own files only, as frameworks are
LONGEST_FILE, LONGEST_FUNCTION = 300, 40  # lines
every_file = pytest.mark.parametrize("path", FILES, ids=NAMES)


def files_in(*folders: str) -> pytest.MarkDecorator:
    kept = [p for p in FILES if p.relative_to(ROOT).parts[0] in folders]
    return pytest.mark.parametrize("path", kept, ids=lambda p: str(p.relative_to(ROOT)))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def package(path: Path) -> str:
    """Name the package that a file's relative imports start from."""
    folder = path.parent.relative_to(ROOT)
    return ".".join(folder.parts if folder.parts[0] == "zoo" else ("zoo", *folder.parts))


def imported(path: Path) -> set[str]:
    """List the absolute names of all modules that a file imports, at its top or inside functions."""
    names = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package(path).split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            names.update({base} | {f"{base}.{alias.name}" for alias in node.names})
    return names


def inside(name: str, *packages: str) -> bool:
    return any(name == p or name.startswith(f"{p}.") for p in packages)


def shape_of(module: ast.Module) -> list[str]:
    """List classes, methods and functions in their order, with their arguments."""
    found = []
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            methods = [n for n in node.body if isinstance(n, ast.FunctionDef)]
            found += [f"class {node.name}", *(f"{node.name}.{signature(n)}" for n in methods)]
        elif isinstance(node, ast.FunctionDef):
            found.append(signature(node))
    return found


def signature(function: ast.FunctionDef) -> str:
    name = "forward" if function.name == "construct" else function.name
    return f"{name}({', '.join(a.arg for a in function.args.args)})"


@files_in("zoo", "common", "models")
def test_only_files_named_after_a_framework_import_it(path):
    allowed = {f for f in FRAMEWORKS | RUNTIMES if path.stem.endswith(f"_{f}")}

    assert {n.split(".")[0] for n in imported(path)} & (FRAMEWORKS | RUNTIMES) <= allowed


@files_in("common")
def test_common_imports_only_common(path):
    ours = {n for n in imported(path) if inside(n, "zoo")}

    assert {n for n in ours if not inside(n, "zoo.common")} <= {"zoo"}


@files_in("models")
def test_models_import_only_common_and_themselves(path):
    own = ".".join(package(path).split(".")[:3])

    assert {n for n in imported(path) if inside(n, "zoo") and not inside(n, "zoo.common", own)} == set()


@every_file
def test_nothing_imports_the_folders_by_their_bare_names(path):
    assert {n for n in imported(path) if inside(n, "common", "models")} == set()


@pytest.mark.parametrize("path", PAIRS, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_two_files_of_a_pair_have_the_same_outline(path):
    twin = path.with_name(f"{path.stem[:-6]}_mindspore.py")

    assert shape_of(tree(path)) == shape_of(tree(twin))


@every_file
def test_environment_is_read_in_few_places_only(path):
    allowed = (
        "zoo/engines/backends.py",
        "zoo/engines/backends_launch.py",
        "zoo/engines/backends_mindspore.py",
        "zoo/engines/backends_ray.py",
        "zoo/weights/places.py",
        "zoo/benchmark/__init__.py",
    )
    reads = {n.attr for n in ast.walk(tree(path)) if isinstance(n, ast.Attribute)} & {"environ", "getenv"}

    assert not reads or str(path.relative_to(ROOT)) in allowed


@every_file
def test_files_and_functions_stay_short(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    functions = [n for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [f"{f.name}: {size}" for f in functions if (size := (f.end_lineno or 0) - f.lineno + 1) > LONGEST_FUNCTION]

    assert (lines <= LONGEST_FILE, long) == (True, []), f"{lines} lines"


@every_file
def test_every_file_says_what_it_is(path):
    docstring = ast.get_docstring(tree(path)) or ""

    assert re.search(r"[.!?]$", docstring.split("\n")[0]), "the first line is one sentence"


def test_no_file_is_called_utils():
    assert {p.stem for p in FILES} & {"utils", "util", "helpers", "helper", "misc"} == set()


def test_every_model_folder_has_both_frameworks():
    folders = [p for p in (ROOT / "models").iterdir() if (p / "__init__.py").exists()]
    needed = {"__init__.py", "README.md", "config.py", "algorithm.py"} | {
        f"{part}_{framework}.py" for part in ("net", "loss") for framework in FRAMEWORKS
    }

    assert {p.name: sorted(needed - {f.name for f in p.iterdir()}) for p in folders} == {p.name: [] for p in folders}
