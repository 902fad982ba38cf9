"""Results are written whole or not at all, and nothing that a run did not write is ever replaced."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.answers.segmentation import Segmentation
from zoo.common.errors import ConfigError, OutputError
from zoo.common.files.output_folder import MANIFEST, OutputFolder, read_manifest, written_files
from zoo.common.files.outputs import user_path, write_text, write_whole
from zoo.common.types import Image


def contents(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def fill(folder: Path, text: str = "a", *, overwrite: bool = False) -> OutputFolder:
    output = OutputFolder(folder, ("table.csv", "masks", "box_*.png", "lines.jsonl"), overwrite=overwrite)
    for name in ("table.csv", "masks/p1/a.png", "box_1.png"):
        output.write(name, lambda staged: staged.write_text(text))
    return output


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")

    def broken(staged: Path) -> None:
        staged.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputError, match=r"a\.txt: cannot be written \(No space left.*Free some space"):
        write_whole(tmp_path / "a.txt", broken)
    assert contents(tmp_path) == {"a.txt": "old"} and len(list(tmp_path.iterdir())) == 1


def test_a_refusal_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    def refused(staged: Path) -> None:
        write_whole(staged, refused_inside)

    def refused_inside(staged: Path) -> None:
        raise ConfigError(f"{staged}: cannot hold a volume")

    with pytest.raises(ConfigError) as caught:
        write_whole(tmp_path / "a.png", refused)
    assert str(caught.value) == f"{tmp_path / 'a.png'}: cannot hold a volume"


def test_a_write_within_another_is_staged_once(tmp_path: Path) -> None:
    seen = list[Path]()

    def inner(staged: Path) -> None:
        seen.append(staged)
        staged.write_text("a")

    written = write_whole(tmp_path / "a.txt", lambda staged: write_whole(staged, inner))

    assert (written.read_text(), list(tmp_path.iterdir())) == ("a", [written])
    assert seen[0].parent.parent == tmp_path


def test_an_input_is_never_replaced_under_any_of_its_names(tmp_path: Path) -> None:
    scan = tmp_path / "scan.png"
    scan.write_text("scan")
    (tmp_path / "link.png").symlink_to(scan)
    os.link(scan, tmp_path / "hard.png")

    for name in ("scan.png", "link.png", "hard.png", "x/../scan.png"):
        with pytest.raises(OutputError, match="the image that was read"):
            write_text(tmp_path / name, "mask", [scan])
    assert scan.read_text() == "scan"


def test_a_link_is_replaced_and_its_target_stays(tmp_path: Path) -> None:
    (tmp_path / "target.txt").write_text("mine")
    (tmp_path / "out.txt").symlink_to("target.txt")

    write_text(tmp_path / "out.txt", "new")

    assert contents(tmp_path) == {"target.txt": "mine", "out.txt": "new"}


def test_companions_of_a_file_arrive_with_it(tmp_path: Path) -> None:
    def pair(staged: Path) -> None:
        staged.write_text("header")
        staged.with_suffix(".raw").write_text("voxels")

    write_whole(tmp_path / "new" / "a.mhd", pair)

    assert contents(tmp_path / "new") == {"a.mhd": "header", "a.raw": "voxels"}


def test_a_name_that_is_no_utf8_is_written(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"M\xfcller")

    write_whole(folder / os.fsdecode(b"\xfc.nii.gz"), lambda staged: staged.write_text(str(staged).encode().decode()))

    assert os.listdir(os.fsencode(folder)) == [b"\xfc.nii.gz"]


@pytest.mark.parametrize("given", ["", "a\0b"])
def test_a_path_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(OutputError, match="path given"):
        user_path(given)


@pytest.mark.parametrize("given", [5, None, b"a", ["a"]])
def test_what_is_no_path_is_refused(given: Any) -> None:
    with pytest.raises(OutputError, match=r"given as a path; expected the name of a file or folder"):
        user_path(given)


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert user_path("~/a") == tmp_path / "a"
    assert user_path("a/~b") == Path("a/~b")


def test_own_files_are_replaced_on_demand_only_and_old_ones_go(tmp_path: Path) -> None:
    fill(tmp_path).close()

    with pytest.raises(OutputError, match="3 files of an earlier run"):
        fill(tmp_path, "b")
    again = OutputFolder(tmp_path, ("table.csv", "masks", "box_*.png"), overwrite=True)
    again.write("table.csv", lambda staged: staged.write_text("b"))

    assert contents(tmp_path) == {"table.csv": "b"}


@pytest.mark.parametrize("name", ["table.csv", "masks/theirs.png", "masks/p1/a.png", "box_7.png"])
def test_foreign_and_changed_files_are_never_replaced(name: str, tmp_path: Path) -> None:
    fill(tmp_path).close()
    (tmp_path / name).write_text("theirs")
    before = contents(tmp_path)

    for overwrite in (False, True):
        with pytest.raises(OutputError, match=r"not overwritten"):
            fill(tmp_path, "b", overwrite=overwrite)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["masks", "table.csv"])
@pytest.mark.parametrize("target", ["theirs", "nowhere"])
def test_nothing_is_written_through_a_link(name: str, target: str, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "a.png").write_text("theirs")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to(tmp_path / target)

    with pytest.raises(OutputError, match="not overwritten"):
        fill(tmp_path / "out", overwrite=True)
    assert contents(tmp_path / "theirs") == {"a.png": "theirs"} and not (tmp_path / "nowhere").exists()


def test_a_file_that_appears_while_a_run_goes_on_is_not_replaced(tmp_path: Path) -> None:
    output = fill(tmp_path)
    (tmp_path / "masks" / "b.png").write_text("theirs")

    with pytest.raises(OutputError, match="appeared"):
        output.write("masks/b.png", lambda staged: staged.write_text("ours"))
    with pytest.raises(OutputError, match="appeared"):
        output.open_lines("table.csv")
    assert contents(tmp_path)["masks/b.png"] == "theirs"


def test_a_link_in_the_place_of_an_own_file_is_not_own(tmp_path: Path) -> None:
    fill(tmp_path, "same").close()
    (tmp_path / "box_1.png").unlink()
    (tmp_path / "theirs.png").write_text("same")
    (tmp_path / "box_1.png").symlink_to("theirs.png")

    with pytest.raises(OutputError, match="not overwritten"):
        fill(tmp_path, overwrite=True)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".mha", ".mhd", ".nrrd"])
def test_a_volume_that_does_not_fit_on_the_disk_is_no_file(suffix: str, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    labels = np.random.default_rng(0).integers(0, 3, (20, 30, 40)).astype(np.uint8)
    answer = Segmentation(Image(labels[None].astype(np.float32), (1, 1, 1), np.eye(4)), ("a", "b", "c"), labels)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))  # bytes that any file may have
    try:
        with pytest.raises(OutputError, match=r"a\.\w+(\.gz)?: cannot be written"):
            answer.save(tmp_path / f"a{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_other_files_of_the_folder_are_no_matter(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    fill(tmp_path).close()

    assert contents(tmp_path)["notes.txt"] == "mine"
    assert tmp_path / "notes.txt" not in written_files(tmp_path)


def test_what_is_to_be_read_is_not_removed(tmp_path: Path) -> None:
    fill(tmp_path).close()

    with pytest.raises(OutputError, match="is to be read"):
        OutputFolder(tmp_path, ("masks",), overwrite=True, inputs=[tmp_path / "masks" / "p1" / "a.png"])


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")

    for path in (tmp_path / "out", tmp_path / "out" / "deeper"):
        with pytest.raises(OutputError, match="file"):
            fill(path)


def test_lines_are_whole_after_every_line_and_a_killed_run_owns_its_file(tmp_path: Path) -> None:
    output = fill(tmp_path)
    lines = output.open_lines("lines.jsonl")
    lines.add({"value": float("nan")})

    assert [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()] == [{"value": None}]
    fill(tmp_path, overwrite=True)


def test_a_torn_manifest_line_is_no_matter(tmp_path: Path) -> None:
    fill(tmp_path).close()
    with (tmp_path / MANIFEST).open("a") as file:
        file.write('{"path": "ta')

    assert set(read_manifest(tmp_path)) == {"table.csv", "masks/p1/a.png", "box_1.png"}
