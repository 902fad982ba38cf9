"""Loading: a wrong checkpoint is a short error of the zoo, the bytes that were verified are used, models travel."""

from __future__ import annotations

import copy
import hashlib
import os
import pickle
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.common.errors import CheckpointError, ConfigError, OutputError, WeightsError, ZooError
from zoo.common.weights import in_memory
from zoo.registry import load_registry
from zoo.weights import places

from .hub.shipped import REGISTRY
from .models.harness import batch_of, samples_of

TINY: dict[str, Any] = {"checkpoint": None, "variant": "tiny"}


@pytest.mark.parametrize("given", [5, 1.5, b"w.safetensors", ["default"], "", "  ", "w\0.safetensors", Path("w\0")])
def test_what_cannot_name_a_checkpoint_is_said_so(given: object) -> None:
    with pytest.raises(CheckpointError, match="expected 'default', a name"):
        zoo.load("EllipseNet", checkpoint=given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("x" * 5000 + ".safetensors", "cannot be opened"),
        ("~", "a folder"),
        (".", "a folder that holds a.safetensors"),
        ("./", "a folder"),
        ("~no_such_user_at_all/w.safetensors", "cannot be opened|no such file"),
        ("a.safetensors/b.safetensors", "cannot be opened"),
        ("b.safetensors", "no such file"),
        ("smal", "registered: "),
    ],
)
def test_a_path_without_a_file_is_said_so(given: str, said: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.safetensors").write_bytes(b"x")

    with pytest.raises(ZooError, match=said) as caught:
        zoo.load("EllipseNet", checkpoint=Path(given) if given == "." else given)

    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("name", [5, None, b"EllipseNet", ["EllipseNet"]])
def test_what_cannot_name_an_algorithm_is_said_so(name: object) -> None:
    with pytest.raises(ZooError, match="expected text"):
        zoo.load(name)


@pytest.mark.parametrize("place", ["x" * 5000 + ".safetensors", "a\0.safetensors", "file/w.safetensors"])
def test_a_place_that_cannot_be_written_is_said_so(place: str, tmp_path: Path, framework: str) -> None:
    (tmp_path / "file").write_text("in the way")
    model = zoo.load("Covid-ResNet", backend=framework, **TINY)

    with pytest.raises(OutputError, match=r"cannot be written|no real path"):
        model.save(str(tmp_path / place))


def test_values_that_do_not_work_together_are_an_error_of_the_configuration(monkeypatch: Any) -> None:
    def differ(self: Any, config: Any) -> None:
        raise ValueError("sizes differ")

    pytest.importorskip("torch")
    monkeypatch.setattr("zoo.models.unet2d.net_torch.Net.__init__", differ)
    with pytest.raises(ConfigError, match=r"2D-UNet: no network can be built from its configuration \(ValueError"):
        zoo.load("2D-UNet", backend="torch", checkpoint=None, variant="tiny")


def test_an_algorithm_that_fails_over_its_values_is_an_error_of_the_configuration(monkeypatch: Any) -> None:
    def overflow(self: Any, config: Any) -> None:
        raise OverflowError("too large")

    monkeypatch.setattr("zoo.models.ellipsenet_fit.algorithm.EllipseNetFit.__init__", overflow)
    with pytest.raises(ConfigError, match=r"EllipseNet-Fit cannot work with this configuration \(OverflowError"):
        zoo.load("EllipseNet-Fit", checkpoint=None, variant="tiny")


def test_weights_are_saved_below_the_home_of_the_user(tmp_path: Path, monkeypatch: Any, framework: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    zoo.load("Covid-ResNet", backend=framework, **TINY).save("~/w.safetensors")

    assert (tmp_path / "w.safetensors").is_file()


def test_a_diverged_network_is_not_saved(tmp_path: Path, framework: str) -> None:
    model = zoo.load("Covid-ResNet", backend=framework, **TINY)
    weights = model.engine.weights()
    weights["fc.bias"][0] = np.nan
    model.engine.load(weights)

    with pytest.raises(WeightsError, match=r"fc\.bias holds NaN"):
        model.save(tmp_path / "w.safetensors")

    assert list(tmp_path.iterdir()) == []


def test_weights_of_half_width_answer_as_their_rounded_values_do(tmp_path: Path, framework: str) -> None:
    from safetensors.numpy import save_file

    model = zoo.load("Covid-ResNet", backend=framework, **TINY)
    halves = {name: value.astype(np.float16) for name, value in model.engine.weights().items()}
    metadata = in_memory.read_metadata(model.save(tmp_path / "w.safetensors"))
    save_file(halves, tmp_path / "half.safetensors", metadata)

    again = zoo.load("Covid-ResNet", backend=framework, checkpoint=tmp_path / "half.safetensors")

    for name, value in again.engine.weights().items():
        np.testing.assert_array_equal(value, halves[name].astype(np.float32))


@pytest.fixture
def swapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, dict[str, np.ndarray]]:
    """A registered checkpoint whose file is replaced by another in the moment after its sum was taken."""
    model, other = (zoo.load("EllipseNet", seed=seed, **TINY) for seed in (0, 1))
    place = tmp_path / "ellipsenet" / "small.safetensors"
    content = model.save(place).read_bytes()
    intruder = other.save(tmp_path / "other.safetensors").read_bytes()
    text = REGISTRY.format(repository="a/b", sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    (tmp_path / "registry.yaml").write_text(text)
    monkeypatch.setenv("ZOO_CHECKPOINTS", str(tmp_path))

    class Sha256:
        def __init__(self, *data: bytes) -> None:
            self.real = real(*data)

        def update(self, data: bytes) -> None:
            self.real.update(data)

        def hexdigest(self) -> str:
            place.write_bytes(intruder)
            return self.real.hexdigest()

    real = hashlib.sha256
    monkeypatch.setattr(hashlib, "sha256", Sha256)
    return load_registry(tmp_path / "registry.yaml")["EllipseNet"], model.engine.weights()


def test_a_file_that_is_replaced_after_its_sum_was_taken_is_not_used(swapped: Any) -> None:
    entry, weights = swapped

    _, file = places.read_checkpoint(entry)

    for name, value in file.arrays().items():
        np.testing.assert_array_equal(value, weights[name])


def test_a_file_is_opened_once_to_be_loaded(swapped: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, _ = swapped
    opened: list[Path] = []
    whole = Path.open

    def count(path: Path, *arguments: Any, **options: Any) -> Any:
        if "rb" in arguments:  # the intruder is written meanwhile
            opened.append(path)
        return whole(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", count)

    path, _ = places.read_checkpoint(entry)

    assert opened == [path]


def answer(model: zoo.Model) -> dict[str, np.ndarray]:
    """Run a model on its own example; at the top of the file, so that another process finds it."""
    return model.engine.forward(batch_of(model, samples_of(model, 1))[0])


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copy", "pickle"])
def test_a_model_that_travelled_answers_alike_and_alone(travel: Any, framework: str) -> None:
    model = zoo.load("Covid-ResNet", backend=framework, **TINY)
    expected = answer(model)

    twin = travel(model)
    model.engine.load({name: np.zeros_like(value) for name, value in model.engine.weights().items()})

    assert repr(twin) == repr(model) and twin.config == model.config and twin.entry == model.entry
    for key, value in answer(twin).items():
        np.testing.assert_array_equal(value, expected[key])


@pytest.mark.slow
def test_a_model_travels_to_another_process(framework: str) -> None:
    model = zoo.load("Covid-ResNet", backend=framework, **TINY)

    with get_context("spawn").Pool(1) as pool:
        found = pool.apply(answer, (model,))

    for key, value in answer(model).items():
        np.testing.assert_allclose(found[key], value, atol=1e-6)


def test_reading_takes_about_one_copy_of_the_file(tmp_path: Path) -> None:
    import tracemalloc

    from zoo.common.weights import sound_weights, write_weights

    path = tmp_path / "w.safetensors"
    write_weights(path, {f"w{i}": np.ones(1 << 20, np.float32) for i in range(8)}, {})
    tracemalloc.start()

    sound_weights(in_memory.read_file(path).arrays(), "w")

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.2 * os.path.getsize(path)
