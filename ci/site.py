"""Lay the documentation out for MkDocs: every page at its place in the repository, and menus that miss none of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
TOP = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE")
SOURCES = ROOT / "build" / "api" / "zoo"
SHOWN = (".md", ".png", ".jpg", ".gif", ".ipynb", ".js")  # what a page may show, lead to or need


def on_startup(command: str, dirty: bool) -> None:
    """Make the tree in which the API is looked up, before anybody looks whether it is there."""
    copy_sources()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Complete the menus."""
    nav: list[Any] = config.nav or []
    menus: dict[str, list[Any]] = {
        name: part for entry in nav if isinstance(entry, dict) for name, part in entry.items()
    }
    menus["Model cards"] += [{name: f"models/{package}/README.md"} for name, package in models()]
    named = set(pages_of(nav))
    guides = (f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))
    menus["Guides"] += [page for page in guides if page not in named]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace the files of docs/ by those of the repository, each under its path from the root."""
    kept = [file for file in files if file.src_dir != config.docs_dir]  # the theme's
    return Files([*kept, *(File.generated(config, name, abs_src_path=str(ROOT / name)) for name in documents())])


def copy_sources() -> None:
    """Make the tree in which the API is looked up: zoo.common lies elsewhere, and links are not followed there."""
    shutil.rmtree(SOURCES, ignore_errors=True)
    for folder, place in (("zoo", SOURCES), ("common", SOURCES / "common")):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, place, ignore=ignored, dirs_exist_ok=True)


def documents() -> Iterator[str]:
    """Name every page, and every picture or notebook that a page may show."""
    yield from TOP
    for folder in ("docs", "models"):
        for path in sorted((ROOT / folder).rglob("*")):
            is_card = folder == "docs" or path.name == "README.md" or path.suffix in (".png", ".jpg")
            if path.suffix in SHOWN and is_card and ".ipynb_checkpoints" not in path.parts:
                yield path.relative_to(ROOT).as_posix()


def models() -> list[tuple[str, str]]:
    """Name the zoo's own algorithms with their folders."""
    from zoo.registry import load_registry

    return [(entry.name, entry.package) for entry in load_registry(ROOT / "registry.yaml").values()]


def pages_of(nav: Any) -> Iterator[str]:
    """Name the pages of a menu and of those below it."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict | list):
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from pages_of(part)
