"""A pass that never returns: its request is answered, its model is asked nothing more, all others go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")

from zoo.serve import routes, workers
from zoo.serve.desk import Desk
from zoo.serve.jobs import Job, Target
from zoo.serve.metrics import Metrics
from zoo.serve.refusals import RefusedError
from zoo.serve.settings import Settings
from zoo.serve.uploads import Upload

from ..conftest import skip_without
from .service import picture, png, sent, service

STUCK, OTHER = "/models/2D-UNet/predict", "/models/Covid-ResNet/predict"
SECONDS = 0.5


@pytest.fixture
def gate():
    opened = threading.Event()
    yield opened
    opened.set()


@pytest.fixture
def client(monkeypatch, gate):
    """A service whose 2D-UNet comes back when the gate opens; Covid-ResNet is loaded."""
    skip_without("torch")
    for module in (workers, routes):
        monkeypatch.setattr(module, "GRACE_S", 0.1)
    with service("torch", bounds={"seconds": 60}) as opened:
        load = opened.shelf.load

        def loaded(target):
            model = load(target)
            if target.algorithm == "2D-UNet":
                forward = model.engine.forward
                model.engine.forward = lambda inputs: gate.wait(30) and forward(inputs)
            return model

        opened.shelf.load = loaded
        opened.post(OTHER, **sent(png(picture())))
        yield opened


def soon(client, path: str, name: str = "scan.png"):
    """Ask for an answer that has to be there soon."""
    bounds = client.app.state.zoo.settings.bounds
    object.__setattr__(bounds, "seconds", SECONDS)
    try:
        return client.post(path, **sent(png(picture()), name))
    finally:
        object.__setattr__(bounds, "seconds", 60.0)


def until(what: Callable[[], bool]) -> bool:
    for _ in range(100):
        if what():
            return True
        time.sleep(0.1)
    return False


def is_well(client) -> bool:
    return client.get("/health").json() == {"status": "ok"}


def test_model_that_does_not_return_is_told_and_refused_until_it_does(client, gate, capfd):
    assert soon(client, STUCK).status_code == 504

    assert until(lambda: not is_well(client))
    told = client.get("/health").json()
    assert (told["status"], told["lost"][0]["model"], told["lost"][0]["framework"]) == ("degraded", "2D-UNet", "torch")
    assert "zoo_lost_passes 1.0" in client.get("/metrics").text
    refused = client.post(STUCK, **sent(png(picture())))
    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    assert "does not come back" in refused.json()["detail"]
    assert "gate.wait" in capfd.readouterr().err  # where it is, for whoever runs the service
    gate.set()
    assert until(lambda: is_well(client))
    assert client.post(STUCK, **sent(png(picture()))).status_code == 200


def test_other_models_are_answered_while_one_does_not_return(client):
    soon(client, STUCK)
    assert until(lambda: not is_well(client))

    assert [client.post(OTHER, **sent(png(picture(seed)))).status_code for seed in range(3)] == [200] * 3


def test_job_whose_model_does_not_return_fails_by_itself_and_frees_its_place(client):
    job = soon(client, f"{STUCK}?job=true").json()["id"]

    assert until(lambda: client.get(f"/jobs/{job}").json()["state"] == "failed")
    assert client.app.state.zoo.desk.inside == 0


def test_file_whose_reading_does_not_return_keeps_nobody_else_out(client, gate, monkeypatch):
    read = Upload.read
    monkeypatch.setattr(
        Upload, "read", lambda self, *how: (self.name == "bad.png" and gate.wait(30)) or read(self, *how)
    )

    assert soon(client, OTHER, "bad.png").status_code == 504
    assert until(lambda: not is_well(client))
    assert client.post(OTHER, **sent(png(picture()), "good.png")).status_code == 200


def test_where_too_many_threads_are_lost_all_is_refused(client, monkeypatch):
    monkeypatch.setattr(workers, "MOST_LOST", 1)
    soon(client, STUCK)

    assert until(lambda: client.get("/health").status_code == 503)
    assert client.post(OTHER, **sent(png(picture()))).status_code == 503


def test_mindspore_which_takes_one_call_at_a_time_is_refused_as_a_whole(monkeypatch):
    def job(algorithm: str, framework: str) -> Job:
        return Job(Target(algorithm, "a", framework), Upload(None, "a"))  # type: ignore[arg-type]

    monkeypatch.setattr(workers.Worker, "works", True)
    desk = Desk(Settings(), Metrics())
    desk.engine.lost.append(workers.Pass([job("A", "mindspore")]))
    with pytest.raises(RefusedError, match="A in mindspore"):
        desk.submit(job("B", "mindspore"))
    desk.submit(job("B", "torch"))

    assert len(desk.line) == 1
