"""From what a user types to a framework and a device, and what an engine refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import zoo
from zoo.common.errors import BackendError, DeviceFallbackWarning, InputError
from zoo.engines import backends, engine
from zoo.engines.backends import KINDS, NAMES, resolve
from zoo.registry.package import Package

WRONG_DEVICES = ["cuda:x", "cuda:", "cuda:-1", "cuda:1.5", "cpu:1", "ascend", "gpu", "", 5, 0, ("cpu",)]


@pytest.mark.parametrize("device", WRONG_DEVICES)
def test_an_impossible_device_is_refused(device: object) -> None:
    pytest.importorskip("torch")
    with pytest.raises(BackendError, match=r"is unknown to torch; expected one of cuda, cpu, cuda:1"):
        resolve("torch", device)  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", [5, 0, "", "tensorflow", ["torch"]])
def test_an_impossible_backend_is_refused(backend: object) -> None:
    with pytest.raises(BackendError, match="expected one of torch, pytorch"):
        zoo.load("2D-UNet", backend=backend)  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["1", "true", "True", "YES", "on"])
def test_a_strict_environment_refuses_an_absent_device(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_present", lambda framework, device: False)
    monkeypatch.setenv("ZOO_STRICT_DEVICE", word)

    with pytest.raises(BackendError, match="no cuda:7 device"):
        resolve("torch", "cuda:7")


@pytest.mark.parametrize("word", ["0", "false", "No", "off", ""])
def test_an_environment_that_is_not_strict_falls_back_with_a_warning(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "_present", lambda framework, device: False)
    monkeypatch.setenv("ZOO_STRICT_DEVICE", word)

    with pytest.warns(DeviceFallbackWarning):
        assert resolve("torch", "cuda:7").device == "cpu"


def test_another_word_for_strict_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_STRICT_DEVICE", "maybe")

    with pytest.raises(BackendError, match="'maybe'; expected one of 1, true"):
        resolve("torch", "cpu")


def test_a_backend_is_one_row_and_one_module(monkeypatch: pytest.MonkeyPatch) -> None:
    row = replace(
        KINDS["torch"], title="Toy", module=__name__, class_name="Toy", trains=False, names={"toy": None}, extra="toy"
    )
    for module in (backends, engine):
        monkeypatch.setattr(module, "KINDS", {**KINDS, "toy": row})
    monkeypatch.setattr(backends, "NAMES", {**NAMES, "toy": ("toy", None)})

    chosen = resolve("toy", "cpu")
    runner = engine.open_engine(Package(zoo.info("2D-UNet")), None, chosen.framework, chosen.device)

    assert isinstance(runner, Toy)
    with pytest.raises(BackendError, match="does not train"):
        engine.check_trains(runner)


class Toy:
    """A runner that only predicts."""

    framework = "toy"

    def __init__(self, package: str, config: object, device: str) -> None:
        self.device = device


def test_mindspore_has_one_device_per_process(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mindspore")
    from zoo.engines import backends_mindspore

    monkeypatch.setattr(backends_mindspore, "_prepared", ["cpu"])

    backends_mindspore.prepare("cpu")
    with pytest.raises(BackendError, match="runs on cpu in this process"):
        backends_mindspore.prepare("ascend:1")


@pytest.mark.parametrize(("text", "variable", "index"), [("ascend", "3", 3), ("ascend:1", "3", 1), ("ascend", None, 0)])
def test_an_ascend_device_is_the_numbered_one(
    text: str, variable: str | None, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ms = pytest.importorskip("mindspore")
    from zoo.engines import backends_mindspore

    calls: list[tuple[str, int]] = []
    monkeypatch.setattr(backends_mindspore, "_prepared", [])
    monkeypatch.setattr(ms, "set_device", lambda name, number: calls.append((name, number)))
    monkeypatch.delenv("DEVICE_ID", raising=False)
    if variable is not None:
        monkeypatch.setenv("DEVICE_ID", variable)

    backends_mindspore.prepare(text)

    assert calls == [("Ascend", index)]


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"image": [[1.0]]},
        {"image": np.zeros((1, 1, 64, 64))},
        {"image": np.zeros((1, 1, 64, 64), np.uint8)},
        {"image": np.zeros((0, 1, 64, 64), np.float32)},
        {"image": np.zeros(4, np.float32)},
        {"image": np.zeros((2, 1, 8, 8), np.float32), "lung": np.zeros((1, 8, 8), np.float32)},
    ],
)
def test_inputs_that_no_network_takes_are_refused(framework: str, inputs: dict[str, np.ndarray]) -> None:
    model = zoo.load("2D-UNet", backend=framework, device="cpu", checkpoint=None, variant="tiny")

    with pytest.raises(InputError):
        model.engine.forward(inputs)
