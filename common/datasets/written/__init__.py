"""Labelled data written anew: whatever the zoo reads, in a layout that other programs read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from zoo.common.datasets import Dataset
from zoo.common.errors import ConfigError, OutputError
from zoo.common.files.names import as_file_name
from zoo.common.files.outputs import user_path

TARGETS = {name: f"zoo.common.datasets.written.{name}" for name in ("nnunet", "coco", "manifest")}
Advance = Callable[[int], object]


@dataclass(frozen=True)
class Job:
    """What is to be written: the cases of a task, where to, and who hears how many are done."""

    dataset: Dataset
    task: str
    folder: Path
    advance: Advance = lambda count: None

    def names(self) -> list[str]:
        """Name the files of the cases, without suffix: letters that every system takes, no two alike."""
        taken: set[str] = set()
        out = []
        for record in self.dataset.records:
            text = record.name.replace("\\", "/").strip("/").replace("/", "_").replace(" ", "_")
            stem = text.rsplit(".", 1)[0] if "." in text and not text.endswith(".gz") else text.removesuffix(".nii.gz")
            name, number = as_file_name(stem), 1
            while name.casefold() in taken:
                number += 1
                name = as_file_name(f"{stem}-{number}")
            taken.add(name.casefold())
            out.append(name)
        return out


def convert(dataset: Dataset, task: str, to: str, folder: str | Path, advance: Advance = lambda count: None) -> Path:
    """Write a data set in another layout: nnunet, coco or manifest. The folder has to be new or empty.

    Splits and groups come along. ConfigError where the layout has no place for this task.
    """
    if to not in TARGETS:
        raise ConfigError(f"to={to!r} given; expected one of {', '.join(TARGETS)}")
    target = user_path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{target}: is there already; expected a new or empty folder. Give another name")
    module = import_module(TARGETS[to])
    if task not in module.TASKS:
        raise ConfigError(f"{to} holds {', '.join(module.TASKS)}, not {task}; write a manifest, or give another --task")
    target.mkdir(parents=True, exist_ok=True)
    try:
        module.write(Job(dataset, task, target, advance))
    except BaseException:  # half of a data set would pass for the whole, and be in the way of the next try
        _empty(target)
        raise
    return target


def _empty(folder: Path) -> None:
    """Remove what a folder that was empty has come to hold."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
