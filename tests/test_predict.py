"""predict() treats every image alike, loses none for another, and keeps what it has finished."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import zoo
from zoo.common.answers.prediction import Prediction
from zoo.common.answers.segmentation import Segmentation
from zoo.common.errors import ConfigError, InputError, OutputError, UnexpectedError, ZooWarning
from zoo.common.io.write import write_labels
from zoo.common.types import Image
from zoo.prediction import outcomes as path_of_predictions
from zoo.prediction.many import predict_many
from zoo.prediction.predictions import PredictionList
from zoo.prediction.sources import Images, images
from zoo.registry import load_registry

from .conftest import skip_without

ODD = [
    b"scan_$1_$2.png",
    b"M\xfcller.png",
    b'a "b", c.png',
    b"new\nline.png",
    "\U0001f600\u05d0.png".encode(),
    b"x" * 251 + b".png",
]
SOURCES = ("single", "list", "folder", "many")


@pytest.fixture(scope="module")
def model() -> zoo.Model:
    skip_without("torch")
    return zoo.load("2D-UNet", backend="torch", checkpoint=None, variant="tiny")


def picture(path: str | Path, seed: int = 0) -> Path:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 255, (32, 40), dtype=np.uint8)
    with open(path, "wb") as file:
        Pillow.fromarray(values).save(file, "PNG")
    return Path(path)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder of pictures with names of all kinds."""
    for seed, name in enumerate(ODD):
        picture(tmp_path / "in" / os.fsdecode(name), seed)
    return tmp_path / "in"


def told_by(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any], list[dict[str, str]]]:
    """Read back the lines, the document and the table of a run."""
    lines = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    with (folder / "predictions.csv").open(newline="", encoding="utf-8") as file:
        return lines, json.loads((folder / "predictions.json").read_text()), list(csv.DictReader(file))


def test_names_of_any_kind_are_predicted_drawn_and_told(model: zoo.Model, odd: Path, tmp_path: Path) -> None:
    results = predict_many(model, images(odd), tmp_path / "out")

    lines, document, rows = told_by(tmp_path / "out")
    assert results.failures == [] and document["complete"]
    assert len(lines) == len(document["predictions"]) == len({row["mask"] for row in rows}) == len(ODD)
    for entry in (*lines, *rows):
        assert (tmp_path / "out" / entry["mask"]).is_file() and (tmp_path / "out" / entry["overlay"]).is_file()
    assert all("\n" not in line for line in results.lines)


def test_the_mask_of_each_name_is_of_its_image(model: zoo.Model, odd: Path, tmp_path: Path) -> None:
    predict_many(model, images(odd), tmp_path / "out", overlays=False)
    alone = {prediction.name: prediction.mask for prediction in map(model.predict, sorted(odd.iterdir()))}

    for entry in told_by(tmp_path / "out")[0]:
        mask = np.asarray(Pillow.open(tmp_path / "out" / entry["mask"]))
        np.testing.assert_array_equal(mask, alone[entry["name"].removeprefix(f"{odd}/")])


def test_a_class_with_dollars_is_drawn(tmp_path: Path) -> None:
    image = Image(np.zeros((1, 8, 8), np.float32), name="$a$")
    labels = np.eye(8, dtype=np.uint8)

    assert Segmentation(image, ("background", "$x_$y{"), labels).plot(tmp_path / "o.png").size


def test_an_image_that_breaks_the_network_costs_itself_only(
    model: zoo.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [picture(tmp_path / f"{i}.png", i) for i in range(5)]
    forward = path_of_predictions.predict_batch

    def brittle(algorithm: Any, engine: Any, prepared: Any, *, tta: bool) -> list[Prediction]:
        if any(image.name.endswith("2.png") for image, _ in prepared):
            raise ZeroDivisionError("no such luck")
        return forward(algorithm, engine, prepared, tta=tta)

    monkeypatch.setattr(path_of_predictions, "predict_batch", brittle)
    with pytest.warns(ZooWarning, match="1 of 5"):
        found = model.predict(paths, batch_size=4)

    assert isinstance(found, PredictionList)
    assert [Path(prediction.name).name for prediction in found] == ["0.png", "1.png", "3.png", "4.png"]
    ((name, error),) = found.failures
    assert name == str(paths[2]) and isinstance(error, UnexpectedError)
    assert isinstance(error.__cause__, ZeroDivisionError) and error.__cause__.__traceback__ is not None
    with pytest.raises(ZeroDivisionError):
        model.predict(paths[2])


def test_a_reader_that_breaks_costs_its_file_only(
    model: zoo.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.prediction import folders

    paths = [picture(tmp_path / f"{i}.png", i) for i in range(3)]
    read = folders.read_image
    monkeypatch.setattr(folders, "read_image", lambda p, s: read(p, s) if p != paths[0] else {}["bug"])

    with pytest.warns(ZooWarning):
        found = model.predict(paths)

    assert (len(found), [name for name, _ in found.failures]) == (2, [str(paths[0])])


def test_an_overlay_that_breaks_costs_no_answer(
    model: zoo.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [picture(tmp_path / f"{i}.png", i) for i in range(2)]
    monkeypatch.setattr(Segmentation, "figure", lambda self: {}["bug"])

    results = predict_many(model, images(paths), tmp_path / "out")

    assert len(results.predictions) == len(results.failures) == 2
    assert len(list((tmp_path / "out" / "masks").iterdir())) == 2


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OutputError])
def test_what_was_finished_before_an_end_is_kept(
    stop: type[BaseException], model: zoo.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [picture(tmp_path / f"{i}.png", i) for i in range(5)]
    draw = Segmentation.draw

    def ends(self: Segmentation, path: str | Path) -> Path:
        if self.name.endswith("3.png"):
            raise stop()
        return draw(self, path)

    monkeypatch.setattr(Segmentation, "draw", ends)
    with pytest.raises(stop, match="3 of 5 images predicted, kept in"):
        predict_many(model, images(paths), tmp_path / "out", batch_size=2)

    lines, document, rows = told_by(tmp_path / "out")
    assert len(lines) == len(document["predictions"]) == len(rows) == 3
    assert document["complete"] is False


def test_lines_are_there_while_the_run_goes_on(model: zoo.Model, tmp_path: Path) -> None:
    seen = []

    def watched() -> Any:
        for i in range(3):
            lines = tmp_path / "out" / "predictions.jsonl"
            seen.append(len(lines.read_text().splitlines()) if lines.exists() else 0)
            yield f"{i}", lambda: Image(np.zeros((1, 32, 32), np.float32))

    predict_many(model, Images(watched()), tmp_path / "out", batch_size=1, overlays=False)  # type: ignore[arg-type]

    assert seen == [0, 1, 2]


def other_value(value: Any) -> Any:
    """Return another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return value if isinstance(value, str | tuple) else value * 0.5


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", [name for name in load_registry() if not name.startswith("Covid")])
def test_every_option_reaches_every_image(
    name: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without("torch")
    model = zoo.load(name, backend="torch", checkpoint=None, variant="tiny")
    options = {o: other_value(getattr(model.config, o)) for o in model.algorithm.prediction_options}
    used: list[tuple[str, Any, Any]] = []

    def prepare(algorithm: Any, image: Image, scope: Any) -> Any:
        used.append(("prepare", algorithm.config, image.spacing_mm))
        return image, {}

    def predict(algorithm: Any, engine: Any, prepared: Any, *, tta: bool) -> Any:
        used.append(("predict", algorithm.config, tta))
        return [Segmentation(image, ("b", "a"), np.zeros(image.size, int)) for image, _ in prepared]

    monkeypatch.setattr(path_of_predictions, "prepare", prepare)
    monkeypatch.setattr(path_of_predictions, "predict_batch", predict)
    paths = [picture(tmp_path / f"{i}.png", i) for i in range(3)]
    tta = bool(model.algorithm.views and model.algorithm.dense_output)
    if source == "many":
        predict_many(model, images(paths, 0.2), batch_size=2, tta=tta, options=options)
    else:
        given = {"single": paths[0], "list": paths, "folder": tmp_path}[source]
        model.predict(given, spacing_mm=0.2, batch_size=2, tta=tta, **options)

    asked = replace(model.config, **options)
    count = 1 if source == "single" else 3
    assert [u for u in used if u[0] == "prepare"] == [("prepare", asked, (0.2, 0.2))] * count
    assert [u for u in used if u[0] == "predict"] == [("predict", asked, tta)] * (count + 1 >> 1)


@pytest.mark.parametrize("batch_size", [0, -1, "8", 2.0, True, None])
def test_a_batch_is_a_whole_number_of_images(batch_size: Any, model: zoo.Model, tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")

    for call in (
        lambda: model.predict(path, batch_size=batch_size),
        lambda: model.predict([path], batch_size=batch_size),
        lambda: model.evaluate(tmp_path, batch_size=batch_size),
        lambda: predict_many(model, images(path), batch_size=batch_size),
    ):
        with pytest.raises(ConfigError, match="batch_size="):
            call()


def test_one_number_means_square_pixels(model: zoo.Model, tmp_path: Path) -> None:
    for source in (picture(tmp_path / "a.png"), np.zeros((32, 32), np.uint8)):
        for spacing in (0.15, np.float32(0.15), (0.15, 0.15), [0.15, 0.15], np.array([0.15, 0.15])):
            assert model.predict(source, spacing_mm=spacing).image.spacing_mm == pytest.approx((0.15, 0.15))


@pytest.mark.parametrize(
    "spacing", [0, -1, (1, -1), (1,), (1, 1, 1, 1), "0.5", float("nan"), (1, np.inf), True, ("1", "2"), [[1, 1]], {}]
)
def test_a_size_that_is_none_is_refused_before_anything_is_read(spacing: Any, model: zoo.Model) -> None:
    with pytest.raises(ConfigError, match="spacing_mm="):
        model.predict("/no/such/file.png", spacing_mm=spacing)


def test_a_volume_needs_a_size_along_each_axis(model: zoo.Model, tmp_path: Path) -> None:
    labels = np.zeros((4, 5, 6), np.uint8)
    path = write_labels(tmp_path / "a.nii.gz", labels, Image(labels[None], (1, 1, 1), np.eye(4)), ("b",))

    for spacing, expected in ((0.5, 3), ((1, 1), 3)):
        with pytest.raises(InputError, match=f"expected {expected} positive numbers, one per axis"):
            model.predict(path, spacing_mm=spacing)
    with pytest.raises(InputError, match="expected 2 positive numbers, one per axis"):
        model.predict(picture(tmp_path / "a.png"), spacing_mm=(1, 1, 1))


def test_a_list_is_saved_as_the_shell_does(model: zoo.Model, tmp_path: Path) -> None:
    paths = [picture(tmp_path / p / "a.png", i) for i, p in enumerate(("p1", "p2"))]
    (tmp_path / "p3.png").write_bytes(b"")
    with pytest.warns(ZooWarning):
        found = model.predict([*paths, tmp_path / "p3.png"])

    found.save(tmp_path / "python")
    predict_many(model, images([*paths, tmp_path / "p3.png"]), tmp_path / "shell")

    names = [
        sorted(p.relative_to(tmp_path / side) for p in (tmp_path / side).rglob("*")) for side in ("python", "shell")
    ]
    assert names[0] == names[1]
    assert told_by(tmp_path / "python")[1] == told_by(tmp_path / "shell")[1]
    assert found.to_dict()["failures"][0]["name"] == str(tmp_path / "p3.png")
    with pytest.raises(OutputError, match="earlier run"):
        found.save(tmp_path / "python")
    assert found.save(tmp_path / "python", overwrite=True) == tmp_path / "python"


def test_a_list_is_drawn_and_tabulated(model: zoo.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = model.predict([picture(tmp_path / p / "a.png") for p in ("p1", "p2")])

    assert len(found.plot(tmp_path / "o")) == 2
    assert sorted(p.relative_to(tmp_path / "o").as_posix() for p in (tmp_path / "o").rglob("*.png")) == [
        "p1/a.png",
        "p2/a.png",
    ]
    assert [row["name"] for row in found.rows()] == [str(tmp_path / p / "a.png") for p in ("p1", "p2")]
    assert repr(found) == "<2 predictions>"
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ConfigError, match="pip install pandas"):
        found.to_dataframe()


def test_a_table_of_pandas_has_a_row_per_finding(model: zoo.Model, tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    found = model.predict([picture(tmp_path / "a.png")])

    table = found.to_dataframe()
    assert list(table["name"]) == [row["name"] for row in found.rows()]


def test_mask_and_labels_are_one_array(model: zoo.Model, tmp_path: Path) -> None:
    skip_without("torch")
    path = picture(tmp_path / "a.png")
    for found in (model.predict(path), zoo.load("TS-CAM", checkpoint=None, variant="tiny").predict(path)):
        assert found.mask is found.labels and found.name == "a.png"


def test_saving_onto_the_image_is_refused(model: zoo.Model, tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png")
    before = path.read_bytes()
    found = model.predict(path)

    for write in (found.save, found.plot, found.draw):
        with pytest.raises(OutputError, match="the image that was read"):
            write(path)
    assert path.read_bytes() == before
    assert found.save(tmp_path / "b.png") and found.save(tmp_path / "b.png")


def test_a_short_text_stands_for_large_things(model: zoo.Model) -> None:
    sample = type(model.algorithm).example(model.config, np.random.default_rng(0))

    assert len(repr(sample)) < 200 and len(repr(sample.image)) < 100
    assert "pixel size unknown" in repr(Image(np.zeros((1, 4, 4))))
