"""Finding and listing algorithms, and that the shipped registry.yaml is true."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zoo.common.errors import BackendError, RegistryError
from zoo.registry import Entry, find, info, list_models, load_registry, read_registry, registry_path
from zoo.weights.places import Wanted, difference

ROOT = Path(__file__).parents[1]


@pytest.fixture
def entries() -> dict[str, Entry]:
    """Make a registry of one entry with an alias."""
    entry = load_registry()["EllipseNet"].model_copy(update={"name": "Alpha-Net", "aliases": ("First-Net",)})
    return {"Alpha-Net": entry}


@pytest.mark.parametrize("name", ["Alpha-Net", "alphanet", "ALPHA_NET", "alpha net", "first net", "FirstNet"])
def test_a_name_is_found_however_it_is_spelt(entries: dict[str, Entry], name: str) -> None:
    assert find(name, entries).name == "Alpha-Net"


@pytest.mark.parametrize("name", ["Alfa-Net", "alphanets", "AlphNet", "fist-net"])
def test_a_mistyped_name_suggests_the_nearest(entries: dict[str, Entry], name: str) -> None:
    with pytest.raises(RegistryError, match=r"did you mean Alpha-Net\?"):
        find(name, entries)


@pytest.mark.parametrize("name", ["", "-", "xyzzy", "Alpha-Net/../../etc"])
def test_a_foreign_name_lists_what_there_is(entries: dict[str, Entry], name: str) -> None:
    with pytest.raises(RegistryError, match="Alpha-Net"):
        find(name, entries)


def test_models_are_listed_by_task_and_backend() -> None:
    everything = list_models()

    assert set(list_models(task="classification")) < set(everything)
    assert list_models(backend="nvidia") == list_models(backend="torch")
    with pytest.raises(RegistryError, match="classification"):
        list_models(task="cooking")
    with pytest.raises(BackendError, match="mindspore"):
        list_models(backend="tensorflow")


def test_info_knows_what_the_registry_knows() -> None:
    assert info("ellipse net") == load_registry()["EllipseNet"]


def test_the_installed_registry_comes_before_the_checkouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "zoo"
    package.mkdir()
    monkeypatch.setattr("zoo.registry.files.HERE", package)
    (tmp_path / "registry.yaml").touch()
    beside = registry_path()
    (package / "registry.yaml").touch()

    assert (beside, registry_path()) == (tmp_path / "registry.yaml", package / "registry.yaml")


def test_every_model_folder_has_exactly_one_entry() -> None:
    folders = {path.parent.name for path in ROOT.glob("models/*/algorithm.py")}

    assert {entry.package for entry in load_registry().values()} == folders


def test_every_registered_file_is_there_and_right() -> None:
    problems = {}
    for entry in load_registry().values():
        for checkpoint in entry.checkpoints.values():
            assert (ROOT / "checkpoints" / checkpoint.log).is_file(), checkpoint.log
            wanted = Wanted("", checkpoint.file, checkpoint.sha256, checkpoint.bytes)
            problems[checkpoint.file] = difference(ROOT / "checkpoints" / checkpoint.file, wanted)

    assert {file: problem for file, problem in problems.items() if problem} == {}


def test_every_weight_file_is_registered() -> None:
    registered = {c.file for entry in load_registry().values() for c in entry.checkpoints.values()}
    shipped = {path.relative_to(ROOT / "checkpoints").as_posix() for path in ROOT.glob("checkpoints/*/*.safetensors")}

    assert shipped == registered


def test_the_hub_is_named() -> None:
    assert read_registry().hub.count("/") == 1


def test_listing_takes_under_half_a_second_of_processor_time() -> None:
    code = (
        "import resource, zoo.registry as r; r.list_models(); u = resource.getrusage(0); print(u.ru_utime + u.ru_stime)"
    )
    best = min(float(subprocess.check_output([sys.executable, "-c", code], text=True)) for _ in range(3))

    assert best < 0.5
