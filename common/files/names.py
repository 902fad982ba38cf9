"""Names that come from outside, made fit to be printed, drawn, stored in tables, and used for files."""

from __future__ import annotations

import hashlib
import re
import unicodedata

JOINERS = "\u200c\u200d"  # zero-width, but part of Persian words and of emoji
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # device names of Windows
FORBIDDEN = re.compile(r'[<>:"/\\|?*]')  # characters that Windows does not allow in a name
LONGEST_BYTES = 255  # of a file name, on every common file system


def as_utf8(text: str) -> str:
    r"""Return text that UTF-8 can hold: bytes of a name that are none of UTF-8 become \xfc and the like."""
    return "".join(_escaped_byte(c) if "\ud800" <= c <= "\udfff" else c for c in text)


def printable(text: str) -> str:
    r"""Return one line that a terminal shows as it is: line ends, control and direction marks become \n and so on."""
    return "".join(_escaped(c) if _is_control(c) else c for c in as_utf8(text))


def shortened(text: str, most: int) -> str:
    """Return at most `most` characters of the text, with its middle left out."""
    head = (most - 1) // 2
    return text if len(text) <= most else f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def as_file_name(text: str, suffix: str = "") -> str:
    """Return a file name that every common system can hold: the text, as far as it goes, and the suffix.

    What had to be changed is told apart by a piece of a hash, so that different texts never get the same name.
    """
    kept = FORBIDDEN.sub("_", "".join("_" if _is_control(c) else c for c in as_utf8(text)))
    kept = kept.strip(" ") if suffix else kept.strip(" .")
    if RESERVED.fullmatch(kept) or not kept.strip("."):
        kept = f"_{kept}"
    room = LONGEST_BYTES - len(suffix.encode())
    if kept == text and len(kept.encode()) <= room:
        return kept + suffix
    mark = f"~{digest_of(text)}"
    return _cut(kept, room - len(mark)) + mark + suffix


def digest_of(text: str) -> str:
    """Return eight characters that tell a text from others."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode("utf-8", "ignore")


def _escaped_byte(surrogate: str) -> str:
    """Tell the byte that Python keeps as a surrogate, or the surrogate itself."""
    code = ord(surrogate)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") and character not in JOINERS


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
