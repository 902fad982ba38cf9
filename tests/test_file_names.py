"""No two images share the name of a mask, and the names say which image they belong to."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.prediction.file_names import FreePaths, file_stems


def stems(*names: str) -> list[str]:
    return list(file_stems(names).values())


def test_files_of_one_folder_keep_their_stems() -> None:
    assert stems("a/x.png", "a/y.nii.gz", "z.jpg") == ["x", "y", "z"]


def test_equal_names_are_told_apart_by_their_folders() -> None:
    assert stems("s/p1/v/x.png", "s/p2/v/x.png", "s/p2/v/y.png") == ["p1/v/x", "p2/v/x", "p2/v/y"]
    assert stems("s/x.png", "s/p/x.png") == ["x", "p/x"]


def test_two_suffixes_of_one_stem_stay_visible() -> None:
    assert stems("a/x.png", "a/x.jpg", "a/y.jpg") == ["x.png", "x.jpg", "y"]
    assert len(set(stems("x.png", "x.jpg", "x.png.png"))) == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [("A.png", "a.png"), ("Zu\u0308.png", "Z\u00fc.png"), ("a:.png", "a_.png"), ("a.png", "./a.png")],
)
def test_names_that_a_system_takes_for_one_differ(first: str, second: str) -> None:
    free = FreePaths(Path("masks"), file_stems([first, second]))

    one, two = (str(free.new(name)).casefold() for name in (first, second))
    assert one != two


@pytest.mark.parametrize("name", ["1.2.840.113619.2.55.1", "patient.v2", "IM.0001", "study 3"])
def test_what_is_no_suffix_of_an_image_is_kept(name: str) -> None:
    assert FreePaths(Path("masks")).new(f"exam/{name}", ".nii.gz") == Path(f"masks/{name}.nii.gz")


def test_the_same_name_twice_is_numbered() -> None:
    free = FreePaths(Path("masks"), file_stems(["a.png", "a.png"]))

    assert [free.new("a.png").name for _ in range(3)] == ["a.png", "a~2.png", "a~3.png"]


def test_no_name_leaves_the_folder() -> None:
    for name in ("/../../etc/passwd.png", "..", "a/../../b.png", "/", ""):
        path = FreePaths(Path("masks"), file_stems([name, "/x/b.png"])).new(name)

        assert path.parts[0] == "masks" and ".." not in path.parts
