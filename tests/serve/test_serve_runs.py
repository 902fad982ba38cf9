"""The trainings below --runs: told while they are written, and nothing that lies outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image as Pillow

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")

from zoo.serve import runs

from ..test_watch import epoch, holder, written
from .service import service

TOKEN = "0123456789abcdef"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A running and a finished training, one of them two folders down; beside them what is none of the client's."""
    root = tmp_path / "runs"
    (root / "old").mkdir(parents=True)
    written(root / "mine", epoch(1, 0.5), epoch(2, 0.7), holder=holder(os.getpid()))
    written(root / "old" / "one", epoch(1, 0.4), {"event": "end", "test": {"metrics": {"dice": 0.3}}})
    case = root / "mine" / "snapshots" / "case 1"
    case.mkdir(parents=True)
    for number in range(3):
        Pillow.new("RGB", (60, 40), (80 * number, 0, 0)).save(case / f"epoch_{number:04d}.jpg")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    written(tmp_path / "elsewhere", epoch(1, 0.9))
    return root


@pytest.fixture
def client(folder):
    with service(runs=folder) as opened:
        yield opened


def test_runs_are_listed_with_their_state_and_the_time_left(client):
    told = {each["run"]: each for each in client.get("/runs").json()["runs"]}

    assert set(told) == {"mine", "old/one"}
    assert (told["mine"]["state"], told["mine"]["epoch"], told["old/one"]["seconds_left"]) == ("running", 2, None)
    assert told["mine"]["seconds_left"] == pytest.approx(480, abs=30)


def test_one_run_tells_its_curves_and_grows_while_it_is_written(client, folder):
    before = client.get("/runs/mine").json()
    with (folder / "mine" / "log.jsonl").open("a") as log:
        log.write('{"event": "epoch", "epoch": 3, "validation": {"dice": 0.8}}\n{"event": "ep')
    after = client.get("/runs/mine").json()

    assert (before["scores"]["dice"], after["scores"]["dice"]) == ([0.5, 0.7], [0.5, 0.7, 0.8])
    assert before["losses"]["training"] == [1.0, 1.0]
    assert client.get("/runs/old/one").json()["test"] == {"dice": 0.3}


def test_pictures_and_a_film_of_a_case_can_be_had_while_the_run_goes_on(client, folder):
    case = folder / "mine" / "snapshots" / "case 1"
    told = client.get("/runs/mine").json()["cases"]
    films = [client.get("/runs/mine/cases/case 1/film").content for _ in range(2)]

    assert told == [{"name": "case 1", "files": [f"epoch_{n:04d}.jpg" for n in range(3)], "reference": False}]
    picture = client.get("/runs/mine/cases/case 1/epoch_0002.jpg")
    assert (picture.content, picture.headers["content-type"]) == ((case / "epoch_0002.jpg").read_bytes(), "image/jpeg")
    assert films[0][:6] == b"GIF89a" and films[0] == films[1]
    (folder / "mine" / "snapshots" / "case 1.gif").write_bytes(b"that of the run")
    assert client.get("/runs/mine/cases/case 1/film").content == b"that of the run"


@pytest.mark.parametrize(
    "path",
    [
        "../elsewhere",
        "%2e%2e/elsewhere",
        "..%2felsewhere",
        "/etc",
        "mine%2f..",
        "old",
        "mine/cases/case 1/..%2f..%2f..%2f..%2fsecret.jpg",
        "mine/cases/../settings.json",
        "mine/cases/case 1/settings.json",
        "mine/cases/%2e%2e/epoch_0001.jpg",
        "mine/cases/case 1/epoch_0009.jpg",
        "mine/cases/nobody/film",
    ],
)
def test_what_is_no_run_or_picture_is_not_found_and_no_place_is_told(client, folder, path):
    answer = client.get(f"/runs/{path}")

    assert answer.status_code == 404
    assert str(folder.parent) not in answer.text


def test_links_that_lead_out_are_not_followed(client, folder):
    outside = folder.parent
    (folder / "linked").symlink_to(outside / "elsewhere")
    (folder / "half").mkdir()
    (folder / "half" / "log.jsonl").symlink_to(outside / "elsewhere" / "log.jsonl")
    (folder / "mine" / "snapshots" / "case 1" / "epoch_0007.jpg").symlink_to(outside / "secret.jpg")
    (folder / "old" / "one" / "snapshots").symlink_to(folder.parent)

    assert {each["run"] for each in client.get("/runs").json()["runs"]} == {"mine", "old/one"}
    assert client.get("/runs/mine/cases/case 1/epoch_0007.jpg").status_code == 404
    assert "epoch_0007.jpg" not in client.get("/runs/mine").text
    assert client.get("/runs/old/one").json()["cases"] == []


def test_files_that_never_end_or_are_too_large_are_left_alone(client, folder, monkeypatch):
    monkeypatch.setattr(runs, "LARGEST_LOG", 10_000)
    written(folder / "pipe", epoch(1, 0.5), settings=None)
    os.mkfifo(folder / "pipe" / "settings.json")
    written(folder / "large", *(epoch(n, 0.5) for n in range(1, 200)))

    assert {each["run"] for each in client.get("/runs").json()["runs"]} == {"mine", "old/one"}


def test_a_run_itself_may_be_the_folder(folder):
    with service(runs=folder / "mine") as client:
        assert [each["run"] for each in client.get("/runs").json()["runs"]] == ["mine"]
        assert client.get("/runs/mine").json()["epoch"] == 2


def test_without_a_folder_no_run_is_shown():
    with service() as client:
        assert client.get("/runs").json() == {"shown": False, "runs": []}
        assert "--runs DIR" in client.get("/runs/mine").json()["detail"]


def test_trainings_ask_for_the_token_too(folder):
    with service(runs=folder, token=TOKEN) as client:
        paths = ("/runs", "/runs/mine", "/runs/mine/cases/case 1/epoch_0001.jpg", "/runs/mine/cases/case 1/film")

        assert [client.get(path).status_code for path in paths] == [401] * 4
        assert client.get("/runs", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
