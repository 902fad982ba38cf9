"""From a name to a model: registry entry, backend, configuration, weights."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.errors import CheckpointError, ConfigError, HeadReinitialisedWarning
from zoo.common.initialise import initial_weights
from zoo.common.records import build_record
from zoo.common.scope import Record, read_record
from zoo.common.types import Arrays
from zoo.common.weights import check_fit, fit_channels, sound_weights
from zoo.engines.backends import Backend, resolve
from zoo.engines.engine import Engine, open_engine
from zoo.engines.limited import open_described
from zoo.model import Model
from zoo.registry import Entry, find
from zoo.registry.package import Package
from zoo.weights.identity import from_metadata

DEFAULT_VARIANT = "small"


def load(
    name: str,
    *,
    backend: str | None = None,
    device: str | None = None,
    checkpoint: str | Path | None = "default",
    variant: str | None = None,
    init: str | None = None,
    seed: int = 0,
    **overrides: Any,
) -> Model:
    """Open an algorithm, ready to predict and to train.

    name: as in `zoo.list_models()`, whatever its case and hyphens.
    backend: torch, mindspore, nvidia, ascend, or None for the first framework installed; device: see backends.resolve.
    checkpoint: "default" or another name of the registry, the path of a .safetensors file, or None for random
        weights on purpose (then `variant` chooses the network and `seed` the numbers).
    init: "imagenet" starts from published ImageNet weights, where the algorithm knows how.
    overrides: fields of the algorithm's Config. Where they change the classes, exactly the head starts anew,
        with a HeadReinitialisedWarning that names its weights. With other input_channels the first layer spreads what
        it learned over the new channels.
    Raises RegistryError, BackendError, CheckpointError, WeightsError or ConfigError, all of them ZooError.
    """
    entry = find(name)
    chosen = resolve(backend, device)
    if init is not None:
        config, weights, variant = _pretrained(entry, init, variant, overrides)
        source, record = f"{entry.name} from {init}", None
    elif checkpoint is None:
        variant = variant or DEFAULT_VARIANT
        config, weights = _override(_variant(entry, variant), overrides, entry.name), None
        source, record = f"random, seed {seed}", None
    else:
        config, weights, variant, source, record = _from_checkpoint(entry, checkpoint, variant, overrides)
    algorithm = Package(entry).algorithm(config)
    engine = _open(Package(entry), config, chosen, weights, source)
    if weights is not None and "input_channels" in overrides:
        weights = fit_channels(weights, engine.shapes(), overrides["input_channels"])
    _fill(engine, algorithm, weights, source, seed, may_change_head=bool(overrides) or init is not None)
    return Model(entry, algorithm, engine, variant, source, record)


def with_classes(model: Model, classes: tuple[str, ...]) -> Model:
    """Return the model for other classes: the same weights but for the head, which starts anew."""
    config = _override(model.config, {"classes": classes}, model.name)
    algorithm = type(model.algorithm)(config)
    engine = open_engine(Package(model.entry), config, model.engine.framework, model.engine.device)
    body = {n: v for n, v in model.engine.weights().items() if not n.startswith(algorithm.head)}
    _fill(engine, algorithm, body, model.source, seed=0, may_change_head=True)
    return Model(model.entry, algorithm, engine, model.variant, model.source, model.record)


def _open(package: Package, config: Any, backend: Backend, weights: Arrays | None, source: str) -> Engine:
    if weights is None:
        return open_engine(package, config, backend.framework, backend.device)
    return open_described(package, config, backend.framework, backend.device, weights, source)


def _fill(
    engine: Engine, algorithm: Algorithm[Any], weights: Arrays | None, source: str, seed: int, may_change_head: bool
) -> None:
    shapes = engine.shapes()
    if weights is None:
        engine.load(initial_weights(shapes, algorithm.initialise, seed))
        return
    anew = check_fit(shapes, weights, source, head=algorithm.head if may_change_head else ())
    if anew:
        warnings.warn(
            f"{source}: {len(anew)} weights of the head start anew: {', '.join(anew)}; train before use",
            HeadReinitialisedWarning,
            stacklevel=4,
        )
    fresh = initial_weights({name: shapes[name] for name in anew}, algorithm.initialise, seed)
    engine.load({**{n: np.asarray(weights[n]) for n in shapes if n not in fresh}, **fresh})


def _from_checkpoint(
    entry: Entry, checkpoint: str | Path, variant: str | None, overrides: dict[str, Any]
) -> tuple[Any, Arrays, str, str, Record | None]:
    from zoo.weights.places import read_checkpoint

    path, file = read_checkpoint(entry, checkpoint)
    identity = from_metadata(file.metadata, str(path))
    if identity["algorithm"] != entry.name:
        raise CheckpointError(
            f"{path}: a checkpoint of {identity['algorithm']:.80}; expected one of {entry.name}. "
            f"Load it with zoo.load({identity['algorithm']!r:.80}, checkpoint=...)"
        )
    if variant is not None and variant != identity["variant"]:
        raise CheckpointError(
            f"{path}: holds the variant {identity['variant']!r}, asked was {variant!r}; leave `variant` out, "
            "or give checkpoint=None for random weights of that variant"
        )
    config = build_record(Package(entry).config.Config, identity["config"], str(path), complete=True)
    weights = sound_weights(file.arrays(), str(path))
    record = read_record(identity.get("scope"), str(path))
    return _override(config, overrides, entry.name), weights, identity["variant"], str(path), record


def _pretrained(entry: Entry, init: str, variant: str | None, overrides: dict[str, Any]) -> tuple[Any, Arrays, str]:
    from zoo.weights.places import read_pretrained

    convert = Package(entry).convert if Package(entry).has_converter else None
    sources: dict[str, tuple[str, str]] = getattr(convert, str(init).upper(), {})
    if convert is None or not sources:
        raise ConfigError(f"{entry.name} cannot start from {init!r}; use checkpoint='default' or None")
    variant = variant or next(iter(sources))
    if variant not in sources:
        raise ConfigError(f"{entry.name} has no {init} weights for {variant!r}; expected one of {', '.join(sources)}")
    config = _override(_variant(entry, variant), overrides, entry.name)
    path, file = read_pretrained(*sources[variant])
    return config, sound_weights(convert.convert(file.arrays(), config), str(path)), variant


def _variant(entry: Entry, variant: str) -> Any:
    variants = Package(entry).config.VARIANTS
    if variant not in variants:
        raise ConfigError(f"{entry.name} has no variant {variant!r}; expected one of {', '.join(variants)}")
    return variants[variant]


def _override(config: Any, overrides: dict[str, Any], name: str) -> Any:
    return build_record(type(config), {**_shallow(config), **overrides}, name) if overrides else config


def _shallow(config: Any) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
