"""`zoo export`: the files, the program beside them, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from scipy.special import softmax
from typer.testing import CliRunner

import zoo
from zoo.cli import app
from zoo.common.algorithm import Steps
from zoo.common.errors import BackendError, ConfigError, OutputError
from zoo.common.files.outputs import json_text
from zoo.common.io import read_image
from zoo.export import run
from zoo.export.formats import FORMATS
from zoo.export.run import written_steps
from zoo.export.scripts.prepare import open_picture, prepare
from zoo.registry import load_registry
from zoo.registry.package import Package

pytest.importorskip("torch")
NEEDS = {"onnx": "onnxruntime", "openvino": "openvino", "torchscript": "torch", "pt2": "torch", "mindir": "mindspore"}
NAME = "2D-UNet"
# windows, and a network that takes more than the picture
NOT_AS_STEPS = {"3D-UNet", "UNETR", "U-CSRNet", "Han-Net", "CD-Net", "WeaklyLesionLocalisation", "LOD-Net"}
RUN = """
import importlib.machinery, runpy, sys
class Without(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] == "zoo" else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Without
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])  # as for any program
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def tiny(backend: str = "torch", name: str = NAME) -> zoo.Model:
    return zoo.load(name, backend=backend, checkpoint=None, variant="tiny")


@pytest.mark.parametrize(
    "format", [name if name == "onnx" else pytest.param(name, marks=pytest.mark.slow) for name in FORMATS]
)
def test_the_program_beside_the_files_needs_nothing_of_the_zoo(format: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDS[format])
    model = tiny(FORMATS[format].network)
    model.export(tmp_path / "out", format=format)

    command = [sys.executable, "-c", RUN, str(tmp_path / "out" / "predict.py"), "", str(tmp_path / "found.npz")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out" / "example.npz") as example, np.load(tmp_path / "found.npz") as found:
        expected = example["expected logits"]
        np.testing.assert_allclose(found["logits"], expected, atol=1e-4 * np.abs(expected).max())
        np.testing.assert_array_equal(example["image"][0], model.algorithm.preprocess(image_of(model))["image"])


STAGED = {"LOD-Net", "Covid-Detection-Transformer"}  # go through NumPy between their parts


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in load_registry() if name not in STAGED])
def test_every_network_is_written_as_mindir_and_computes_the_same(name: str, tmp_path: Path) -> None:
    pytest.importorskip("mindspore")

    tiny("mindspore", name).export(tmp_path / "out", format="mindir")  # which holds the file against the network

    assert sorted(path.suffix for path in (tmp_path / "out").glob("net*")) == [".mindir", ".mindir"]


def picture(shape: tuple[int, ...]) -> np.ndarray:
    """Draw a picture (c, h, w) with a dark border and one bright part."""
    array = np.random.default_rng(0).integers(9, 90, shape, np.uint8)
    array[:, :7] = array[..., -11:] = 0
    array[:, 12:30, 15:40] += 150
    return array


@pytest.mark.parametrize("shape", [(1, 64, 64), (1, 150, 93), (3, 40, 71), (4, 70, 130)])
@pytest.mark.parametrize("name", [entry.name for entry in load_registry().values()])
def test_the_steps_make_of_a_picture_what_the_network_gets(name: str, shape: tuple[int, ...]) -> None:
    package = Package(load_registry()[name])
    algorithm = package.algorithm(package.config.VARIANTS["tiny"])
    steps = written_steps(algorithm)
    if isinstance(steps, str):
        assert name in NOT_AS_STEPS and len(steps) > 30
        return
    array = picture(shape)
    if shape[0] < algorithm.config.input_channels:
        array = np.repeat(array, algorithm.config.input_channels, axis=0)

    found = prepare(array, json.loads(json_text(steps)))

    expected = algorithm.preprocess(zoo.Image(array.astype(np.float32), name="picture"))
    assert list(found) == list(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=0, atol=1e-4 * np.abs(value).max())


COLOURS = np.random.default_rng(1).integers(0, 255, (40, 71, 3), np.uint8)


@pytest.mark.parametrize("array", [COLOURS, COLOURS[..., :1], np.dstack([COLOURS, COLOURS])[..., :4], COLOURS[..., 0]])
def test_an_array_in_a_file_has_the_axes_that_the_model_reads(array: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array)
    algorithm = tiny().algorithm

    found = prepare(open_picture(str(tmp_path / "a.npy")), json.loads(json_text(written_steps(algorithm))))["image"]

    expected = algorithm.preprocess(read_image(tmp_path / "a.npy"))["image"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def pages(path: Path) -> None:
    Pillow.fromarray(COLOURS).save(path, save_all=True, append_images=[Pillow.fromarray(COLOURS[::-1])])


UNREADABLE = {
    "volume.npy": lambda path: np.save(path, np.zeros((20, 40, 71))),
    "unclear.npy": lambda path: np.save(path, np.zeros((3, 40, 3))),
    "nan.npy": lambda path: np.save(path, np.full((4, 4), np.nan)),
    "divided.npy": lambda path: np.save(path, COLOURS / 255),
    "pages.tif": pages,
    "deep.tif": lambda path: tifffile.imwrite(path, COLOURS.astype(np.uint16) * 257, photometric="rgb"),
    "inverse.tif": lambda path: tifffile.imwrite(
        path, COLOURS[..., 0].astype(np.uint16) * 257, photometric="miniswhite"
    ),
    "text.png": lambda path: path.write_text("no picture"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_the_program_refuses_what_the_model_would_read_otherwise(name: str, tmp_path: Path) -> None:
    UNREADABLE[name](tmp_path / name)

    with pytest.raises(SystemExit, match=name):
        open_picture(str(tmp_path / name))


def test_two_channels_are_no_grey_picture_for_the_program(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 40, 71)))

    with pytest.raises(SystemExit, match="2 channels given; expected 1"):
        prepare(open_picture(str(tmp_path / "a.npy")), json.loads(json_text(written_steps(tiny().algorithm))))


def test_a_picture_of_four_channels_is_not_taken_for_one_with_alpha(tmp_path: Path) -> None:
    algorithm = tiny().algorithm
    four = type(algorithm)(replace(algorithm.config, input_channels=4))

    assert not isinstance(written_steps(four), str)


def test_steps_that_do_something_else_are_refused() -> None:
    class Other(type(tiny().algorithm)):  # type: ignore[misc]
        def preprocess(self, image: zoo.Image) -> dict[str, np.ndarray]:
            return {key: value + 1 for key, value in super().preprocess(image).items()}

    class Wrong(Other):
        def steps(self) -> Steps | str:
            return super().steps()

    config = tiny().config

    assert "Other does before the network is not written" in str(written_steps(Other(config)))
    with pytest.raises(ConfigError, match=r"Wrong\.steps\(\) do not make of image"):
        written_steps(Wrong(config))


@pytest.mark.parametrize(("name", "shape"), [("Covid-ResNet", (90, 80)), ("MTCSN", (50, 70, 3))])
def test_the_program_answers_for_a_picture_as_the_model_does(name: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = tiny(name=name)
    model.export(tmp_path / "out")
    file = tmp_path / "picture.png"
    Pillow.fromarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8)).save(file)

    command = [sys.executable, "-c", RUN, str(tmp_path / "out" / "predict.py"), str(file), str(tmp_path / "found.npz")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "found.npz") as found:
        logits = next(value[0] for key, value in found.items() if value.shape == (1, len(model.config.classes)))
    np.testing.assert_allclose(softmax(logits), model.predict(file).probabilities, atol=1e-4)


def test_what_cannot_be_prepared_by_steps_says_why(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    tiny(name="Han-Net").export(tmp_path / "out")

    told = json.loads((tmp_path / "out" / "preprocessing.json").read_text())

    assert (told["steps"], "windows that overlap" in told["not_as_steps"]) == ({}, True)


def image_of(model: zoo.Model) -> zoo.Image:
    return type(model.algorithm).example(model.config, np.random.default_rng(0)).image


def test_the_shell_exports_and_the_sidecar_says_what_it_is(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    asked = ["export", NAME, "--checkpoint", "none", "--variant", "tiny", "--out", str(tmp_path / "out")]

    done = CliRunner().invoke(app, asked)

    assert done.exit_code == 0, done.output
    about = json.loads((tmp_path / "out" / "graph.json").read_text())
    assert (about["algorithm"], about["outputs"]) == (NAME, ["logits"])
    assert about["inputs"] == {"image": ["batch", 1, 64, 64]}
    assert about["differences"]["logits"] < 1e-4 and len(about["files"]["net.onnx"]["sha256"]) == 64
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


def test_what_computes_something_else_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(run, "differences", lambda forward, cases: {"logits": 0.5})

    with pytest.raises(BackendError, match=r"logits by 5\.0e-01 of the largest value"):
        tiny().export(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["torchscript", "pt2"])
def test_a_network_that_is_trained_by_its_owner_goes_on_as_it_was(format: str, tmp_path: Path) -> None:
    model = tiny()
    model.net.train()

    model.export(tmp_path / "out", format=format)

    assert all(module.training for module in model.net.modules())


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(OutputError, match="is there already"):
        tiny().export(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("name", "asked", "told"),
    [
        (NAME, {"format": "tensorrt"}, "expected one of onnx, openvino"),
        (NAME, {"format": "onnx", "precision": "int8"}, "is written in f32"),
        (NAME, {"format": "openvino", "precision": "bf16"}, "without data"),
        ("LOD-Net", {"format": "onnx"}, "no single file"),
        ("Covid-Detection-Transformer", {"format": "torchscript"}, "no single file"),
    ],
)
def test_what_cannot_be_exported_is_refused_with_the_way_out(
    name: str, asked: dict[str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=told):
        tiny(name=name).export(tmp_path / "out", **asked)
    assert list(tmp_path.iterdir()) == []
