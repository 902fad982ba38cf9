"""Predictions by workers of Ray: the files of one process, also where a worker is lost."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image as Pillow
from typer.testing import CliRunner

import zoo
from tests.conftest import skip_without
from zoo.cli import app
from zoo.common.errors import BackendError
from zoo.common.files.output_folder import MANIFEST
from zoo.common.types import Image
from zoo.engines.backends_ray import HERE, joined
from zoo.prediction import by_ray
from zoo.prediction.many import predict_many
from zoo.prediction.sources import Images, Item, images

COMMON = ("2D-UNet", "--checkpoint", "none", "--backend", "torch")


@pytest.fixture(scope="module")
def model() -> zoo.Model:
    skip_without("torch")
    return zoo.load("2D-UNet", backend="torch", device="cpu", checkpoint=None, variant="tiny")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("in")
    for i in range(7):
        array = np.random.default_rng(i).integers(0, 255, (32, 32), np.uint8)
        Pillow.fromarray(array).save(place / f"{i}.png")
    (place / "3.png").write_bytes(b"no picture")
    return place


def files(out: Path) -> dict[str, bytes]:
    """Return what was written; of overlays the pixels, because their encoder does not pack these in one way alone."""
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    found[MANIFEST] = b"".join(json.loads(line)["path"].encode() for line in found[MANIFEST].splitlines())
    pictures = {name: Pillow.open(out / name).tobytes() for name in found if name.startswith("overlays/")}
    return {**found, **pictures}


def deadly(found: Images, name: str, marks: Path, deaths: int) -> Images:
    """Let the process that reads one of the images die so many times."""

    def spoilt(item: Item) -> Item:
        if Path(item.name).name != name:
            return item

        def load() -> Image:
            died = len(list(marks.iterdir()))
            if died < deaths:
                (marks / str(died)).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return item.load()

        return Item(item.name, load, item.path)

    return Images([spoilt(item) for item in found.items], found.left_out)


@pytest.mark.slow
def test_workers_write_what_one_process_writes_also_where_one_is_lost(
    model: zoo.Model, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    skip_without("torch")
    monkeypatch.chdir(folder.parent)  # names are as given: relative ones are true in the workers, too
    source, marks = folder.name, tmp_path / "marks"
    marks.mkdir()
    model.predict_into(tmp_path / "one", source, batch_size=2)

    with joined(HERE) as ray:
        assert ray.cluster_resources()["CPU"] >= 1
        found = deadly(images(source), "4.png", marks, deaths=1)
        predict_many(model, found, tmp_path / "two", batch_size=2, ray=HERE)
        shell = ["predict", *COMMON, source, "--no-overlays", "--batch-size", "2"]
        runs = [
            CliRunner().invoke(app, [*shell, "--out", str(tmp_path / out), *more])
            for out, more in (("alone", []), ("shell", ["--ray", HERE]))
        ]
        monkeypatch.setattr(by_ray, "TRIES", 2)  # few, to be over soon; one may meet a worker that starts
        others = deadly(images(source), "4.png", marks, deaths=99)
        results = predict_many(model, others, tmp_path / "three", batch_size=2, ray=HERE)

    assert files(tmp_path / "two") == files(tmp_path / "one")
    assert [run.exit_code for run in runs] == [1, 1], runs[1].output  # one image is no picture
    assert files(tmp_path / "shell") == files(tmp_path / "alone")
    assert [Path(name).name for name, _ in results.failures] == ["3.png", "4.png", "5.png"] and results.complete
    assert "workers that predicted it were lost" in str(results.failures[-1][1])
    assert not [process for process in psutil.Process().children(recursive=True) if "ray" in process.name()]


def test_ray_that_is_not_installed_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ray" else find(name, *more))

    ran = CliRunner().invoke(app, ["predict", *COMMON, str(folder), "--out", str(tmp_path / "out"), "--ray", HERE])

    assert ran.exit_code == 1 and "pip install 'openmedia-zoo[ray]'" in ran.output
    assert not (tmp_path / "out").exists()


def test_an_address_where_nobody_answers_says_what_is_expected() -> None:
    pytest.importorskip("ray")

    with pytest.raises(BackendError, match=r"expected local, auto or HOST:PORT"), joined("no address"):
        pass


def test_a_device_that_workers_cannot_be_given_is_refused(model: zoo.Model) -> None:
    from zoo.prediction.by_ray import _room

    class Ray:
        @staticmethod
        def cluster_resources() -> dict[str, Any]:
            return {"CPU": 4.0, "GPU": 2.0}

    assert _room(Ray, "cuda") == (_room(Ray, "cpu")[0], 1, 2)
    with pytest.raises(BackendError, match="cuda:1 given"):
        _room(Ray, "cuda:1")
