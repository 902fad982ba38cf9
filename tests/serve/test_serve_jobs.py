"""Long volumes are jobs: they tell how far they are, can be ended, and wait for their answer to be fetched."""

from __future__ import annotations

import json
import threading
import time

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")

from zoo.common.errors import ZooError
from zoo.serve.held import Held
from zoo.serve.jobs import Job, Line, Target
from zoo.serve.settings import Bounds
from zoo.serve.uploads import Upload

from ..conftest import FRAMEWORKS, skip_without
from .service import picture, png, sent, service, unpacked, volume

PREDICT = "/models/2D-UNet/predict"
DEEP = (40, 20, 24)


@pytest.fixture(scope="module", params=FRAMEWORKS)
def client(request):
    skip_without(request.param)
    with service(request.param) as opened:
        yield opened


def events_of(client, job: str) -> list[tuple[str, dict]]:
    with client.stream("GET", f"/jobs/{job}/events") as answer:
        text = "".join(answer.iter_text())
    blocks = [block.split("\n") for block in text.strip().split("\n\n")]
    return [(event.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for event, data in blocks]


def started(client, **asked) -> str:
    answer = client.post(f"{PREDICT}?job=true", **(asked or sent(volume(0, DEEP), "scan.mha")))
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/jobs/{answer.json()['id']}"
    return answer.json()["id"]


def test_job_tells_its_steps_until_it_ends(client):
    events = events_of(client, started(client))

    assert events[-1][0] == "end"
    assert events[-1][1] | {"state": "done", "done": 40, "total": 40} == events[-1][1]
    steps = [told["done"] for _, told in events]
    assert steps == sorted(steps)


def test_answer_of_a_job_can_be_had_in_several_forms(client):
    job = started(client)
    events_of(client, job)

    header, arrays = unpacked(client.get(f"/jobs/{job}/result?format=view").content)

    assert header["is_volume"]
    assert arrays["image"].shape == arrays["labels"].shape == (1, *DEEP)
    assert client.get(f"/jobs/{job}/result?format=mask.nii.gz").content[:2] == b"\x1f\x8b"
    assert client.get(f"/jobs/{job}/result").json()["size"] == list(DEEP)


def test_answer_is_gone_after_the_job_is_deleted(client):
    job = started(client)
    events_of(client, job)

    assert client.delete(f"/jobs/{job}").status_code == 204
    assert client.get(f"/jobs/{job}/result").status_code == 404


def test_failed_job_tells_why_without_places(client):
    job = started(client, **sent(b"no image", "scan.png"))

    told = events_of(client, job)[-1][1]

    assert told["state"] == "failed"
    assert "scan.png" in told["error"]["detail"]
    assert "/" not in told["error"]["detail"].replace("scan.png", "")
    assert client.get(f"/jobs/{job}/result").status_code == 422


def test_job_ends_at_its_next_step_when_it_is_cancelled():
    skip_without("torch")
    with service("torch") as client:
        reached, go_on = threading.Event(), threading.Event()
        load = client.shelf.load

        def stepping(target):
            model = load(target)
            forward, calls = model.engine.forward, []

            def slow(inputs):
                calls.append(1)
                if len(calls) == 3:
                    reached.set()
                    go_on.wait(20)
                return forward(inputs)

            model.engine.forward = slow
            client.calls = calls
            return model

        client.shelf.load = stepping
        job = started(client)
        reached.wait(20)
        assert client.get(f"/jobs/{job}").json()["state"] == "running"
        assert client.get(f"/jobs/{job}/result").status_code == 409
        client.delete(f"/jobs/{job}")
        go_on.set()
        answer = client.post(PREDICT, **sent(png(picture())))

        assert answer.status_code == 200
        assert len(client.calls) == 4  # three of the cancelled job, one of the next


def test_waiting_job_ends_at_once_when_it_is_cancelled():
    line, upload = Line(Bounds()), Upload(None, "a")  # type: ignore[arg-type]
    job = Job(Target("a", "b", "torch"), upload)
    line.add(job)
    line.remove(job)

    assert len(line) == 0


def test_line_gives_pictures_of_a_kind_together_and_in_turn():
    import numpy as np

    from zoo.common.types import Image

    line = Line(Bounds(batch=2))
    for name, options in (("a", "{}"), ("b", '{"x": 1}'), ("c", "{}"), ("d", "{}")):
        job = Job(Target("x", "y", "torch"), Upload(None, name), options)  # type: ignore[arg-type]
        job.image = Image(np.zeros((1, 2, 2), np.float32))
        line.add(job)
        line.is_ready(job)

    batches = [[job.upload.name for job in line.next_batch()] for _ in range(3)]

    assert batches == [["a", "c"], ["b"], ["d"]]


def test_answers_are_forgotten_after_their_time(tmp_path):
    held = Held(Bounds(held_seconds=0.01))
    job = Job(Target("a", "b", "torch"), Upload(tmp_path / "upload", "a"))
    held.add(job)
    job.end(ZooError("x"))
    time.sleep(0.02)
    held.tidy()

    assert len(held) == 0
