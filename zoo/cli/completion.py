"""What the shell offers after Tab: names of algorithms, backends, checkpoints, variants, tasks."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from zoo.registry import Entry


def names(incomplete: str) -> list[str]:
    """Offer the algorithms."""
    from zoo.registry import list_models

    return [name for name in list_models() if name.startswith(incomplete)]


def methods(incomplete: str) -> list[str]:
    """Offer the methods of training."""
    from zoo.common.methods import list_methods

    return [name for name in list_methods() if name.startswith(incomplete)]


def tasks(incomplete: str) -> list[str]:
    """Offer the tasks of the registry."""
    from zoo.registry import load_registry

    known = dict.fromkeys(entry.task for entry in load_registry().values())
    return [task for task in known if task.startswith(incomplete)]


def backends(incomplete: str) -> list[str]:
    """Offer the frameworks, the names of devices that stand for one, and the runtimes."""
    return [
        name
        for name in ("torch", "mindspore", "nvidia", "ascend", "openvino", "onnxruntime")
        if name.startswith(incomplete)
    ]


def checkpoints(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the checkpoints of the algorithm that was typed before; files are the shell's own matter."""
    entry = _typed(ctx)
    known = ["default", "none", *(entry.checkpoints if entry else ())]
    return [checkpoint for checkpoint in known if checkpoint.startswith(incomplete)]


def variants(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the variants of the algorithm that was typed before."""
    entry = _typed(ctx)
    if entry is None:
        return []
    module = importlib.import_module(f"zoo.models.{entry.package}.config")
    return [variant for variant in module.VARIANTS if variant.startswith(incomplete)]


def _typed(ctx: typer.Context) -> Entry | None:
    """Return the algorithm that was typed before; an option without its value keeps it among the plain words."""
    from zoo.registry import load_registry

    registry = load_registry()
    words = (ctx.params.get("name"), *ctx.args)
    return next((registry[word] for word in words if word in registry), None)
