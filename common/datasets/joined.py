"""Cases with several labels, from a reader that lists the cases of one task at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.datasets.texts import MASK_CLASS_LIST, read_class_list
from zoo.common.errors import DataError
from zoo.common.types import Sample

if TYPE_CHECKING:
    from zoo.common.datasets import Reader, Record


def read_joined(reader: Reader, root: Path, ways: Sequence[tuple[str, ...]]) -> tuple[list[Record], tuple[str, ...]]:
    """List the cases and classes by the first way that the reader serves; the classes are those of the first task.

    ways: see `zoo.common.labels.ways_to_read`. Raises the first way's DataError when none is served.
    """
    problems: list[DataError] = []
    for tasks in ways:
        try:
            return join(root, tasks, [reader.read(root, task) for task in tasks]), reader.classes(root, tasks[0])
        except DataError as error:
            problems.append(error)
    raise problems[0]


def counted_beside(
    reader: Reader, root: Path, labels: Sequence[str], classes: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """Name what the labels beside the first one count: the classes of masks, where mask_classes.txt or the reader does.

    classes: of the first label; classes.txt names these alone, whatever it is read for.
    """
    if "mask" not in labels[1:]:
        return {}
    if listed := read_class_list(root if root.is_dir() else root.parent, MASK_CLASS_LIST):
        return {"mask": listed}
    try:
        names = reader.classes(root, "segmentation")
    except (DataError, KeyError):  # this layout has no masks but for localisation
        return {}
    is_own = bool(names) and names != classes and names[0] != "background"  # which stands for whatever lies around
    return {"mask": names} if is_own else {}


def join(root: Path, tasks: Sequence[str], tables: Sequence[list[Record]]) -> list[Record]:
    """Unite the records of the same cases; DataError when a case is missing for one of the tasks."""
    if len(tables) == 1:
        return tables[0]
    by_name = [{record.name: record for record in table} for table in tables]
    for task, table in zip(tasks[1:], by_name[1:], strict=True):
        if odd := sorted(table.keys() ^ by_name[0].keys()):
            raise DataError(
                f"{root}: {len(odd)} cases have the labels of only one of {tasks[0]} and {task}, such as {odd[0]}; "
                "expected all labels for every case"
            )
    return [_joined(tuple(table[record.name] for table in by_name)) for record in tables[0]]


def _joined(records: tuple[Record, ...]) -> Record:
    files = tuple(dict.fromkeys(path for record in records for path in record.files))
    return replace(records[0], load=Joined(records), files=files)


@dataclass(frozen=True)
class Joined:
    """Load one case from several records of it; its image is the first one's."""

    records: tuple[Record, ...]

    def __call__(self) -> Sample:
        first, *others = (record.load() for record in self.records)
        labels = {key: value for sample in (*others, first) for key, value in sample.labels.items()}
        return replace(first, labels=labels)
