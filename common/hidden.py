"""Which files and folders are no one's data: hidden ones, and those that systems and tools leave behind."""

from __future__ import annotations

import os
from pathlib import PurePath

SYSTEM = ("@eadir", "__macosx", "$recycle.bin", "system volume information", "lost+found", "thumbs.db", "desktop.ini")


def is_hidden(path: str | os.PathLike[str]) -> bool:
    """Whether the last part of a path says that it is hidden, or belongs to a system (.ipynb_checkpoints, @eaDir)."""
    name = PurePath(path).name
    return name.startswith(".") or name.lower() in SYSTEM
