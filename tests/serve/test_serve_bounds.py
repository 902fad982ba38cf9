"""What the service refuses, with which code, and that it goes on afterwards."""

from __future__ import annotations

import io
import json
import threading
import zipfile

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")

from zoo.common.errors import ConfigError
from zoo.serve.settings import Bounds, Settings, read_token

from ..conftest import skip_without
from .service import npy, picture, png, sent, service, volume

PREDICT = "/models/2D-UNet/predict"
TOKEN = "0123456789abcdef-token"


@pytest.fixture(scope="module", autouse=True)
def _torch():
    skip_without("torch")


@pytest.fixture(scope="module")
def client():
    bounds = {"upload_bytes": 200_000, "files": 5, "unpacked_bytes": 400_000, "voxels": 10_000}
    with service("torch", bounds=bounds) as opened:
        yield opened


def refused(answer, status: int) -> str:
    """Return the reason of a refusal, which tells no place of the server and no trace."""
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert set(told) == {"kind", "detail"}
    for word in ("Traceback", "/tmp", "/work", "/home", "/usr", "site-packages", ".py"):
        assert word not in answer.text, answer.text
    return told["detail"]


def zipped(files: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_upload_that_announces_too_much_is_refused_unread(client):
    refused(client.post(PREDICT, **sent(bytes(300_000))), 413)


def test_upload_that_grows_too_large_is_refused(client):
    def stream():
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        for _ in range(40):
            yield bytes(10_000)

    answer = client.post(PREDICT, content=stream(), headers={"Content-Type": "multipart/form-data; boundary=b"})

    refused(answer, 413)


def test_too_many_files_are_refused(client):
    files = [("file", (f"{i}.png", png(picture()))) for i in range(6)]

    refused(client.post(PREDICT, files=files), 413)


def test_too_many_values_are_refused(client):
    refused(client.post(PREDICT, **sent(png(picture(0, 101, 100)))), 413)


def test_array_that_only_claims_to_be_large_is_refused(client):
    content = npy(picture()).replace(b"(24, 32)", b"(99999, 99999)")[:300]

    refused(client.post(PREDICT, **sent(content, "a.npy")), 422)


def test_archive_that_unpacks_to_too_much_is_refused(client):
    refused(client.post(PREDICT, **sent(zipped({"a.dcm": bytes(2**20)}), "bomb.zip")), 413)


def test_archive_of_too_many_files_is_refused(client):
    refused(client.post(PREDICT, **sent(zipped({f"{i}.dcm": b"x" for i in range(6)}), "many.zip")), 413)


@pytest.mark.parametrize(
    "name", ["../a.png", "/etc/a.png", "x/../../a.png", "..\\a.png", "C:\\a.png", "a/" * 20 + "a.png"]
)
def test_archive_with_a_path_that_leads_elsewhere_is_refused(client, name):
    refused(client.post(PREDICT, **sent(zipped({name: png(picture())}), "slip.zip")), 422)


def test_archive_with_a_link_is_refused(client):
    info = zipfile.ZipInfo("a.png")
    info.external_attr = 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, "/etc/passwd")

    refused(client.post(PREDICT, **sent(buffer.getvalue(), "link.zip")), 422)


@pytest.mark.parametrize("other", ["/etc/hostname", "../../../../etc/hostname", "C:/x.raw", "..\\x.raw"])
def test_header_that_names_a_file_of_the_server_is_refused(client, other):
    head = f"ObjectType = Image\nNDims = 2\nDimSize = 2 2\nElementType = MET_UCHAR\nElementDataFile = {other}\n"

    for name in ("scan.mhd", "scan.mha"):
        refused(client.post(PREDICT, **sent(head.encode(), name)), 422)


def test_file_names_with_paths_stay_in_the_upload(client):
    answer = client.post(PREDICT, **sent(png(picture()), "../../../tmp/evil.png"))

    assert (answer.status_code, answer.json()["name"]) == (200, "evil.png")


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"options": "[1]"}, 422),
        ({"options": "{" * 5000}, 422),
        ({"options": json.dumps({"nothing": 1})}, 422),
        ({"options": json.dumps({"probabilities": "yes"})}, 422),
        ({"spacing_mm": "wide"}, 422),
        ({"spacing_mm": "nan"}, 422),
        ({"tta": "perhaps"}, 422),
        ({"backend": "tensorflow"}, 422),
        ({"checkpoint": "../../etc/passwd"}, 404),
        ({"checkpoint": "/etc/passwd"}, 404),
        ({"checkpoint": "none"}, 404),
        ({"series_uid": "1.2.3", "x": "y" * 70_000}, 413),
    ],
)
def test_wrong_options_are_refused(client, form, status):
    refused(client.post(PREDICT, data=form, **sent(png(picture()))), status)


def test_unknown_algorithm_is_told_what_is_near(client):
    assert "2D-UNet" in refused(client.post("/models/2D-UNit/predict", **sent(b"x")), 404)


def test_unknown_format_is_refused(client):
    refused(client.post(f"{PREDICT}?format=exe", **sent(png(picture()))), 422)


def test_mask_of_an_answer_without_one_is_refused(client):
    refused(client.post("/models/EllipseNet/predict?format=mask.nrrd", **sent(png(picture()))), 406)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "multipart/form-data; boundary=b", 422),
        (b"nonsense", "multipart/form-data; boundary=b", 400),
        (b"--b\r\nnonsense", "multipart/form-data; boundary=b", 400),
        (
            b'--b\r\nContent-Disposition: form-data; filename="a"\r\n\r\nx\r\n--b--',
            "multipart/form-data; boundary=b",
            400,
        ),
        (b"x", "multipart/form-data", 400),
        (b"x", "application/json", 415),
        (b"x", "", 415),
    ],
)
def test_malformed_bodies_are_refused(client, content, kind, status):
    refused(client.post(PREDICT, content=content, headers={"Content-Type": kind}), status)


def test_truncated_upload_is_an_unusable_image(client):
    refused(client.post(PREDICT, **sent(png(picture())[:60])), 422)


def test_service_is_alive_after_all_that(client):
    assert client.post(PREDICT, **sent(png(picture()))).status_code == 200


def test_full_queue_is_told_with_a_time_to_wait():
    with service("torch", bounds={"queue": 1}) as client:
        held, go_on = threading.Event(), threading.Event()
        load = client.shelf.load

        def slow(target):
            held.set()
            go_on.wait(20)
            return load(target)

        client.shelf.load = slow
        first = threading.Thread(target=lambda: client.post(PREDICT, **sent(png(picture()))))
        first.start()
        held.wait(20)
        answer = client.post(PREDICT, **sent(png(picture())))
        go_on.set()
        first.join()

        refused(answer, 429)
        assert int(answer.headers["Retry-After"]) >= 1
        assert client.post(PREDICT, **sent(png(picture()))).status_code == 200


def test_files_of_all_requests_together_have_a_bound():
    with service("torch", bounds={"disk_bytes": 30_000}) as client:
        first = client.post(f"{PREDICT}?job=true", **sent(png(picture(0, 120, 120))))
        client.get(f"/jobs/{first.json()['id']}/events")
        refused(client.post(PREDICT, **sent(png(picture(0, 130, 130)))), 429)
        client.delete(f"/jobs/{first.json()['id']}")

        assert client.post(PREDICT, **sent(png(picture(0, 130, 130)))).status_code == 200
        assert client.app.state.zoo.disk.taken == 0


def test_request_ends_when_its_time_is_up():
    with service("torch", bounds={"seconds": 1e-6}) as client:
        refused(client.post(PREDICT, data={"example": "0"}), 408)


def test_error_that_nobody_foresaw_tells_nothing(capsys):
    with service("torch") as client:
        client.shelf.load = lambda target: 1 / 0

        detail = refused(client.post(PREDICT, **sent(png(picture()))), 500)

    assert "zero" not in detail
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_token_is_asked_for_but_at_the_door():
    with service("torch", token=TOKEN) as client:
        without = [client.get(path).status_code for path in ("/models", "/metrics", "/openapi.json", "/health")]
        wrong = client.get("/models", headers={"Authorization": "Bearer wrong"}).status_code
        right = client.get("/models", headers={"Authorization": f"Bearer {TOKEN}"}).status_code

    assert (without, wrong, right) == ([401, 401, 401, 200], 401, 200)


def test_short_token_is_refused(tmp_path):
    (tmp_path / "token").write_text("short\n")

    with pytest.raises(ConfigError, match="at least 16"):
        read_token(tmp_path / "token")


def test_other_sites_and_other_names_are_refused():
    with service("torch", hosts=("localhost", "127.0.0.1")) as client:
        foreign = client.post(PREDICT, headers={"Origin": "http://evil.example"}, **sent(png(picture())))
        rebound = client.get("/models", headers={"Host": "evil.example"})
        own = client.get("/models", headers={"Origin": "http://localhost"})

    assert (foreign.status_code, rebound.status_code, own.status_code) == (403, 421, 200)


def test_only_the_named_algorithms_are_served():
    with service("torch", names=("2D-UNet",)) as client:
        assert [each["name"] for each in client.get("/models").json()] == ["2D-UNet"]
        refused(client.post("/models/3D-UNet/predict", **sent(volume(), "a.mha")), 404)


def test_nothing_is_kept_unless_asked(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    with service("torch", keep=tmp_path / "kept") as client:
        client.post(PREDICT, **sent(png(picture())))
    with service("torch") as client:
        client.post(PREDICT, **sent(png(picture())))
        (folder,) = (tmp_path / "tmp").glob("zoo-serve-*")

        assert list(folder.iterdir()) == []

    (kept,) = (tmp_path / "kept").iterdir()
    assert {path.name for path in kept.rglob("*")} == {"input", "scan.png", "answer.zip"}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_bounds_have_to_be_positive():
    with pytest.raises(ConfigError, match="queue"):
        Settings(bounds=Bounds(queue=0))
