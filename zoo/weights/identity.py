"""What a checkpoint says about itself: algorithm, configuration, recipe and versions, as JSON in its metadata."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping
from typing import Any

from zoo.common.errors import CheckpointError

KEY = "zoo"  # the entry of the safetensors metadata
PACKAGES = ("openmedia-zoo", "torch", "mindspore", "numpy", "scipy", "pillow", "simpleitk")


def versions() -> dict[str, str]:
    """Name the versions of everything that can change a number."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def to_metadata(algorithm: str, variant: str, config: Any, **more: object) -> dict[str, str]:
    """Pack the identity of a model for the header of its weight file."""
    identity = {"algorithm": algorithm, "variant": variant, "config": dataclasses.asdict(config), **more}
    return {KEY: json.dumps(identity | {"versions": versions()}, sort_keys=True)}


def from_metadata(metadata: Mapping[str, str], source: str) -> dict[str, Any]:
    """Unpack the identity; CheckpointError when the file has none."""
    try:
        identity = json.loads(metadata[KEY])
        if isinstance(identity, dict) and {"algorithm", "config", "variant"} <= set(identity):
            return identity
    except (KeyError, ValueError):
        pass
    raise CheckpointError(
        f"{source}: the file does not say which algorithm and configuration its weights belong to; "
        "expected a checkpoint written by the zoo (model.save or zoo train)"
    )
