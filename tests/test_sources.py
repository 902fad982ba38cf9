"""Whatever a user passes becomes a lazy row of images, in which bad files are entries and not the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from zoo.common.errors import InputError
from zoo.common.types import Image
from zoo.prediction.sources import PredictionList, images, is_single

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.png", "sub/c.PNG", ".hidden/d.png", ".e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Pillow.fromarray(GREY).save(tmp_path / name)
    (tmp_path / "labels.csv").write_text("image,label\n")
    (tmp_path / "bad.png").write_text("no picture")
    return tmp_path


def names(source: object) -> list[str]:
    return [Path(name).name for name, _ in images(source)]


def test_a_folder_gives_known_suffixes_of_all_levels_in_order(folder: Path) -> None:
    assert names(folder) == ["a.png", "b.png", "bad.png", "c.PNG"]


def test_a_glob_gives_its_matches_in_order(folder: Path) -> None:
    assert names(f"{folder}/?.png") == ["a.png", "b.png"]


def test_a_name_that_looks_like_a_glob_is_a_file_when_there_is_one(folder: Path) -> None:
    Pillow.fromarray(GREY).save(folder / "scan[1].png")

    assert names(folder / "scan[1].png") == ["scan[1].png"]
    assert is_single(folder / "scan[1].png")


def test_a_list_mixes_paths_folders_arrays_and_images(folder: Path) -> None:
    source = [str(folder / "b.png"), GREY, Image(GREY[None], name="mine"), folder / "sub"]

    assert names(source) == ["b.png", "array 1", "mine", "c.PNG"]


def test_bad_files_are_entries_and_the_others_go_on(folder: Path) -> None:
    found = dict(images([folder / "a.png", folder / "bad.png", folder / "none.png", folder / "b.png"]))

    kinds = [type(found[str(folder / name)]) for name in ("a.png", "bad.png", "none.png", "b.png")]
    assert kinds == [Image, InputError, InputError, Image]


def test_nothing_is_read_before_its_turn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr("zoo.prediction.folders.read_image", lambda path, spacing: read.append(path))

    found = images(folder)
    assert (len(found), read) == (4, [])

    next(iter(found))
    assert len(read) == 1


def test_the_spacing_reaches_files_arrays_and_images(folder: Path) -> None:
    own = Image(np.zeros((1, 4, 4), np.float32), (9.0, 9.0))
    for _, image in images([folder / "a.png", GREY, own], spacing_mm=(0.2, 0.3)):
        assert isinstance(image, Image) and image.spacing_mm == (0.2, 0.3)


@pytest.mark.parametrize("source", [3, None, {"a": 1}, object(), [3]])
def test_what_is_no_image_is_refused_at_once(source: object) -> None:
    with pytest.raises(InputError, match="expected a path"):
        images(source)


@pytest.mark.parametrize("make", [lambda d: d, lambda d: [], lambda d: f"{d}/*.png"])
def test_no_image_at_all_is_an_error(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="no image"):
        images(make(tmp_path))


def test_one_path_array_or_image_is_single_and_everything_else_is_not(folder: Path) -> None:
    single = [folder / "a.png", str(folder / "none.png"), GREY, Image(GREY[None])]
    many = [folder, f"{folder}/*.png", [GREY], (folder / "a.png",)]

    assert [is_single(source) for source in single + many] == [True] * 4 + [False] * 4


def test_an_image_of_the_users_own_is_checked() -> None:
    ((_, checked),) = images(Image(np.full((1, 4, 4), np.nan), name="mine"))

    assert isinstance(checked, InputError) and "mine: 16 of 16" in str(checked)


def test_a_prediction_list_is_a_list_with_failures() -> None:
    error = InputError("no")

    assert (list(PredictionList()), PredictionList(failures=[("a", error)]).failures) == ([], [("a", error)])


def test_a_generator_is_taken_one_by_one_and_a_bad_entry_costs_itself_only(folder: Path) -> None:
    taken: list[int] = []

    def entries() -> Iterator[object]:
        for i, entry in enumerate([GREY, folder / "a.png", 3, folder / "bad.png", b"no image", folder / "b.png"]):
            taken.append(i)
            yield entry

    found = images(entries())
    assert taken == []

    rows = iter(found)
    next(rows)
    assert taken == [0]

    kinds = [type(image) for _, image in rows]
    assert kinds == [Image, InputError, InputError, InputError, Image]
    assert not is_single(entries())


def test_a_generator_of_folders_gives_all_their_images(folder: Path) -> None:
    assert len(list(images(iter([folder, GREY])))) == len(images(folder)) + 1


def test_an_error_of_the_generator_itself_is_not_hidden() -> None:
    def entries() -> Iterator[object]:
        yield GREY
        raise RuntimeError("the camera is gone")

    with pytest.raises(RuntimeError, match="camera"):
        list(images(entries()))
