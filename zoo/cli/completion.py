"""What the shell offers after Tab: names of algorithms, backends, checkpoints, variants, tasks."""

from __future__ import annotations

import importlib

import click


def names(incomplete: str) -> list[str]:
    """Offer the algorithms, whatever the case typed."""
    from zoo.registry import list_models

    return [name for name in list_models() if name.lower().startswith(incomplete.lower())]


def tasks(incomplete: str) -> list[str]:
    """Offer the tasks of the registry."""
    from zoo.registry import load_registry

    known = dict.fromkeys(entry.task for entry in load_registry().values())
    return [task for task in known if task.startswith(incomplete)]


def backends(incomplete: str) -> list[str]:
    """Offer the frameworks and the names of devices that stand for one."""
    return [name for name in ("torch", "mindspore", "nvidia", "ascend") if name.startswith(incomplete)]


def checkpoints(ctx: click.Context, incomplete: str) -> list[str]:
    """Offer the checkpoints of the algorithm that was typed before; files are the shell's own matter."""
    from zoo.registry import find

    name = ctx.params.get("name")
    known = ["default", "none", *(find(name).checkpoints if name else ())]
    return [checkpoint for checkpoint in known if checkpoint.startswith(incomplete)]


def variants(ctx: click.Context, incomplete: str) -> list[str]:
    """Offer the variants of the algorithm that was typed before."""
    from zoo.registry import find

    name = ctx.params.get("name")
    if not name:
        return []
    module = importlib.import_module(f"zoo.models.{find(name).package}.config")
    return [variant for variant in module.VARIANTS if variant.startswith(incomplete)]
