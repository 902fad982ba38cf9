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
    trains: bool  # also keeps what `engine.Engine` promises
    names: Mapping[str, str | None]  # what a user may type -> its device, None for the best one present
    extra: str  # what pip installs


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "torch": Kind(
            title="PyTorch",
            module="zoo.engines.engine_torch",
            class_name="TorchEngine",
            needs="torch",
            devices=("cuda", "cpu"),
            trains=True,
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
            names={"mindspore": None, "ascend": "ascend"},
            extra="openmedia-zoo[mindspore]",
        ),
    }
)
FRAMEWORKS = tuple(KINDS)
NAMES = {typed: (name, device) for name, kind in KINDS.items() for typed, device in kind.names.items()}
PACKAGES = {name: kind.extra for name, kind in KINDS.items()}
STRICT = "ZOO_STRICT_DEVICE"
YES, NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


@dataclass(frozen=True)
class Backend:
    """A framework on a device; `asked` is what the user typed."""

    framework: str
    device: str
    asked: str


def installed() -> list[str]:
    """Name the frameworks that can be imported, without importing them."""
    return [name for name, kind in KINDS.items() if importlib.util.find_spec(kind.needs) is not None]


def resolve(backend: str | None = None, device: str | None = None) -> Backend:
    """Choose the framework and device.

    backend: torch, pytorch, mindspore, nvidia, cuda, ascend, or None for the first framework installed.
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
    present = installed()
    if backend is None:
        if not present:
            extras = " or ".join(f"'{extra}'" for extra in PACKAGES.values())
            raise BackendError(f"neither PyTorch nor MindSpore is installed; pip install {extras}")
        return present[0], None
    if not isinstance(backend, str) or backend.lower() not in NAMES:
        raise BackendError(f"backend {backend!r} is unknown; expected one of {', '.join(NAMES)}")
    framework, device = NAMES[backend.lower()]
    if framework not in present:
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
