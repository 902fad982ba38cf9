"""A batch in parts, one per machine or process: which images are whose, and their results as one."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from zoo.common.errors import ConfigError, OutputError
from zoo.common.files.names import as_utf8
from zoo.common.files.output_folder import OutputFolder
from zoo.common.files.outputs import user_path
from zoo.common.tables import Table, write_csv, write_table
from zoo.prediction.batch import FILES, LINES, Kept, kept_in
from zoo.prediction.files import DOCUMENT, SUBMISSION, TABLE
from zoo.prediction.sources import Images

FOLDER = re.compile(r"shard-(\d+)-of-(\d+)")
T = TypeVar("T")
ALIKE = ("model", "images", "settings")  # what the parts of one batch share


@dataclass(frozen=True)
class Shard:
    """The part `number` (from 1) of `count`; every count-th image, so that neighbours of a kind are spread."""

    number: int
    count: int

    @classmethod
    def read(cls, text: str) -> Shard:
        """Read "3/8"; ConfigError for what is none."""
        found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        number, count = map(int, found.groups()) if found else (0, 0)
        if not 1 <= number <= count:
            raise ConfigError(f"shard {text!r} given; expected a part of all, from 1/8 to 8/8 for eight")
        return cls(number, count)

    def part(self, found: Images) -> Images:
        """Return the images of this part, in their order; what was left out is told by the first part alone."""
        left_out = found.left_out if self.number == 1 else []
        mine = self._mine(found.items)
        return Images(list(mine) if isinstance(found.items, Sized) else mine, left_out)

    def _mine(self, items: Iterable[T]) -> Iterator[T]:
        return islice(items, self.number - 1, None, self.count)

    def described(self, names: Sequence[str]) -> dict[str, Any]:
        """Return what the parts of one batch can be told by; names: of all images, not of this part alone."""
        digest = hashlib.sha256("\0".join(map(as_utf8, names)).encode()).hexdigest()
        part, own = f"{self.number}/{self.count} of {digest}", [as_utf8(name) for name in self._mine(names)]
        told = {"number": self.number, "of": self.count, "images": digest, "total": len(names)}
        return {**told, "part": part, "names": own}

    def place(self, out: str | os.PathLike[str] | None) -> Path | None:
        """Return the folder of this part in the folder for all of them."""
        return None if out is None else user_path(out) / f"shard-{self.number}-of-{self.count}"


def merge(folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write the tables of all parts below `folder` into it, as one run would have; return where.

    Masks and overlays stay where they are. OutputError where a part is missing or did not come to its end, or where
    parts are of different batches. overwrite: replace tables that were merged before.
    """
    place = user_path(folder)
    documents = _complete(place)
    order = _order(documents.values())
    kept = sorted(
        (_moved(each, name) for name in documents for each in kept_in(place / name)),
        key=lambda each: (order.get(each.name, len(order)), each.name),
    )
    joined: dict[str, Table] = {}
    for each in kept:
        for challenge, table in each.submissions.items():
            joined.setdefault(challenge, Table(table.columns, [])).rows.extend(table.rows)
    first = next(iter(documents.values()))
    document = {
        "model": first["model"],
        "complete": True,
        "predictions": [each.entry for each in kept],
        "failures": sorted(
            (failure for one in documents.values() for failure in one["failures"]),
            key=lambda failure: order.get(failure["name"], len(order)),
        ),
        "left_out": [left for one in documents.values() for left in one["left_out"]],
    }
    output = OutputFolder(place, (LINES, DOCUMENT, TABLE, SUBMISSION.format("*")), overwrite=overwrite)
    lines = output.open_lines(LINES)
    for entry in (*document["predictions"], *document["failures"]):
        lines.add(entry)
    output.close_lines(lines)
    output.write_json(DOCUMENT, document)
    output.write(TABLE, partial(write_csv, rows=[row for each in kept for row in each.rows]))
    for challenge, table in joined.items():
        output.write(SUBMISSION.format(challenge), partial(write_table, table=table))
    output.close()
    return place


def _complete(place: Path) -> dict[str, dict[str, Any]]:
    """Return the document of each part by its folder, the first part first; OutputError unless all are there."""
    named = {name: FOLDER.fullmatch(name) for name in (os.listdir(place) if place.is_dir() else [])}
    found = {int(match[1]): name for name, match in named.items() if match}
    counts = {int(match[2]) for match in named.values() if match}
    if len(counts) != 1:
        what = "none" if not counts else f"of {' and of '.join(map(str, sorted(counts)))}"
        raise OutputError(f"{place}: parts of one batch expected, shard-1-of-8 to shard-8-of-8 for eight; {what} there")
    (count,) = counts
    if missing := sorted(set(range(1, count + 1)) - set(found)):
        raise OutputError(f"{place}: {len(found)} of {count} parts are there; run --shard {missing[0]}/{count}, too")
    documents = {found[number]: _document(place / found[number], number, count) for number in range(1, count + 1)}
    first = next(iter(documents.values()))
    for name, one in documents.items():
        differs = [what for what, value in _traits(one).items() if value != _traits(first)[what]]
        if differs:
            raise OutputError(
                f"{place / name}: other {', '.join(differs)} than in part 1; run it again, with --overwrite"
            )
    return documents


def _order(documents: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Tell the place of each image among all; {} of parts of a generator, or of an older zoo, which do not tell."""
    parts = [(one["shard"]["number"], one["shard"]["of"], one["shard"].get("names", [])) for one in documents]
    return {name: number - 1 + i * count for number, count, names in parts for i, name in enumerate(names)}


def _document(place: Path, number: int, count: int) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads((place / DOCUMENT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        document = {}
    if not document.get("complete") or "shard" not in document:
        raise OutputError(f"{place}: did not come to its end; go on with --shard {number}/{count} --skip-existing")
    return document


def _traits(document: dict[str, Any]) -> dict[str, Any]:
    shard = document["shard"]
    model = {name: value for name, value in document["model"].items() if name != "device"}
    return dict(zip(ALIKE, (model, (shard["images"], shard["total"]), shard.get("settings")), strict=True))


def _moved(kept: Kept, folder: str) -> Kept:
    """Return what is kept of a prediction as seen from the folder above."""
    entry = {k: f"{folder}/{v}" if k in FILES else v for k, v in kept.entry.items()}
    rows = [{k: f"{folder}/{v}" if k in FILES else v for k, v in row.items()} for row in kept.rows]
    return replace(kept, entry=entry, rows=rows)
