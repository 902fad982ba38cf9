"""Text files as people and their programs save them: with a mark, in UTF-16, with comments and empty lines."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path
from typing import Any

from zoo.common.errors import DataError

CLASS_LIST = "classes.txt"
MASK_CLASS_LIST = "mask_classes.txt"  # of masks beside other labels, which classes.txt names
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
NUMBERED = re.compile(r"-?\d+\s*[\s:,;=]\s*\S")


def read_text(path: Path) -> str:
    """Read a text: UTF-8 with or without a mark, UTF-16 with one; anything else is an error."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); expected a text file") from error
    try:
        text = content.decode("utf-16" if content.startswith(UTF16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error
    if "\0" in text:
        raise DataError(f"{path}: holds bytes of 0, which no text has; save it as UTF-8")
    return text


def read_names(path: Path) -> list[str]:
    """Read a list with one name per line; names may hold blanks, lines that begin with # are comments."""
    lines = (line.strip() for line in read_text(path).splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON ({error}); save it again, or copy it again") from error


def read_class_list(folder: Path, file_name: str = CLASS_LIST) -> tuple[str, ...]:
    """Read classes.txt: the classes in the order of their numbers, one per line; () where there is no such file."""
    path = folder / file_name
    if not path.is_file():
        return ()
    names = tuple(read_names(path))
    if not names or all(NUMBERED.match(name) for name in names):
        given = f"lines such as {names[0]!r}" if names else "no name"
        raise DataError(
            f"{path}: {given} given; expected one class per line and nothing else, the first one for number 0 (the "
            f"background where there are masks). Write it so, or remove {file_name}"
        )
    check_names(names, str(path))
    return names


def check_names(names: tuple[str, ...], where: str) -> None:
    """Raise DataError where two classes have one name, or names that differ only in case and blanks."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(" ".join(name.casefold().split()), name)
        if other is not name:
            raise DataError(
                f"{where}: the classes {other!r} and {name!r} are one name or nearly; expected names that differ in "
                "more than case and blanks. Spell each class in one way"
            )


def folded(name: str) -> str:
    """Return a name without what people mistype: case, blanks, hyphens and underscores."""
    return re.sub(r"[\s_-]+", "", name.casefold())
