"""What a checkpoint says about itself: algorithm, configuration, recipe and versions, as JSON in its metadata."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import json
import math
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import CheckpointError
from zoo.common.methods import list_methods
from zoo.common.provenance import Code, Kind, Provenance
from zoo.common.types import Arrays

if TYPE_CHECKING:
    from zoo.model import Model
    from zoo.registry import Entry

KEY = "zoo"  # the entry of the safetensors metadata
ADOPTED, TRAINED = "adopted", "trained"  # what another program's file was; how the zoo trained
ABOUT = (ADOPTED, TRAINED)  # what goes along when a model is saved again
FURTHER = re.compile(r"partner\d+/")
DEEPEST = 8  # levels of the identity; the zoo writes three
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


def own_weights(arrays: Arrays) -> Arrays:
    """Leave out the further networks of a method, which checkpoints of averaged weights once held, too."""
    return {name: value for name, value in arrays.items() if not FURTHER.match(name)}


def is_drawn(source: str) -> bool:
    """Tell whether weights were drawn at random; files may be called so, too."""
    return drawn_with(source) is not None


def drawn_with(source: str) -> int | None:
    """Return the seed of weights that were drawn at random; None for others."""
    match = re.fullmatch(r"random, seed (\d+)", source)
    return None if match is None else int(match[1])


def began_as(model: Model) -> dict[str, Any]:
    """Say what a run starts from: random numbers, a file by its name and sum, what this was adopted from."""
    named = Path(model.source).name if Path(model.source).is_file() else model.source
    told = {"weights": named, **({"sha256": model.sha256} if model.sha256 else {})}
    return told | ({ADOPTED: model.about[ADOPTED]} if ADOPTED in model.about else {})


def taught_by_images(about: Mapping[str, Any]) -> str:
    """Name the method by which weights learned from images alone, so that they are a start and no answer; "" else."""
    told = about.get(TRAINED)
    method = told.get("method") if isinstance(told, dict) else None
    name = method.get("name") if isinstance(method, dict) else None
    return str(name) if name is not None and name in list_methods("self-supervised") else ""


def in_words(about: Mapping[str, Any]) -> dict[str, str]:
    """Say where weights came from, for tables of people."""
    told = dict[str, str]()
    if isinstance(adopted := about.get(ADOPTED), dict):
        told["adopted from"] = f"{adopted.get('file', '')}, SHA-256 {adopted.get('sha256', '')}"
    began = about[TRAINED].get("began_as") if isinstance(about.get(TRAINED), dict) else None
    if isinstance(began, dict):
        since = ", changed since" if began.get("changed") else ""
        told["training began as"] = f"{began.get('weights', '')} {began.get('sha256', '')}".strip() + since
    return told


def provenance_of(entry: Entry, source: str, sha256: str, framework: str, device: str) -> Provenance:
    """Say which weights answer: by their name in the registry where their sum is registered, else by their file."""
    named = [name for name, checkpoint in entry.checkpoints.items() if checkpoint.sha256 == sha256]
    checkpoint = named[0] if named else Path(source).name if sha256 else source
    kinds = {name: Kind(_code(kind.category), _code(kind.type)) for name, kind in entry.codes.items()}
    version = importlib.metadata.version("openmedia-zoo")
    return Provenance(entry.name, checkpoint, sha256, version, framework, device, kinds)


def _code(registered: Any) -> Code:
    return Code(registered.value, registered.meaning, registered.scheme)


def from_metadata(metadata: Mapping[str, str], source: str) -> dict[str, Any]:
    """Unpack the identity; CheckpointError when the file has none."""
    try:
        identity = json.loads(metadata[KEY], parse_constant=_refuse, parse_float=_finite)
    except (KeyError, ValueError, RecursionError):
        identity = None
    if isinstance(identity, dict) and not _is_nested(identity, DEEPEST):
        kinds = {key: type(identity.get(key)) for key in ("algorithm", "variant", "config")}
        if kinds == {"algorithm": str, "variant": str, "config": dict}:
            return identity
    raise CheckpointError(
        f"{source}: the file does not say which algorithm and configuration its weights belong to; "
        "expected a checkpoint written by the zoo (model.save or zoo train)"
    )


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _is_nested(value: object, levels: int) -> bool:
    """Tell whether lists and tables stand in each other deeper than `levels`."""
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for item in layer
            if isinstance(item, (dict, list))
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return any(isinstance(item, (dict, list)) for item in layer)
