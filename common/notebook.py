"""What notebooks show: HTML in one piece, all text escaped, in the colours of the page around it, dark or light."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from zoo.common.files.names import printable, shortened
from zoo.common.numbers import written

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

WIDEST_PX, THUMBNAIL_PX, QUALITY = 720, 320, 82  # of pictures, which are stored inside the notebook
ROWS, LETTERS = 12, 400  # shown of a table; of a cell
# no colour and no background: a notebook's own are right on dark and on light
CELL = "text-align:left;vertical-align:top;padding:2px 10px 2px 0;border-bottom:1px solid rgba(127,127,127,.3)"
TABLE = "border-collapse:collapse;margin:4px 0;color:inherit"  # pages in quirks mode give tables a colour of their own
FAINT = "opacity:.72"


def escaped(text: object) -> str:
    """Return text from anywhere as HTML; control characters and the like are spelt out."""
    return html.escape(printable(str(text)))


def block(title: str, parts: Iterable[str]) -> str:
    """Return one object: what it is, and what there is to see of it."""
    head = f'<div style="font-weight:600;margin:2px 0 6px">{escaped(title)}</div>'
    return f'<div style="max-width:100%;overflow-x:auto">{head}{"".join(parts)}</div>'


def facts(pairs: Mapping[str, object]) -> str:
    """Return names and what they are, a line each; "" and None are left out."""
    told = {name: value for name, value in pairs.items() if value not in ("", None)}
    lines = "".join(
        f'<tr><td style="{CELL};{FAINT}">{escaped(name)}</td><td style="{CELL}">{shown(value)}</td></tr>'
        for name, value in told.items()
    )
    return f'<table style="{TABLE}"><tbody>{lines}</tbody></table>' if told else ""


def table(rows: Sequence[Mapping[str, object]], most: int = ROWS) -> str:
    """Return the first rows of a table under the union of their columns, and how many there are besides."""
    columns = list(dict.fromkeys(name for row in rows[:most] for name in row))
    head = "".join(f'<th style="{CELL}">{escaped(name)}</th>' for name in columns)
    cells = [[f'<td style="{CELL}">{shown(row.get(name, ""))}</td>' for name in columns] for row in rows[:most]]
    body = "".join(f"<tr>{''.join(line)}</tr>" for line in cells)
    more = note(f"and {len(rows) - most:,} rows more") if len(rows) > most else ""
    framed = f'<table style="{TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
    return f"{framed}</table>{more}" if rows else ""


def shown(value: object) -> str:
    """Return the value of a cell as HTML: numbers as people write them, long texts shortened."""
    if isinstance(value, float):
        return escaped(written(value)) if not (value.is_integer() and abs(value) < 1e15) else f"{int(value):,}"
    return escaped(shortened(str(value), LETTERS))


def note(text: str) -> str:
    """Return a remark."""
    return f'<div style="{FAINT};font-size:90%;margin:2px 0">{escaped(text)}</div>'


def warning(text: str) -> str:
    """Return a remark that should be seen."""
    return f'<div style="border-left:4px solid #d97706;padding:2px 8px;margin:4px 0">{escaped(text)}</div>'


def picture(content: Picture | bytes, caption: str = "", widest_px: int = WIDEST_PX) -> str:
    """Return a picture, made small enough to live inside a notebook."""
    from PIL import Image as Pillow

    image = Pillow.open(io.BytesIO(content)) if isinstance(content, bytes) else content
    image = image.convert("RGB")
    share = min(1.0, widest_px / image.width)
    if share < 1:
        image = image.resize((widest_px, max(1, math.ceil(image.height * share))), Pillow.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    source = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    told = f'<figcaption style="{FAINT};font-size:90%">{escaped(caption)}</figcaption>' if caption else ""
    inside = f'<img src="{source}" alt="{escaped(caption)}" style="max-width:100%;height:auto">{told}'
    return f'<figure style="display:inline-block;margin:4px 8px 4px 0;max-width:100%">{inside}</figure>'
