"""The documents tell the truth where a program can check it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

import zoo
from zoo.cli import app
from zoo.registry import load_registry
from zoo.registry.entries import PluginRegistry

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "models").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))


def blocks(path: Path, language: str) -> list[str]:
    return [body for found, body in FENCE.findall(path.read_text(encoding="utf-8")) if found == language]


@every_document
def test_links_lead_somewhere(path):
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    targets = [
        t.split("#")[0] for t in re.findall(r"\]\(([^)\s]+)\)", text) if not t.startswith(("http", "mailto", "#"))
    ]

    assert [target for target in targets if not (path.parent / target).exists()] == []


@every_document
def test_python_blocks_use_names_that_exist(path):
    trees = [ast.parse(body) for body in blocks(path, "python")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    used = {
        n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "zoo"
    }

    assert used - set(dir(zoo)) == set()


@every_document
def test_shell_blocks_use_commands_and_options_that_exist(path):
    commands = get_command(app).commands  # type: ignore[attr-defined]  # the group's own table
    lines = [line.split("#")[0].split() for body in blocks(path, "sh") for line in body.splitlines()]
    for words in (line for line in lines if line[:1] == ["zoo"]):
        options = {option for parameter in commands[words[1]].params for option in parameter.opts}

        assert {word for word in words if word.startswith("--")} - options == set(), " ".join(words)


def test_make_targets_named_in_documents_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {n for path in DOCUMENTS for n in re.findall(r"(?:`|^)make ([a-z-]+)", path.read_text(), re.M)}

    assert named - targets == set()


def test_model_table_matches_the_registry():
    done = subprocess.run([sys.executable, ROOT / "ci" / "model_table.py", "--check"], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_every_model_has_a_card():
    folders = [p.parent for p in (ROOT / "models").glob("*/__init__.py")]

    assert [folder.name for folder in folders if not (folder / "README.md").exists()] == []


def test_readme_fits_two_screens_and_shows_three_pictures():
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert (len(text.splitlines()) <= 100, len(re.findall(r"!\[[^]]+\]\(docs/gallery/", text))) == (True, 3)


def test_every_model_is_in_the_gallery_and_its_pictures_are_small():
    page, folder = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8"), ROOT / "docs" / "gallery"
    entries = load_registry(ROOT / "registry.yaml").values()

    assert [e.name for e in entries if f"## {e.name}\n" not in page or not (folder / f"{e.package}.jpg").exists()] == []
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_500_000


def test_every_model_has_a_place_on_the_page_of_its_task():
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "tasks").glob("*.md"))

    assert [e.name for e in load_registry(ROOT / "registry.yaml").values() if f"[{e.name}](" not in pages] == []


def test_registry_of_the_plug_in_page_is_a_registry():
    (block,) = blocks(ROOT / "docs" / "plugins.md", "yaml")
    models = {name: {"name": name, **fields} for name, fields in yaml.safe_load(block)["models"].items()}

    assert list(PluginRegistry.model_validate({"models": models}).models) == ["Lesion-Spots"]


def test_front_pictures_are_the_last_of_an_overlay_without_its_words(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "ci")
    import gallery
    from PIL import Image

    words = round((gallery.PANEL_IN + gallery.GAP_IN / 2) * gallery.DPI)
    overlay = Image.new("RGB", (800 + words, 400), "white")
    overlay.paste("red", (400, 0, 800, 400))
    cut = gallery.front_picture(overlay, 2)

    assert (cut.size, cut.getcolors()) == ((360, 360), [(360 * 360, (255, 0, 0))])
