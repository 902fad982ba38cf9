"""The site of the documentation: built with warnings as errors, complete, and readable without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.registry import load_registry

pytest.importorskip("mkdocs")
pytest.importorskip("mkdocstrings")
ROOT = Path(__file__).resolve().parent.parent
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)[^>]*\ssrc=["']?(?:https?:)?//|<link[^>]*href=["']?(?:https?:)?//"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; the first warning fails it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=quiet)

    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def pages(site: Path) -> dict[str, str]:
    return {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}


def test_every_page_of_the_repository_is_on_the_site(site: Path) -> None:
    documents = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "models").rglob("README.md")]
    names = {path.relative_to(ROOT).with_suffix(".html").as_posix() for path in documents}
    wanted = {name.replace("README.html", "index.html") for name in names}

    assert wanted - set(pages(site)) == set()


def test_pages_are_in_the_menu(site: Path) -> None:
    menu = (site / "index.html").read_text(encoding="utf-8")
    documents = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "models").rglob("README.md")]
    names = [path.relative_to(ROOT).with_suffix(".html").as_posix().replace("README", "index") for path in documents]

    assert [name for name in names if f'href="{name}"' not in menu] == []


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    styles = {path.name: path.read_text(encoding="utf-8") for path in site.rglob("*.css")}

    assert [name for name, text in pages(site).items() if FETCHED.search(text)] == []
    assert [name for name, text in styles.items() if re.search(r"(?:url\(|@import )[\"']?(?:https?:)?//", text)] == []


def test_the_api_is_told_by_its_docstrings(site: Path) -> None:
    text = (site / "docs" / "api.html").read_text(encoding="utf-8")

    told = ("Open an algorithm, ready to predict and to train", "Predict one image", "Base of all errors")
    assert [words for words in told if words not in text] == []


def test_cards_show_the_names_of_their_models_in_the_menu(site: Path) -> None:
    menu = (site / "index.html").read_text(encoding="utf-8")

    assert [name for name in load_registry(ROOT / "registry.yaml") if name not in menu] == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Do.\n\nout: where.\nfirst, second: both.", "Do.\n\n\n- `out`: where.\n- `first`, `second`: both."),
        ("Do.\n\nout: where,\nand more.", "Do.\n\n\n- `out`: where,\n  and more."),
        ("out: where.\nRaises This.", "\n- `out`: where.\n\nRaises This."),
        ("Do: this.\nAnd that.", "Do: this.\nAnd that."),
    ],
)
def test_remarks_of_docstrings_become_lists(text: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "ci")
    from site_docstrings import as_list

    assert as_list(text) == shown
