"""What a service tells of its algorithms: the registry, the model cards, and the options as JSON schema."""

from __future__ import annotations

from importlib import resources
from typing import Any, get_type_hints

from zoo.common.errors import ZooError
from zoo.common.records import build_record, remarks
from zoo.common.tables import plain
from zoo.prediction.objects import INSTANCES, may_be_parted
from zoo.registry import Checkpoint, Entry
from zoo.registry.package import Package
from zoo.serve.menu import Menu
from zoo.weights.identity import from_metadata
from zoo.weights.places import read_checkpoint

CARD = "README.md"
FIGURES = 3  # of a checkpoint, in the list


def listed(menu: Menu) -> list[dict[str, Any]]:
    """Describe the algorithms of a service in short."""
    return [_short(menu, entry) for entry in menu.entries.values()]


def described(menu: Menu, entry: Entry) -> dict[str, Any]:
    """Describe one algorithm: its card, what goes in, its checkpoints with their classes and options."""
    dump = entry.model_dump(mode="json", by_alias=True)
    checkpoints = {
        name: {**dump["checkpoints"][name], **_of_checkpoint(entry, checkpoint)}
        for name, checkpoint in entry.checkpoints.items()
    }
    default = entry.default_checkpoint
    return {
        **_short(menu, entry),
        "card": card_of(entry),
        "paper": dump["paper"],
        "reported": dump["reported"],
        "checkpoints": checkpoints,
        "options": checkpoints[default.name]["options"] if default is not None else {},
    }


def card_of(entry: Entry) -> str:
    """Return the model card as Markdown; "" for a package without one."""
    try:
        return (resources.files(Package(entry).module) / CARD).read_text(encoding="utf-8")
    except (OSError, ModuleNotFoundError):
        return ""


def schema_of(algorithm: type[Any], config: Any) -> dict[str, Any]:
    """Return the options of a prediction as a JSON schema; the defaults are those of a configuration."""
    from pydantic import TypeAdapter

    kind = type(config)
    hints, told = get_type_hints(kind, include_extras=True), remarks(kind)
    properties = {
        name: {
            **TypeAdapter(hints[name]).json_schema(),
            "title": name.replace("_", " "),
            "description": told.get(name, ""),
            "default": plain(getattr(config, name)),
        }
        for name in algorithm.prediction_options
        if name in hints
    }
    if may_be_parted(algorithm):  # type: ignore[arg-type]
        told_of = "objects one by one, where the parts of a class touch nowhere"
        properties[INSTANCES] = {"type": "boolean", "title": INSTANCES, "description": told_of, "default": False}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _short(menu: Menu, entry: Entry) -> dict[str, Any]:
    default = entry.default_checkpoint
    return {
        "name": entry.name,
        "task": entry.task,
        "modality": entry.input.modality,
        "dimensions": entry.input.dimensions,
        "channels": entry.input.channels,
        "summary": entry.summary,
        "licence": entry.licence,
        "frameworks": list(entry.frameworks),
        "usable": menu.frameworks(entry),
        "trained_on": default.dataset.name if default is not None else "",
        "data_licence": default.dataset.licence if default is not None else "",
        "figures": _figures(default) if default is not None else {},
        "checkpoints": list(entry.checkpoints),
        "paper": {"year": entry.paper.year, "url": entry.paper.url},
    }


def _figures(checkpoint: Checkpoint) -> dict[str, dict[str, Any]]:
    """Return the first figures, each with what is trivial reaches on the same cases."""
    measured = list(next(iter(checkpoint.metrics.values()), {}).items())[:FIGURES]
    trivial = checkpoint.to_beat
    return {
        name: {"value": value, **({"baseline": trivial[name][0], "of": trivial[name][1]} if name in trivial else {})}
        for name, value in measured
    }


def _trained(entry: Entry, name: str) -> Any:
    """Return the algorithm as a checkpoint configures it, without a network."""
    path, file = read_checkpoint(entry, name)
    identity, package = from_metadata(file.metadata, path.name), Package(entry)
    made = package.algorithm(build_record(package.config.Config, identity["config"], path.name, complete=True))
    if "augmentation" not in identity:
        return made
    return made.with_augmentation(build_record(type(made.augmentation), identity["augmentation"], path.name))


def _of_checkpoint(entry: Entry, checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what the file of a checkpoint says; where it is not there, what the code says by itself."""
    try:
        made, is_there = _trained(entry, checkpoint.name), True
    except ZooError:
        made, is_there = Package(entry).algorithm(Package(entry).config.Config()), False
    return {
        "is_there": is_there,
        "classes": list(made.counted(made.labels[0])),
        "may_tta": bool(made.views),
        "slicewise": made.slicewise or made.by_slices,
        "options": schema_of(type(made), made.config),
        "size": list(getattr(made.config, "input_size", ())),
        **({"window": list(made.window)} if made.window else {}),
    }
