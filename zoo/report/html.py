"""Headings, tables and pictures as HTML that needs no other file; whatever comes from outside is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence

from zoo.common.files.names import printable
from zoo.common.types import Row

STYLE = """
@page { size: A4; margin: 16mm 14mm; }
body { font: 10pt/1.45 system-ui, sans-serif; color: #16202c; background: #fff; }
body { max-width: 182mm; margin: 8mm auto; padding: 0 4mm; }
h1 { font-size: 18pt; margin: 0 0 2mm; } h2 { font-size: 13pt; margin: 7mm 0 2mm; break-after: avoid; }
table { border-collapse: collapse; margin: 2mm 0; font-size: 8.5pt; max-width: 100%; }
th, td { border-bottom: 0.3mm solid #d5dde6; padding: 0.6mm 2mm 0.6mm 0; text-align: left; }
th, td { vertical-align: top; overflow-wrap: anywhere; }
th { color: #51606f; font-weight: 600; } tr { break-inside: avoid; }
figure { margin: 3mm 0; break-inside: avoid; } figure.small { display: inline-block; width: 49%; vertical-align: top; }
img { max-width: 100%; max-height: 120mm; display: block; } figcaption, p.note { color: #51606f; font-size: 8.5pt; }
.wide { overflow-x: auto; }
@media print { body { margin: 0; padding: 0; max-width: none; } .wide { overflow: visible; } }
"""
COLUMNS = 8  # of a table; what has more is turned into several


def whole_page(title: str, parts: Iterable[str]) -> str:
    """Return the document."""
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{cell(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{STYLE}</style>\n</head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def cell(value: object) -> str:
    """Return a text from anywhere as HTML."""
    return html.escape(printable(str(value)))


def heading(text: str, level: int = 2) -> str:
    return f"<h{level}>{cell(text)}</h{level}>"


def paragraph(text: str) -> str:
    return f'<p class="note">{cell(text)}</p>'


def number(value: object, digits: int = 4) -> str:
    """Write a number with so many digits behind the point; – for none."""
    if value is None or not isinstance(value, float | int) or math.isnan(value):
        return "–"
    return f"{value:.{digits}f}" if abs(value) < 1e6 else f"{value:.3e}"


def interval(row: Row, digits: int = 4) -> str:
    """Write low and high of a row; – where they are unknown."""
    low, high = float(row.get("low", math.nan)), float(row.get("high", math.nan))
    return "–" if math.isnan(low) else f"{number(low, digits)} to {number(high, digits)}"


def table(heads: Sequence[str], lines: Iterable[Sequence[str]], head: bool = True) -> str:
    """Return a table; the cells are HTML already."""
    top = f"<thead><tr>{''.join(f'<th>{cell(name)}</th>' for name in heads)}</tr></thead>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{text}</td>' for text in line)}</tr>" for line in lines)
    return f'<div class="wide"><table>{top}<tbody>{body}</tbody></table></div>'


def pivot(rows: Sequence[Row], down: str, across: str) -> str:
    """Return tables with a line per value of one column and a column per value of another: value, low to high."""
    lines, columns = (list(dict.fromkeys(str(row[key]) for row in rows)) for key in (down, across))
    cells = {(str(row[down]), str(row[across])): _with_interval(row) for row in rows}
    parts = [columns[i : i + COLUMNS] for i in range(0, len(columns), COLUMNS)]
    return "\n".join(
        table((down, *part), [(cell(line), *(cells.get((line, column), "–") for column in part)) for line in lines])
        for part in parts
    )


def picture(source: str | Sequence[str], caption: str) -> str:
    """Return a picture, or several above each other, over a caption."""
    sources = [source] if isinstance(source, str) else source
    images = "".join(f'<img src="{one}" alt="{cell(caption)}">' for one in sources)
    return f'<figure class="small">{images}<figcaption>{cell(caption)}</figcaption></figure>'


def _with_interval(row: Row) -> str:
    value = float(row["value"])
    if row.get("metric") in ("cases", "called") or math.isnan(value):
        return number(value, 0)
    told = interval(row, 3)
    return number(value, 3) + ("" if told == "–" else f"<br><small>{told}</small>")
