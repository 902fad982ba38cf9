"""From the backend a user types to a framework and a device; the device that is really used is never a secret."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from zoo.common.errors import BackendError, DeviceFallbackWarning


@dataclass(frozen=True)
class Kind:
    """One way to run a network: a row of the table, and one module that keeps what `engine.Runner` promises."""

    title: str  # for people
    module: str  # holds the class, and has_device(device) -> bool
    class_name: str  # built with (package, config, device)
    needs: str  # what must be installed, by its import name
    devices: tuple[str, ...]  # best first
    trains: bool  # also keeps what `engine.Engine` promises; a framework, in which networks are written
    network: str  # the framework whose network it runs
    names: Mapping[str, str | None]  # what a user may type -> its device, None for the best one present
    extra: str  # what pip installs
    precisions: tuple[str, ...] = ("f32",)  # in which it computes


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "torch": Kind(
            title="PyTorch",
            module="zoo.engines.engine_torch",
            class_name="TorchEngine",
            needs="torch",
            devices=("cuda", "cpu"),
            trains=True,
            network="torch",
            names={"torch": None, "pytorch": None, "nvidia": "cuda", "cuda": "cuda"},
            extra="openmedia-zoo[torch]",
        ),
        "mindspore": Kind(
            title="MindSpore",
            module="zoo.engines.engine_mindspore",
            class_name="MindSporeEngine",
            needs="mindspore",
            devices=("ascend", "cpu"),
            trains=True,
            network="mindspore",
            names={"mindspore": None, "ascend": "ascend"},
            extra="openmedia-zoo[mindspore]",
        ),
        "openvino": Kind(
            title="OpenVINO",
            module="zoo.engines.runner_openvino",
            class_name="OpenVinoRunner",
            needs="openvino",
            devices=("cpu",),
            trains=False,
            network="torch",
            names={"openvino": None},
            extra="openmedia-zoo[openvino]",
            precisions=("f32", "bf16", "int8"),
        ),
        "onnxruntime": Kind(
            title="ONNX Runtime",
            module="zoo.engines.runner_onnxruntime",
            class_name="OnnxRuntimeRunner",
            needs="onnxruntime",
            devices=("cpu",),
            trains=False,
            network="torch",
            names={"onnxruntime": None},
            extra="openmedia-zoo[onnxruntime]",
        ),
    }
)
FRAMEWORKS = tuple(name for name, kind in KINDS.items() if kind.trains)
NAMES = {typed: (name, device) for name, kind in KINDS.items() for typed, device in kind.names.items()}
PACKAGES = {name: kind.extra for name, kind in KINDS.items()}
STRICT = "ZOO_STRICT_DEVICE"
THREADS = "OMP_NUM_THREADS"
YES, NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


@dataclass(frozen=True)
class Backend:
    """A framework on a device; `asked` is what the user typed."""

    framework: str
    device: str
    asked: str


def installed() -> list[str]:
    """Name the frameworks that can be imported, without importing them."""
    return [name for name in present() if name in FRAMEWORKS]


def present() -> list[str]:
    """Name all that can be imported, frameworks and then runtimes, without importing them."""
    return [name for name, kind in KINDS.items() if importlib.util.find_spec(kind.needs) is not None]


def threads() -> int | None:
    """Return how many threads one prediction may take, as OMP_NUM_THREADS says; None where it says nothing."""
    word = os.environ.get(THREADS, "").split(",")[0].strip()
    return int(word) if word.isdecimal() and int(word) > 0 else None


def checked_precision(framework: str, precision: object) -> str:
    """Return the precision if this backend computes in it, else raise BackendError."""
    known = KINDS[framework].precisions
    if isinstance(precision, str) and precision in known:
        return precision
    others = [name for name, kind in KINDS.items() if precision in kind.precisions]
    remedy = f"; {precision} has: {', '.join(others)}" if others else ""
    raise BackendError(f"precision={precision!r} given; {framework} computes in {', '.join(known)}{remedy}")


def resolve(backend: str | None = None, device: str | None = None) -> Backend:
    """Choose the framework and device.

    backend: torch, pytorch, mindspore, nvidia, cuda, ascend, openvino, onnxruntime, or None for the first installed.
    device: cpu, cuda, cuda:1, ascend ...; None takes the backend's own, or the best present.
    Where the asked device is absent the CPU is taken with a DeviceFallbackWarning, or BackendError is raised
    when the environment says ZOO_STRICT_DEVICE=1.
    """
    is_strict = _is_strict()
    framework, own = _named(backend)
    wanted = own if device is None else _checked_device(device, framework)
    asked = backend or framework
    if wanted is None:
        best = KINDS[framework].devices[0]
        return Backend(framework, best if _present(framework, best) else "cpu", asked)
    if wanted == "cpu" or _present(framework, wanted):
        return Backend(framework, wanted, asked)
    message = f"no {wanted} device for {framework} on this machine: {asked!r} runs on the CPU"
    if is_strict:
        raise BackendError(f"{message}; {STRICT} forbids that. Use device='cpu' or a machine that has one")
    warnings.warn(f"{message}; set {STRICT}=1 to make this an error", DeviceFallbackWarning, stacklevel=3)
    return Backend(framework, "cpu", asked)


def _named(backend: object) -> tuple[str, str | None]:
    there = present()
    if backend is None:
        if not there:
            extras = " or ".join(f"'{PACKAGES[name]}'" for name in FRAMEWORKS)
            raise BackendError(f"neither PyTorch nor MindSpore is installed; pip install {extras}")
        return there[0], None
    if not isinstance(backend, str) or backend.lower() not in NAMES:
        raise BackendError(f"backend {backend!r} is unknown; expected one of {', '.join(NAMES)}")
    framework, device = NAMES[backend.lower()]
    if framework not in there:
        raise BackendError(
            f"backend {backend!r} needs {framework}, which is not installed; pip install '{PACKAGES[framework]}'"
        )
    return framework, device


def _checked_device(device: object, framework: str) -> str:
    known = KINDS[framework].devices
    numbered = [name for name in known if name != "cpu"]
    if isinstance(device, str):
        text = device.strip().lower()
        if text in known or any(re.fullmatch(rf"{name}:\d{{1,4}}", text) for name in numbered):
            return text
    examples = ", ".join((*known, *(f"{name}:1" for name in numbered)))
    raise BackendError(f"device {device!r} is unknown to {framework}; expected one of {examples}")


def _is_strict() -> bool:
    word = os.environ.get(STRICT, "").strip().lower()
    if word not in YES + NO:
        choices = ", ".join(YES + NO[1:])
        raise BackendError(f"{STRICT} is {word!r}; expected one of {choices}, or leave it unset")
    return word in YES


def _present(framework: str, device: str) -> bool:
    return bool(importlib.import_module(KINDS[framework].module).has_device(device))
