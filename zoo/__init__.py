"""openmedia-zoo: medical-imaging models in PyTorch and in MindSpore behind one interface.

import zoo
model = zoo.load("EllipseNet", backend="torch")
model.predict("scan.png").plot("overlay.png")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.common import errors
    from zoo.common.errors import ZooError
    from zoo.common.methods import list_methods
    from zoo.common.types import Image, Sample
    from zoo.loading import load
    from zoo.model import Model
    from zoo.registry import info, list_models
    from zoo.weights.places import download

__version__ = "0.1.0"
__all__ = ["Image", "Model", "Sample", "ZooError", "download", "errors", "info", "list_methods", "list_models", "load"]

_HOMES = {  # resolved at first use, so that `import zoo` costs milliseconds and no framework
    "load": "zoo.loading",
    "Model": "zoo.model",
    "list_methods": "zoo.common.methods",
    "list_models": "zoo.registry",
    "info": "zoo.registry",
    "download": "zoo.weights.places",
    "ZooError": "zoo.common.errors",
    "Image": "zoo.common.types",
    "Sample": "zoo.common.types",
}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return importlib.import_module("zoo.common.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
