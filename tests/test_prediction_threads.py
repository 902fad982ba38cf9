"""Reading ahead and writing behind: the order, the errors and the memory of one thread."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import zoo
from tests.conftest import skip_without
from zoo.common.errors import InputError, OutputError
from zoo.prediction import threads
from zoo.prediction.many import predict_many
from zoo.prediction.sources import images
from zoo.prediction.threads import Behind, ahead


def none_left() -> bool:
    return not [thread for thread in threading.enumerate() if thread.name in ("reads ahead", "writes behind")]


def test_what_is_read_ahead_comes_in_order_and_ends_in_its_error() -> None:
    def items() -> Iterator[int]:
        yield from range(20)
        raise KeyError("the 21st")

    taken = []
    with pytest.raises(KeyError, match="21st"):
        for item in ahead(items(), lambda item: 1, 4):
            taken.append(item)

    assert taken == list(range(20)) and none_left()


def test_no_more_is_read_ahead_than_was_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "VALUES_AHEAD", 100)
    for size, most in ((1, 3), (40, 2), (60, 1), (1000, 1)):
        made = []

        def items(made: list[int] = made) -> Iterator[int]:
            for i in range(12):
                made.append(i)
                yield i

        beside = []
        for taken, _ in enumerate(ahead(items(), lambda item, size=size: size, 3)):  # type: ignore[misc]
            time.sleep(0.002)
            beside.append(len(made) - taken - 1)  # read, besides the one that was taken last

        # whether the second one fits is known when the first is there; one that was begun when asked for is none
        assert max(beside[2:]) <= most + (size == 1), size


def test_reading_ahead_ends_with_whoever_asked_for_it() -> None:
    some = ahead(iter(range(1000)), lambda item: 1, 8)

    assert next(some) == 0
    some.close()  # type: ignore[attr-defined]
    assert none_left()


def test_tasks_are_done_in_order_and_all_of_them_before_the_end() -> None:
    done: list[int] = []
    with Behind(2) as writer:
        for i in range(20):
            writer.do(lambda i=i: (time.sleep(0.001), done.append(i)))  # type: ignore[misc]

    assert done == list(range(20)) and none_left()


def test_a_task_that_fails_is_the_last_one() -> None:
    done: list[int] = []

    def task(i: int) -> None:
        if i == 3:
            raise OutputError("full")
        done.append(i)

    with pytest.raises(OutputError, match="full"), Behind(2) as writer:
        for i in range(20):
            writer.do(lambda i=i: task(i))  # type: ignore[misc]
            time.sleep(0.001)

    assert done == [0, 1, 2] and none_left()


def test_what_was_given_is_done_where_the_giver_fails() -> None:
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt), Behind() as writer:
        for i in range(3):
            writer.do(lambda i=i: (time.sleep(0.01), done.append(i)))  # type: ignore[misc]
        raise KeyboardInterrupt

    assert done == [0, 1, 2]


def test_at_once_means_done() -> None:
    done: list[int] = []
    with Behind() as writer:
        writer.do(lambda: (time.sleep(0.01), done.append(1)))
        writer.do(lambda: (time.sleep(0.01), done.append(2)), at_once=True)

        assert done == [1, 2]


@pytest.fixture(scope="module")
def model() -> zoo.Model:
    skip_without("torch")
    return zoo.load("2D-UNet", backend="torch", checkpoint=None, variant="tiny")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "in"
    place.mkdir()
    for i in range(12):
        array = np.random.default_rng(i).integers(0, 255, (48, 48), np.uint8)
        Pillow.fromarray(array).save(place / f"{i:02}.png")
    (place / "05.png").write_bytes(b"no picture")
    return place


def test_a_folder_is_answered_as_its_images_one_by_one(model: zoo.Model, folder: Path, tmp_path: Path) -> None:
    results = predict_many(model, images(folder), tmp_path / "out", batch_size=3)

    lines = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    assert [Path(line["name"]).name for line in lines] == [f"{i:02}.png" for i in range(12)]
    assert [Path(name).name for name, _ in results.failures] == ["05.png"] and "error" in lines[5]
    assert all((tmp_path / "out" / line["overlay"]).stat().st_size for line in lines if "error" not in line)
    for path in ("00.png", "11.png"):
        alone: Any = model.predict(folder / path)
        told = next(line for line in lines if line["name"].endswith(path))
        assert {**alone.to_dict(), **{k: told[k] for k in ("name", "mask", "overlay")}} == told
    with pytest.raises(InputError):
        raise results.failures[0][1]


def test_an_interrupted_run_keeps_whole_answers_and_goes_on(
    model: zoo.Model, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, calls = model.engine.forward, []

    def interrupted(inputs: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt  # as Python's handler of Ctrl-C does; a signal would reach the worker of the tests
        return forward(inputs)

    monkeypatch.setattr(model.engine, "forward", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"of 12 images predicted, kept in"):
        predict_many(model, images(folder), tmp_path / "out", batch_size=2)
    lines = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    pictures = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out" / "overlays").rglob("*")}

    assert {line["overlay"] for line in lines if "overlay" in line} == {p for p in pictures if p.endswith(".png")}
    assert none_left()
    results = predict_many(model, images(folder), tmp_path / "out", batch_size=2, skip_existing=True)
    assert results.skipped == len([line for line in lines if "error" not in line]) and len(results.kept) == 11
