"""What the service answers: lists, cards, predictions in every form, the same in both frameworks."""

from __future__ import annotations

import io
import json
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image as Pillow

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")

from ..common.dicom_files import write_series
from ..conftest import FRAMEWORKS, skip_without
from .service import picture, png, sent, service, unpacked, volume

PREDICT = "/models/2D-UNet/predict"


@pytest.fixture(scope="module", params=FRAMEWORKS)
def client(request):
    skip_without(request.param)
    with service(request.param) as opened:
        yield opened


@pytest.fixture(scope="module")
def torch_client():
    skip_without("torch")
    with service("torch") as opened:
        yield opened


def test_health_answers(torch_client):
    assert torch_client.get("/health").json() == {"status": "ok"}


def test_list_has_every_algorithm_with_weights(torch_client):
    import zoo

    names = {entry["name"] for entry in torch_client.get("/models").json()}

    assert names == {name for name in zoo.list_models() if zoo.info(name).checkpoints}


def test_model_tells_card_classes_and_options_as_schema(torch_client):
    told = torch_client.get("/models/ts-cam").json()
    options = told["checkpoints"]["ct-wll-small"]["options"]

    assert told["card"].startswith("# TS-CAM")
    assert told["checkpoints"]["wce-bleedgen-small"]["classes"] == ["normal", "bleeding"]
    assert options["properties"]["largest_only"]["type"] == "boolean"
    assert options["properties"]["smallest_px"] | {"minimum": 0, "default": 20} == options["properties"]["smallest_px"]
    assert set(options["properties"]["lungs"]["enum"]) == {"cut", "whole"}


def test_every_prediction_option_is_in_the_schema(torch_client):
    from zoo.registry import load_registry
    from zoo.registry.package import Package

    for name in ("2D-UNet", "CD-Net", "LungNodules-Detection"):
        wanted = set(Package(load_registry()[name]).algorithm.prediction_options)

        assert wanted <= set(torch_client.get(f"/models/{name}").json()["options"]["properties"])


def test_openapi_describes_the_routes(torch_client):
    told = torch_client.get("/openapi.json").json()

    assert {"/models", "/models/{name}", "/models/{name}/predict", "/health", "/metrics"} <= set(told["paths"])
    body = told["paths"]["/models/{name}/predict"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert {"file", "options", "backend"} <= set(body["schema"]["properties"])


def test_json_is_what_predict_gives(client):
    answer = client.post(PREDICT, **sent(png(picture())))

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["name"], told["size"]) == ("scan.png", [24, 32])
    assert told["classes"][0] == "background"


def test_mask_comes_back_in_the_size_of_the_picture(client):
    answer = client.post(f"{PREDICT}?format=mask.png", **sent(png(picture(1, 30, 41))))

    assert answer.headers["content-type"] == "image/png"
    assert Pillow.open(io.BytesIO(answer.content)).size == (41, 30)


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("application/json", "application/json"),
        ("image/png", "image/png"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("application/zip", "application/zip"),
        ("text/html, image/png;q=0.5", "image/png"),
        ("*/*", "application/json"),
    ],
)
def test_accept_chooses_the_form_of_the_answer(torch_client, accept, media):
    answer = torch_client.post(PREDICT, headers={"Accept": accept}, **sent(png(picture())))

    assert (answer.status_code, answer.headers["content-type"]) == (200, media)


def test_unknown_accept_is_told_what_is_known(torch_client):
    answer = torch_client.post(PREDICT, headers={"Accept": "video/mp4"}, **sent(png(picture())))

    assert (answer.status_code, "image/png" in answer.json()["detail"]) == (406, True)


def test_zip_holds_every_form(torch_client):
    content = torch_client.post(f"{PREDICT}?format=zip", **sent(png(picture()))).content

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {"scan.json", "scan.csv", "scan_overlay.png", "scan_mask.png"} <= set(archive.namelist())


def test_view_holds_the_picture_exactly_and_a_label_for_each_pixel(client):
    values = picture(4)
    header, arrays = unpacked(client.post(f"{PREDICT}?format=view", **sent(png(values))).content)

    np.testing.assert_array_equal(arrays["image"][0, 0], values)
    assert arrays["labels"].shape == (1, 1, 24, 32)
    assert header["classes"][0]["name"] == "background"


def test_probabilities_are_sent_where_they_are_asked_for(torch_client):
    options = {"options": json.dumps({"probabilities": True})}
    content = torch_client.post(f"{PREDICT}?format=view", data=options, **sent(png(picture()))).content
    header, arrays = unpacked(content)

    assert header["threshold"]["of"] == "maps"
    assert [name for name in arrays if name.startswith("map:")]


def test_series_of_files_is_one_volume(torch_client, tmp_path):
    folder = write_series(tmp_path / "study" / "series")
    files = [("file", (f"study/series/{p.name}", p.read_bytes(), "application/dicom")) for p in folder.iterdir()]

    answer = torch_client.post(f"{PREDICT}?job=false", files=files)

    assert answer.status_code == 200, answer.text
    assert answer.json()["size"] == [6, 5, 7]


def test_zip_of_a_series_is_one_volume_whose_mask_may_be_dicom(torch_client, tmp_path):
    pytest.importorskip("highdicom")
    import pydicom

    folder, buffer = write_series(tmp_path / "series"), io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"study/{path.name}")

    answer = torch_client.post(f"{PREDICT}?job=false&format=mask.dcm", **sent(buffer.getvalue(), "study.zip"))

    assert answer.status_code == 200, answer.text
    assert pydicom.dcmread(io.BytesIO(answer.content)).Modality == "SEG"


def test_two_series_are_told_and_one_can_be_chosen(torch_client, tmp_path):
    from pydicom.uid import generate_uid

    uids = [generate_uid(), generate_uid()]
    for uid in uids:
        write_series(tmp_path / uid[-5:], SeriesInstanceUID=uid, SeriesNumber=int(uid[-3:]))
    files = [("file", (f"{i}.dcm", p.read_bytes())) for i, p in enumerate(sorted(tmp_path.rglob("*.dcm")))]

    refused = torch_client.post(f"{PREDICT}?job=false", files=files)
    chosen = torch_client.post(f"{PREDICT}?job=false", files=files, data={"series_uid": uids[1]})

    assert (refused.status_code, "2 images" in refused.json()["detail"]) == (422, True)
    assert uids[1] in chosen.json()["dicom"].values()


def test_drawn_example_needs_no_file(client):
    assert client.post(PREDICT, data={"example": "3"}).status_code == 200


def test_spacing_is_taken_where_the_file_does_not_say_it(torch_client):
    answer = torch_client.post(PREDICT, data={"spacing_mm": "0.5,0.4"}, **sent(png(picture())))

    assert answer.json()["spacing_mm"] == [0.5, 0.4]


def test_concurrent_clients_get_the_answer_to_their_own_picture(client):
    wrong: list[int] = []

    def ask(seed: int) -> None:
        values = picture(seed, 20 + seed % 3, 30)
        answer = client.post(f"{PREDICT}?format=view", **sent(png(values), f"{seed}.png"))
        header, arrays = unpacked(answer.content)
        if header["title"].split(":")[0] != f"{seed}.png" or not np.array_equal(arrays["image"][0, 0], values):
            wrong.append(seed)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_model_is_loaded_once(client):
    for _ in range(3):
        client.post(PREDICT, **sent(png(picture())))

    assert len([target for target in client.shelf.loads if target.algorithm == "2D-UNet"]) == 1


def test_metrics_count_requests_by_model_and_status(torch_client):
    torch_client.post(PREDICT, **sent(png(picture())))
    torch_client.post("/models/nothing/predict", **sent(png(picture())))

    text = torch_client.get("/metrics").text

    assert 'zoo_requests_total{model="2D-UNet",status="200"}' in text
    assert 'zoo_requests_total{model="unknown",status="404"}' in text


def test_models_are_dropped_when_the_budget_is_used_up():
    skip_without("torch")
    with service("torch", bounds={"model_bytes": 1}) as client:
        for name in ("2D-UNet", "EllipseNet"):
            client.post(f"/models/{name}/predict", data={"example": "0"})

        assert [each["algorithm"] for each in client.get("/loaded").json()] == ["EllipseNet"]


def test_both_frameworks_answer_in_one_process(both_frameworks):
    with service(None) as client:
        answers = [client.post(PREDICT, data={"backend": name}, **sent(png(picture(2)))) for name in both_frameworks]

    assert [answer.json()["model"]["framework"] for answer in answers] == list(both_frameworks)
    assert answers[0].json()["found"] == answers[1].json()["found"]


def test_volume_is_answered_slice_by_slice(client):
    answer = client.post(f"{PREDICT}?format=mask.nii.gz&job=false", **sent(volume(), "scan.mha"))

    assert answer.status_code == 200, answer.text
    assert answer.content[:2] == b"\x1f\x8b"


def test_registry_is_read_once_and_not_for_each_request(monkeypatch):
    skip_without("torch")
    from zoo.serve import menu

    read, load = [], menu.load_registry
    monkeypatch.setattr(menu, "load_registry", lambda: read.append(1) or load())
    with service("torch") as client:
        for _ in range(3):
            client.post(PREDICT, **sent(png(picture())))

    assert len(read) == 1


def test_health_fails_where_the_thread_of_the_framework_has_ended():
    skip_without("torch")
    with service("torch") as client:
        desk = client.app.state.zoo.desk
        desk.line.close()
        for worker in (desk.reader, desk.engine):
            worker.join(10)

        assert client.get("/health").status_code == 503
        assert client.post(PREDICT, **sent(png(picture()))).status_code == 503
