"""Names and words from outside as matplotlib can draw them: short, with known glyphs, and never as a formula."""

from __future__ import annotations

from functools import cache

from matplotlib.font_manager import FontProperties, findfont, get_font

from zoo.common.files.names import printable, shortened

NAME, WORD = 26, 18  # characters that the panel has room for
UNKNOWN = "□"  # for what the font does not have, such as emoji; matplotlib would warn about each


def drawable(text: str, most: int = WORD) -> str:
    """Return text for an axes of matplotlib: as `shown`, and no pair of $ taken for a formula."""
    return shown(text, most).replace("$", r"\$")


def shown(text: str, most: int = WORD) -> str:
    """Return text to draw: one line, at most so many characters, all of them in the font."""
    known = "".join(character if _has_glyph(character) else UNKNOWN for character in printable(text))
    return shortened(known, most)


def _has_glyph(character: str) -> bool:
    return character.isascii() or bool(_font().get_char_index(ord(character)))  # type: ignore[attr-defined]


@cache
def _font() -> object:
    return get_font(findfont(FontProperties()))
