"""Reads a registry file; every unknown, missing, repeated or mistyped field is an error with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from zoo.common.errors import RegistryError
from zoo.registry.entries import Origin, Registry
from zoo.registry.strict_yaml import parse

HERE = Path(__file__).resolve().parent.parent
SHOWN = 8  # problems in one message before the count takes over

M = TypeVar("M", bound=BaseModel)


def registry_path() -> Path:
    """Find registry.yaml: inside an installed package, beside it in a checkout."""
    inside = HERE / "registry.yaml"
    return inside if inside.is_file() else HERE.parent / "registry.yaml"


def read_registry(path: Path | str | None = None) -> Registry:
    """Read and validate a registry file; RegistryError names the entry and the field that is wrong."""
    return read_as(Registry, Path(path) if path is not None else registry_path(), Origin())


def read_as(kind: type[M], source: Path, origin: Origin) -> M:
    """Read a registry file of one kind and say of each entry whose it is."""
    if not source.is_file():
        raise RegistryError(f"{source}: no such file; reinstall the package")
    try:
        content = parse(source.read_text(encoding="utf-8"), source.name)
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError(f"{source}: cannot be read ({error}); reinstall the package") from error
    try:
        return kind.model_validate(_with_names(content, origin))
    except ValidationError as error:
        raise RegistryError(_explained(source.name, error)) from error


def _with_names(content: Any, origin: Origin) -> Any:
    """Copy each entry's and checkpoint's key into its `name`; leave what has another shape to the validation."""
    if not (isinstance(content, dict) and isinstance(content.get("models"), dict)):
        return content
    models = {name: _named(name, entry) for name, entry in content["models"].items()}
    for entry in models.values():
        if isinstance(entry, dict) and isinstance(entry.get("checkpoints"), dict):
            entry["checkpoints"] = {n: _named(n, checkpoint) for n, checkpoint in entry["checkpoints"].items()}
        if isinstance(entry, dict):
            entry["origin"] = origin
    return {**content, "models": models}


def _named(name: str, content: Any) -> Any:
    for field in ("name", "origin"):
        if isinstance(content, dict) and field in content:
            raise RegistryError(f"{name}: the field `{field}` is not written; the key is the name")
    return {"name": name, **content} if isinstance(content, dict) else content


def _explained(source: str, error: ValidationError) -> str:
    lines = []
    for problem in sorted(error.errors(include_url=False), key=lambda p: p["type"] != "extra_forbidden"):  # typos first
        place = ".".join(str(part) for part in problem["loc"] if part not in ("models", "[key]")) or "the file"
        given = problem["input"]
        shown = f", given {given!r}"[:80] if isinstance(given, str | int | float | bool | None) else ""
        lines.append(f"{source}: {place}: {problem['msg'].removeprefix('Value error, ')}{shown}")
    more = [f"... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join([*lines[:SHOWN], *more])
