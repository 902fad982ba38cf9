"""From the backend a user types to a framework and a device; the device that is really used is never a secret."""

from __future__ import annotations

import importlib.util
import os
import warnings
from dataclasses import dataclass

from zoo.common.errors import BackendError, DeviceFallbackWarning

FRAMEWORKS = ("torch", "mindspore")
NAMES = {  # as typed -> (framework, device or None for the best one present)
    "torch": ("torch", None),
    "pytorch": ("torch", None),
    "mindspore": ("mindspore", None),
    "nvidia": ("torch", "cuda"),
    "cuda": ("torch", "cuda"),
    "ascend": ("mindspore", "ascend"),
}
DEVICES = {"torch": ("cuda", "cpu"), "mindspore": ("ascend", "cpu")}  # best first
PACKAGES = {"torch": "openmedia-zoo[torch]", "mindspore": "openmedia-zoo[mindspore]"}


@dataclass(frozen=True)
class Backend:
    """A framework on a device; `asked` is what the user typed."""

    framework: str
    device: str
    asked: str


def installed() -> list[str]:
    """Name the frameworks that can be imported, without importing them."""
    return [name for name in FRAMEWORKS if importlib.util.find_spec(name) is not None]


def resolve(backend: str | None = None, device: str | None = None) -> Backend:
    """Choose the framework and device.

    backend: torch, pytorch, mindspore, nvidia, cuda, ascend, or None for the first framework installed.
    device: cpu, cuda, cuda:1, ascend ...; None takes the backend's own, or the best present.
    Where the asked device is absent the CPU is taken with a DeviceFallbackWarning, or BackendError is raised
    when the environment says ZOO_STRICT_DEVICE=1.
    """
    framework, wanted = _named(backend)
    wanted = (device or wanted or "").lower() or None
    if wanted is not None and wanted.split(":")[0] not in DEVICES[framework]:
        known = ", ".join(DEVICES[framework])
        raise BackendError(f"device {wanted!r} is unknown to {framework}; expected one of {known}")
    if wanted is None:
        best = DEVICES[framework][0]
        return Backend(framework, best if _present(framework, best) else "cpu", backend or framework)
    if wanted == "cpu" or _present(framework, wanted):
        return Backend(framework, wanted, backend or framework)
    message = f"no {wanted} device for {framework} on this machine: {backend or framework!r} runs on the CPU"
    if os.environ.get("ZOO_STRICT_DEVICE") == "1":
        raise BackendError(f"{message}; ZOO_STRICT_DEVICE=1 forbids that. Use device='cpu' or a machine that has one")
    warnings.warn(f"{message}; set ZOO_STRICT_DEVICE=1 to make this an error", DeviceFallbackWarning, stacklevel=3)
    return Backend(framework, "cpu", backend or framework)


def _named(backend: str | None) -> tuple[str, str | None]:
    present = installed()
    if backend is None:
        if not present:
            raise BackendError(
                "neither PyTorch nor MindSpore is installed; pip install 'openmedia-zoo[torch]' or '[mindspore]'"
            )
        return present[0], None
    if backend.lower() not in NAMES:
        raise BackendError(f"backend {backend!r} is unknown; expected one of {', '.join(NAMES)}")
    framework, device = NAMES[backend.lower()]
    if framework not in present:
        raise BackendError(
            f"backend {backend!r} needs {framework}, which is not installed; pip install '{PACKAGES[framework]}'"
        )
    return framework, device


def _present(framework: str, device: str) -> bool:
    if framework == "torch":
        import zoo.engines.engine_torch as engine

        return engine.has_device(device)
    import zoo.engines.backends_mindspore as mindspore

    return mindspore.has_ascend()
