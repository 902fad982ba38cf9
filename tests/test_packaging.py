"""What users install: sdist to wheel to a clean environment, and the editable install of contributors."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import tomllib

import zoo

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = (
    "zoo",
    "common",
    "models",
    "pyproject.toml",
    "setup.py",
    "MANIFEST.in",
    "LICENSE",
    "README.md",
    "registry.yaml",
)
HOSTILE = ("models", "common", "utils", "registry", "setup")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("build") is None, reason="needs openmedia-zoo[dev]"),
]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def copy_of_the_tree(folder: Path) -> Path:
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(source, folder / name)
    return folder


def clean_environment(folder: Path) -> Path:
    """Make an environment that sees this one's libraries, but not its editable install of the zoo."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=ROOT)
    (packages,) = folder.glob("lib/python*/site-packages")
    libraries = [path for path in sys.path if path.endswith("site-packages")]  # their .pth files are not followed
    (packages / "libraries.pth").write_text("\n".join(libraries))
    return folder / "bin" / "python"


def install(python: Path, *what: str | Path) -> None:
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, *what, cwd=python.parent)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build the sdist from a copy of the tree that holds an old build/, then the wheel from the sdist alone."""
    folder = tmp_path_factory.mktemp("packaging")
    tree = copy_of_the_tree(folder / "tree")
    stale = tree / "build" / "lib" / "zoo" / "models" / "deleted_model.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    run(*build, "--sdist", tree, cwd=folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    run(*build, "--wheel", next((folder / "unpacked").iterdir()), cwd=folder)
    run(*build, "--wheel", tree, "--outdir", folder / "direct", cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


def files_of(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_wheel_holds_only_zoo(wheel):
    assert {name.split("/")[0] for name in files_of(wheel)} == {"zoo"}


def test_wheel_holds_every_file_of_the_three_rooms(wheel):
    rooms = {"zoo": ROOT / "zoo", "zoo/common": ROOT / "common", "zoo/models": ROOT / "models"}
    wanted = {f"{room}/{path.relative_to(folder)}" for room, folder in rooms.items() for path in folder.rglob("*.py")}
    extra = [path for suffix in ("png", "json", "md") for path in (ROOT / "models").rglob(f"*.{suffix}")]
    data = {f"zoo/models/{path.relative_to(ROOT / 'models')}" for path in extra}
    data |= {f"zoo/{path.relative_to(ROOT / 'zoo')}" for path in (ROOT / "zoo/serve/page").rglob("*") if path.is_file()}

    assert (wanted | data | {"zoo/registry.yaml", "zoo/py.typed"}) - files_of(wheel) == set()


def test_wheel_from_the_tree_equals_wheel_from_the_sdist(wheel):
    (direct,) = (wheel.parent / "direct").glob("*.whl")

    assert files_of(direct) == files_of(wheel)


def test_wheel_works_beside_modules_of_the_user(wheel, tmp_path):
    python = clean_environment(tmp_path / "venv")
    install(python, wheel)
    for name in HOSTILE:
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('imported a module of the user')")
    script = "import zoo, zoo.common.types, zoo.models.ellipsenet.config\nprint(zoo.__file__, *zoo.list_models())"
    (tmp_path / "script.py").write_text(script)
    place, *names = run(python, "script.py", cwd=tmp_path).split()

    assert Path(place).is_relative_to(tmp_path / "venv")
    assert "EllipseNet" in names
    assert "EllipseNet" in run(python.parent / "zoo", "list", cwd=tmp_path)


def test_editable_install_sees_a_new_model_folder(tmp_path):
    tree = copy_of_the_tree(tmp_path / "tree")
    python = clean_environment(tmp_path / "venv")
    install(python, "--editable", tree)
    (tree / "models" / "new_model").mkdir()
    (tree / "models" / "new_model" / "__init__.py").write_text('"""New."""\n')

    assert "tree" in run(python, "-c", "import zoo.models.new_model as new; print(new.__file__)", cwd=tmp_path)


def test_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == zoo.__version__


def test_constraints_pin_everything_that_the_package_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [r for extra in ("torch", "mindspore", "dev", "docs") for r in project["optional-dependencies"][extra]]
    names = {
        "".join(c if c.isalnum() else "-" for c in r.partition(";")[0].split("<")[0].split(">")[0]).lower()
        for r in project["dependencies"] + extras
    }
    lines = (ROOT / "ci" / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}

    assert names - pinned == set()
