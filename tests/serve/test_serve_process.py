"""The service as a process: clients that leave, uploads that break off, and many at once."""

from __future__ import annotations

import threading
import time

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx2")

import httpx2 as httpx

from ..conftest import FRAMEWORKS, skip_without
from .process import running
from .service import npy, picture, png, sent, unpacked

PREDICT = "/models/MTCSN/predict"
HEAD = "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n{more}\r\n"
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'


def request(more: str, path: str = PREDICT) -> bytes:
    return HEAD.format(path=path, more=more).encode()


@pytest.fixture(scope="module")
def service():
    skip_without("torch")
    with running("--queue", "200", "--upload-mib", "8", "--seconds", "90", "MTCSN") as started:
        yield started


def is_alive(service) -> bool:
    answer = httpx.post(service.address + PREDICT, timeout=60, **sent(png(picture())))
    return answer.status_code == 200 and service.process.poll() is None


def waits_for_nobody(service) -> bool:
    """Whether every place is free again, soon."""
    for _ in range(100):
        if "zoo_requests_inside 0.0" in httpx.get(service.address + "/metrics").text:
            return True
        time.sleep(0.1)
    return False


def test_clients_that_leave_in_the_middle_cost_nothing(service):
    body = PART + png(picture()) + b"\r\n--b--\r\n"
    for size in (0, 10, len(PART) + 5, len(body) - 3, len(body)):
        with service.connect() as connection:
            connection.sendall(request(f"Content-Length: {len(body)}\r\n") + body[:size])

    assert waits_for_nobody(service)
    assert is_alive(service)


def test_upload_beyond_the_bound_is_answered_while_it_is_sent(service):
    with service.connect() as connection:
        connection.sendall(request("Transfer-Encoding: chunked\r\n"))
        chunk = b"%x\r\n%s\r\n" % (2**20, bytes(2**20))
        try:
            connection.sendall(b"%x\r\n%s\r\n" % (len(PART), PART))
            for _ in range(64):
                connection.sendall(chunk)
        except OSError:
            pass  # the server has closed
        answer = connection.recv(4096)

    assert b" 413 " in answer.split(b"\r\n")[0]
    assert is_alive(service)


def test_announced_gigabyte_is_refused_unread(service):
    with service.connect() as connection:
        connection.sendall(request(f"Content-Length: {2**30}\r\nExpect: 100-continue\r\n"))
        answer = connection.recv(4096)

    assert b" 413 " in answer.split(b"\r\n")[0]


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET " + b"a" * 70_000,
        b"POST /x HTTP/1.1\r\nA:" * 3,
    ],
)
def test_what_is_no_http_is_refused(service, line):
    with service.connect() as connection:
        connection.sendall(line)
        connection.settimeout(1)
        try:
            answer = connection.recv(4096)
        except TimeoutError:
            answer = b""  # it waits for the rest

    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert httpx.get(service.address + "/health").status_code == 200


@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_many_clients_each_get_the_answer_to_their_own_picture(service, backend):
    skip_without(backend)
    wrong: list[str] = []

    def ask(seed: int) -> None:
        values = picture(seed, 16 + seed % 5, 20)
        with httpx.Client(base_url=service.address, timeout=120) as client:
            for _ in range(2):
                told = {"data": {"backend": backend}, **sent(png(values), f"{seed}.png")}
                answer = client.post(f"{PREDICT}?format=view", **told)
                header, arrays = unpacked(answer.content)
                if header["size"] != [1, *values.shape] or not (arrays["image"][0, 0] == values).all():
                    wrong.append(f"{seed}: {header['title']}")

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_an_answer_tells_no_place_of_the_server(service):
    for content, name in ((b"x", "a.png"), (npy(picture()[:0]), "b.npy"), (b"", "c.nii.gz")):
        text = httpx.post(service.address + PREDICT, timeout=60, **sent(content, name)).text

        assert "/tmp" not in text and "zoo-serve" not in text


def test_ctrl_c_ends_it_without_a_trace():
    skip_without("torch")
    with running("--backend", "torch") as started:
        assert httpx.get(started.address + "/health").status_code == 200

    assert started.process.returncode in (0, 130, -2)
    assert not [line for line in started.said if "Traceback" in line]
