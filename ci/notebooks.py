"""Write docs/notebooks/*.ipynb from the scripts beside them, without outputs; with --check tell whether they agree."""

from __future__ import annotations

import sys
from pathlib import Path

import jupytext
import nbformat

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "notebooks"


def notebook_of(script: Path) -> str:
    """Return the notebook of a script; its cells are numbered, so that equal scripts give equal notebooks."""
    notebook = jupytext.read(script)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"
    return f"{nbformat.writes(notebook)}\n"


def main() -> int:
    scripts = sorted(FOLDER.glob("*.py"))
    wanted = {script.with_suffix(".ipynb"): notebook_of(script) for script in scripts}
    changed = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in changed:
            print(f"{path.name}: not what {path.stem}.py says; run `python ci/notebooks.py`", file=sys.stderr)
        return bool(changed)
    for path in changed:
        path.write_text(wanted[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
