"""Raw CT in training and evaluation: what the network sees is what it sees when it predicts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from typer.testing import CliRunner

import zoo
from zoo.cli import app
from zoo.common.algorithm import Algorithm
from zoo.common.augment.options import choose
from zoo.common.batches import training_batches
from zoo.common.datasets import open_dataset
from zoo.common.errors import ConfigError, InputError, ScopeWarning
from zoo.common.types import Image, Sample
from zoo.evaluation import score_all
from zoo.prediction.passes import prepare
from zoo.training.survey import survey_training

from .test_raw_ct import PIXEL_MM, WINDOW, chest, model

RUNNER = CliRunner()
QUIET = "ignore::zoo.common.errors.ZooWarning"  # the classes in another order


def write_raw(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(array.astype(np.int16))
    image.SetSpacing((PIXEL_MM,) * array.ndim)
    SimpleITK.WriteImage(image, str(path))
    return path


@pytest.fixture(scope="module")
def slices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write raw slices of two classes, with a split; one of them shows no lungs."""
    folder = tmp_path_factory.mktemp("raw")
    lines = ["image,label,mask,split"]
    for i, split in enumerate(["train"] * 4 + ["val"] * 2 + ["test"] * 2):
        hu = chest(lungs=i != 2, dense=bool(i % 2)) + np.random.default_rng(i).normal(0, 10, (160, 160))
        write_raw(folder / "images" / f"{i}.nrrd", hu)
        write_raw(folder / "masks" / f"{i}.nrrd", (np.abs(chest(dense=bool(i % 2))) < 1) & bool(i % 2))
        lines.append(f"images/{i}.nrrd,{('normal', 'covid')[i % 2]},masks/{i}.nrrd,{split}")
    (folder / "manifest.csv").write_text("\n".join(lines))
    (folder / "classes.txt").write_text("normal\ncovid")
    return folder / "manifest.csv"


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("volumes")
    for i, split in enumerate(("train", "train", "val", "val", "test", "test")):
        name = ("normal", "covid")[i % 2]
        stack = np.stack([chest(lungs=0 < z < 4, dense=name == "covid") for z in range(5)])
        write_raw(folder / split / name / f"{i}.nii.gz", stack)
    return folder


def test_training_sees_a_raw_slice_as_prediction_does(slices: Path) -> None:
    algorithm: Algorithm = model(window=WINDOW).algorithm
    still = algorithm.with_augmentation(choose(algorithm.augmentation, False, ())[0])
    samples = open_dataset(slices, "classification").split("train")
    raw = next(s.image for s in samples if s.image.name.startswith("1"))

    batches = list(training_batches(still, samples, 4, seed=0, epoch=0))

    (expected,) = prepare(algorithm, raw)[1].values()
    (seen,) = batches[0][0].values()
    assert min(float(np.abs(each - expected).max()) for each in seen) < 1e-5


@pytest.mark.filterwarnings(QUIET)
def test_the_shell_trains_in_a_window_that_predictions_then_use(slices: Path, tmp_path: Path) -> None:
    train = ["train", "Covid-ResNet", "--data", slices, "--out", tmp_path / "run", "--checkpoint", "none"]
    more = ["--variant", "tiny", "--epochs", 1, "--batch-size", 4, "--backend", "torch", "--window", "-600,1500"]

    told = RUNNER.invoke(app, [str(each) for each in (*train, *more)])

    assert told.exit_code == 0, told.output
    trained = zoo.load("Covid-ResNet", checkpoint=tmp_path / "run" / "best.safetensors", backend="torch")
    assert tuple(trained.config.window) == WINDOW
    answer = trained.predict(slices.parent / "images" / "7.nrrd")
    assert answer.image.prepared["window_hu"] == "-600, 1500"


def test_training_slices_without_lungs_are_told_of(slices: Path) -> None:
    network = model(window=WINDOW)
    training = open_dataset(slices, "classification").split("train")

    with pytest.warns(ScopeWarning, match=r"1 of 4 training images may not show .* 2\.nrrd: no lung found"):
        survey_training(training, network.algorithm, network.scope)


def test_options_that_predictions_do_not_take_are_refused_before_training(slices: Path, tmp_path: Path) -> None:
    asked = ["train", "Covid-ResNet", "--data", slices, "--out", tmp_path / "run", "--option", "input_size=3"]

    told = RUNNER.invoke(app, [str(each) for each in asked])

    assert told.exit_code and isinstance(told.exception, ConfigError | SystemExit) and not (tmp_path / "run").exists()


@pytest.mark.filterwarnings(QUIET)
def test_evaluation_takes_the_options_of_a_prediction(slices: Path) -> None:
    network = model()
    with pytest.raises(InputError, match="window="):
        network.evaluate(slices)

    result = network.evaluate(slices, window=WINDOW, threshold=0.3)

    images = [slices.parent / "images" / f"{i}.nrrd" for i in (6, 7)]
    answers = network.predict(images, window=WINDOW, threshold=0.3)
    assert [row["p_covid"] for row in result.rows] == pytest.approx([a.probabilities[1] for a in answers], abs=1e-6)
    assert "window=(-600, 1500)" in result.about["model"]["options"]
    with pytest.raises(ConfigError, match="unknown prediction option instances"):
        zoo.load("2D-UNet", checkpoint=None, variant="tiny", backend="torch").evaluate(slices, instances=True)


@pytest.mark.filterwarnings(QUIET)
def test_a_localiser_is_evaluated_on_raw_slices_with_pictures(slices: Path, tmp_path: Path) -> None:
    result = model("TS-CAM").evaluate(slices, window=WINDOW, out=tmp_path / "scores", baseline=False)

    assert len(result.rows) == 2
    assert (tmp_path / "scores" / "report.html").read_text().count("data:image/jpeg") >= 4  # answers and references


@pytest.mark.filterwarnings(QUIET)
def test_volumes_are_scored_by_their_summary_and_refused_in_training(volumes: Path, tmp_path: Path) -> None:
    network = model(window=WINDOW)

    result = network.evaluate(volumes)

    answer = network.predict(volumes / "test" / "covid" / "5.nii.gz")
    (row,) = [row for row in result.rows if str(row["name"]).startswith("5")]
    assert row["p_covid"] == pytest.approx(answer.probabilities[1], abs=1e-6)
    with pytest.raises(InputError, match=re.escape("training takes single slices (c, h, w)")):
        network.train(volumes, out=tmp_path / "run", epochs=1)
    assert not (tmp_path / "run").exists()


def test_a_localiser_is_not_scored_on_volumes() -> None:
    stack = np.stack([chest()] * 3)[None].astype(np.float32)
    samples = [
        Sample(Image(stack, name=f"{i}"), {"label": np.array(i % 2), "mask": np.zeros((3, 160, 160))}, f"{i}")
        for i in range(2)
    ]

    network = model("TS-CAM", window=WINDOW)
    with pytest.raises(InputError, match="masks are scored on single slices"):
        score_all(network.algorithm, network.engine, samples, batch_size=2)


def test_a_slice_without_lungs_is_answered_with_a_reason_against_it() -> None:
    with pytest.warns(ScopeWarning, match="no lung found"):
        answer = model(window=WINDOW).predict(Image(chest(lungs=False)[None], (PIXEL_MM, PIXEL_MM), name="belly"))

    assert answer.out_of_scope == ("no lung found",)


@pytest.mark.parametrize("threshold, named", [(0.05, "covid"), (0.95, "normal")])
def test_the_threshold_moves_what_is_named(threshold: float, named: str) -> None:
    seen = Image(np.full((1, 64, 64), 90, np.float32), name="grey")

    assert model().predict(seen, threshold=threshold).label == named
