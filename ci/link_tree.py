"""Build the tree of symlinks that lets mypy see zoo, zoo.common and zoo.models as one package."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "build" / "typing" / "zoo"


def main() -> None:
    """Link every file of zoo/, and the folders common/ and models/, into build/typing/zoo."""
    shutil.rmtree(TREE, ignore_errors=True)
    TREE.mkdir(parents=True)
    sources = [p for p in (ROOT / "zoo").iterdir() if p.name != "__pycache__"]
    for source in [*sources, ROOT / "common", ROOT / "models"]:
        (TREE / source.name).symlink_to(source)


if __name__ == "__main__":
    main()
