"""Show the remarks of a docstring, `name: what it is`, as a list; as plain text they would run into one another."""

from __future__ import annotations

import re
from typing import Any

import griffe

REMARK = re.compile(r"^(?:[a-z_]+(?:, [a-z_]+)*): \S")  # one name or several, then what holds for them


def as_list(text: str) -> str:
    """Turn lines that begin with names and a colon into items; what follows on other lines belongs to its item."""
    lines: list[str] = []
    for line in text.split("\n"):
        if REMARK.match(line):
            names, _, told = line.partition(": ")
            is_first = not (lines and (lines[-1].startswith(("- ", "  "))))
            lines += [""] * is_first + [f"- {', '.join(f'`{name}`' for name in names.split(', '))}: {told}"]
        elif line.startswith(("Raises ", "Returns ")):
            lines += ["", line]
        elif lines and lines[-1].startswith(("- ", "  ")) and line.strip():
            lines.append(f"  {line}")
        else:
            lines.append(line)
    return "\n".join(lines)


class Remarks(griffe.Extension):
    """Rewrites each docstring as it is read."""

    def on_instance(self, *, obj: griffe.Object, **more: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = as_list(obj.docstring.value)
