"""What a model may be given: other dimensions are refused, other kinds of images are taken with a warning."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from typer.testing import CliRunner

import zoo
from zoo.cli import app
from zoo.common.errors import InputError, ScopeWarning
from zoo.common.scope import survey
from zoo.common.tables import write_csv
from zoo.common.types import Image
from zoo.common.weights import read_weights
from zoo.registry import load_registry
from zoo.training.survey import sees_scale
from zoo.weights.identity import from_metadata

from .common.dicom_files import VALUES, write_enhanced, write_series, write_slice

NAME = "Covid-ResNet"
PICTURE, VOLUME = np.zeros((1, 40, 40), np.float32), np.zeros((1, 9, 40, 40), np.float32)


def tiny(name: str = NAME) -> zoo.Model:
    return zoo.load(name, backend="torch", checkpoint=None, variant="tiny")


def texture(seed: int, level: float = 90.0) -> Image:
    array = np.random.default_rng(seed).normal(level, 20, (1, 40, 40)).clip(0, 255)
    return Image(array.astype(np.float32), name=f"{seed}.png")


@pytest.fixture
def surveyed() -> zoo.Model:
    """A model whose record is of grey noise."""
    model = tiny()
    model.record = survey(texture(seed) for seed in range(40))
    return model


@pytest.mark.parametrize("entry", load_registry().values(), ids=lambda entry: entry.name)
@pytest.mark.parametrize(("array", "dimensions"), [(PICTURE, 2), (VOLUME, 3)], ids=["picture", "volume"])
def test_every_entry_refuses_other_dimensions_than_its_own(entry: Any, array: np.ndarray, dimensions: int) -> None:
    scope = tiny(entry.name).scope
    is_meant = entry.input.dimensions == dimensions or (scope.slicewise and dimensions == 3)

    if is_meant:
        scope.check(Image(array))
    else:
        given = "a picture" if dimensions == 2 else "a volume"
        with pytest.raises(InputError, match=f"{given} .* given; {entry.name} expects a .*Give "):
            scope.check(Image(array))


def test_predict_evaluate_and_lists_refuse_a_picture_for_a_network_of_volumes() -> None:
    model = tiny("3D-UNet")

    with pytest.raises(InputError, match="expects a volume"):
        model.predict(PICTURE[0])
    with pytest.warns(UserWarning, match="could not be used"):
        several: Any = model.predict([PICTURE[0]])
    assert len(several.failures) == 1


@pytest.mark.parametrize("channels", [2, 35])
def test_channels_that_nothing_converts_are_refused(channels: int) -> None:
    with pytest.raises(InputError, match=rf"{channels} channels given, shape \({channels}, 40, 40\)"):
        tiny().scope.check(Image(np.zeros((channels, 40, 40), np.float32)))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_grey_and_colour_are_converted(channels: int) -> None:
    tiny().scope.check(Image(np.zeros((channels, 40, 40), np.float32)))


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: write_slice(folder / "a.dcm", VALUES[0], (0, 0, 0), Modality="MR"),
        lambda folder: write_series(folder / "series", Modality="MR"),
        lambda folder: write_enhanced(folder / "b.dcm", range(len(VALUES)), Modality="MR"),
    ],
    ids=["slice", "series", "frames"],
)
def test_an_image_knows_its_modality(write: Callable[[Path], Path], tmp_path: Path) -> None:
    from zoo.common.io import read_image

    assert read_image(write(tmp_path)).modality == "MR"


@pytest.mark.parametrize(("word", "is_contradiction"), [("CT", False), ("US", True), ("OT", False), ("", False)])
def test_another_modality_is_warned_of_where_it_is_known(word: str, is_contradiction: bool) -> None:
    image = replace(texture(1), modality=word)

    reasons = tiny().scope.reasons(image)

    expected = ("ultrasound by its DICOM header, trained on CT",) if is_contradiction else ()
    assert reasons == expected


def test_what_a_checkpoint_was_trained_on_goes_before_the_registry(surveyed: zoo.Model) -> None:
    assert surveyed.record is not None
    dicom = replace(texture(1), modality="US")

    assert surveyed.scope.reasons(dicom) == ()  # fine-tuned on files that say nothing
    surveyed.record = replace(surveyed.record, modalities=("ultrasound",))
    assert surveyed.scope.reasons(dicom) == ()
    assert surveyed.scope.reasons(replace(dicom, modality="CT"))


def test_an_answer_out_of_scope_says_so_everywhere(surveyed: zoo.Model, tmp_path: Path) -> None:
    black_frame = replace(texture(1), array=np.pad(texture(1).array, ((0, 0), (40, 40), (40, 40))), name="framed.png")

    with pytest.warns(ScopeWarning, match=r"framed\.png is out of scope: .*black area"):
        outside: Any = surveyed.predict(black_frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        inside: Any = surveyed.predict(texture(99))

    assert inside.out_of_scope == () and inside.to_dict()["out_of_scope"] == []
    assert any("black area" in reason for reason in outside.out_of_scope)
    assert outside.to_dict()["out_of_scope"] == list(outside.out_of_scope)
    assert "black area" in outside.save(tmp_path / "a.csv").read_text()
    quiet = replace(outside, out_of_scope=())
    assert np.asarray(outside.plot()).tolist() != np.asarray(quiet.plot()).tolist()


def test_each_image_of_a_list_is_warned_of_once(surveyed: zoo.Model) -> None:
    images = [texture(1), replace(texture(2, 230), name="bright.png"), replace(texture(3, 8), name="dark.png")]

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        surveyed.predict(images)

    named = [str(w.message).split(" is out of scope")[0] for w in caught if w.category is ScopeWarning]
    assert named == ["bright.png", "dark.png"]


def test_saved_weights_carry_the_record(surveyed: zoo.Model, tmp_path: Path) -> None:
    path = surveyed.save(tmp_path / "a.safetensors")

    again = zoo.load(NAME, backend="torch", checkpoint=path)

    assert surveyed.record is not None and again.record is not None
    assert again.record.to_dict() == surveyed.record.to_dict()


def test_a_checkpoint_without_a_record_is_judged_by_the_registry_alone(tmp_path: Path) -> None:
    path = tiny().save(tmp_path / "a.safetensors")

    model = zoo.load(NAME, backend="torch", checkpoint=path)

    assert model.record is None and model.scope.reasons(texture(1, 230)) == ()
    assert model.scope.modalities == ("CT",)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright and dark noise in three splits; the test split is of another kind."""
    folder = tmp_path_factory.mktemp("data")
    rows = []
    for i in range(28):
        split = "train" if i < 20 else "val" if i < 24 else "test"
        array = texture(i, 70 + 40 * (i % 2)).array[0]
        array = np.pad(array, 40) if split == "test" else array
        Pillow.fromarray(array.astype(np.uint8)).save(folder / f"{i}.png")
        rows.append({"image": f"{i}.png", "label": ("normal", "covid")[i % 2], "split": split, "group": f"p{i}"})
    (folder / "classes.txt").write_text("normal\ncovid\n")
    write_csv(folder / "manifest.csv", rows)
    return folder


@pytest.mark.filterwarnings("ignore::zoo.common.errors.ScopeWarning")
def test_training_replaces_the_record_and_ships_it(surveyed: zoo.Model, data: Path, tmp_path: Path) -> None:
    before = surveyed.record

    report = surveyed.train(data, out=tmp_path / "run", epochs=1, batch_size=10)

    record = surveyed.record
    assert record is not None and record is not before and record.cases == 20
    for path in (report.best, tmp_path / "run" / "last.safetensors"):
        assert from_metadata(read_weights(path)[1], "")["scope"] == record.to_dict()
    assert report.test is not None and report.test.out_of_scope == 4


@pytest.mark.parametrize(("name", "sees"), [("Covid-ResNet", True), ("2D-UNet", False), ("3D-UNet", False)])
def test_the_scale_of_intensities_counts_where_the_network_sees_it(name: str, sees: bool) -> None:
    model = tiny(name)
    image = type(model.algorithm).example(model.config, np.random.default_rng(0)).image

    assert sees_scale(model.algorithm, image) is sees


def test_an_evaluation_counts_what_is_out_of_scope(surveyed: zoo.Model, data: Path) -> None:
    with pytest.warns(ScopeWarning, match="4 of 4 images are out of scope, such as"):
        outside = surveyed.evaluate(data, baseline=False)

    assert outside.to_dict()["out_of_scope"] == 4
    assert surveyed.evaluate(data, split="val", baseline=False).out_of_scope == 0


def test_the_shell_lists_and_counts_what_is_out_of_scope(surveyed: zoo.Model, data: Path, tmp_path: Path) -> None:
    path = surveyed.save(tmp_path / "a.safetensors")
    inputs = [str(data / "27.png"), str(data / "2.png")]

    result = CliRunner().invoke(
        app, ["predict", NAME, *inputs, "--backend", "torch", "--checkpoint", str(path), "--out", str(tmp_path / "out")]
    )

    assert result.exit_code == 0
    assert result.stdout.count("out of scope: ") == 1 and "black area" in result.stdout
    assert "1 out of scope" in result.stderr and "27.png is out of scope" in result.stderr
    written = json.loads((tmp_path / "out" / "predictions.json").read_text())["predictions"]
    assert [bool(prediction["out_of_scope"]) for prediction in written] == [True, False]
    assert "out_of_scope" in (tmp_path / "out" / "predictions.csv").read_text().splitlines()[0]
