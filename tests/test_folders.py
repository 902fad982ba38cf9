"""A folder gives all images that it leads to, once each, and names what cannot be reached."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from zoo.common.errors import InputError
from zoo.common.files.output_folder import OutputFolder
from zoo.prediction.sources import images


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    return path


def found(source: object, below: Path) -> list[str]:
    return [Path(name).relative_to(below).as_posix() for name, _ in images(source)]


def test_linked_folders_are_followed_and_count_once(tmp_path: Path) -> None:
    picture(tmp_path / "archive" / "p1" / "visit" / "a.png")
    picture(tmp_path / "study" / "p2" / "a.png")
    for name in ("p1", "same"):
        (tmp_path / "study" / name).symlink_to(tmp_path / "archive" / "p1")
    (tmp_path / "study" / "alias").symlink_to("p2")

    assert found(tmp_path / "study", tmp_path / "study") == ["p1/visit/a.png", "p2/a.png"]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "x.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")

    assert found(tmp_path, tmp_path) == ["a/x.png", "self"]


def test_dead_links_are_failures_that_say_where_they_lead(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "fetched.png").symlink_to("a.png")
    for name in ("lost.png", "p3", "notes.txt"):
        (tmp_path / name).symlink_to("/annex/of" / Path(name))

    read = {Path(name).name: image for name, image in images(tmp_path)}

    assert sorted(read) == ["a.png", "fetched.png", "lost.png", "p3"]
    for name in ("lost.png", "p3"):
        assert isinstance(read[name], InputError) and f"a link to /annex/of/{name}" in str(read[name])


@pytest.mark.parametrize("place", [".hidden", ".ipynb_checkpoints", "@eaDir", "__MACOSX"])
def test_what_belongs_to_a_system_is_left_out(place: str, tmp_path: Path) -> None:
    picture(tmp_path / place / "a.png")
    picture(tmp_path / "._b.png")
    picture(tmp_path / "b.png")

    assert found(tmp_path, tmp_path) == ["b.png"]


@pytest.mark.parametrize("pattern", ["", "/**/*.png", "/*"])
def test_results_of_a_run_are_no_inputs(pattern: str, tmp_path: Path) -> None:
    source = picture(tmp_path / "b.png")
    output = OutputFolder(tmp_path, ("masks",))
    output.write("masks/b.png", picture)
    output.close()
    picture(tmp_path / "masks" / "own.png")

    assert found(f"{tmp_path}{pattern}", tmp_path) == ["b.png", "masks/own.png"]
    assert found([source, tmp_path / "masks" / "b.png"], tmp_path) == ["b.png", "masks/b.png"]  # named one by one


def test_images_without_a_reader_are_told_of(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    for name in ("b.mgz", "c.svs", "notes.txt", "d.img", "d.hdr"):
        (tmp_path / name).write_bytes(b"x")

    left_out = {Path(name).name: reason for name, reason in images(tmp_path).left_out}

    assert left_out.keys() == {"b.mgz", "c.svs", "d.img"} and "not read" in left_out["b.mgz"]


def test_a_path_may_start_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "scans" / "a.png")
    monkeypatch.setenv("HOME", str(tmp_path))

    for source in ("~/scans", "~/scans/*.png", "~/scans/a.png"):
        assert found(source, tmp_path) == ["scans/a.png"]


def test_no_path_at_all_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)

    for source in ("", ["a.png", ""]):
        with pytest.raises(InputError, match="empty path"):
            images(source)


def test_a_path_longer_than_the_system_allows_is_not_there() -> None:
    ((_, told),) = images("a" * 5000 + ".png")

    assert "no such file" in str(told)
