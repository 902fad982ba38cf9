"""Names from outside can be printed, drawn, tabulated and used for files, and never two of them for one."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.common.files.names import LONGEST_BYTES, as_file_name, as_utf8, printable, shortened
from zoo.common.plotting.text import WORD, drawable

ODD = "M\udcfcller"  # as Python reads a name of Latin-1 bytes
ANY = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=300)


@given(ANY)
def test_every_name_becomes_a_file_name_that_any_system_takes(text: str) -> None:
    name = as_file_name(text, ".nii.gz")

    assert name.endswith(".nii.gz") and len(name.encode()) <= LONGEST_BYTES
    assert not set(name) & set('<>:"/\\|?*\0\n') and name[0] not in " "
    assert as_file_name(name.removesuffix(".nii.gz"), ".nii.gz") == name


@given(ANY, ANY)
def test_different_texts_never_get_the_same_file_name(first: str, second: str) -> None:
    assert (first == second) == (as_file_name(first) == as_file_name(second))


@pytest.mark.parametrize(
    "text", ["con", "NUL", "com1.tar", "", ".", "..", "a/b", "a\nb", "a:b", "end.", ODD, "x" * 256]
)
def test_what_a_system_refuses_is_changed_and_marked(text: str) -> None:
    assert as_file_name(text) != text and "~" in as_file_name(text)


def test_usual_names_stay_as_they_are() -> None:
    for text in ("scan 1", "1.2.840.113619.2", "scan_$1_$2", "ü", "\U0001f600", "~a", "a'b,c"):
        assert as_file_name(text) == text


@given(ANY)
def test_printable_text_is_one_line_of_utf8(text: str) -> None:
    shown = printable(text)

    assert shown.encode() and len(shown.splitlines()) == 1 if text else shown == ""
    assert "\u202e" not in shown and "\x1b" not in shown


def test_bytes_that_are_no_utf8_are_told_by_their_number() -> None:
    assert os.fsdecode(b"M\xfcller") == ODD
    assert as_utf8(ODD) == r"M\xfcller"


def test_shortened_text_keeps_both_ends() -> None:
    assert shortened("abcdefghij", 5) == "ab…ij"
    assert shortened("abc", 3) == "abc"


def test_drawn_text_has_no_formula_and_no_unknown_glyph() -> None:
    assert drawable("scan_$1_$2") == r"scan_\$1_\$2"
    assert drawable("a中b") == "a□b"
    assert len(drawable("x" * 300)) == WORD
