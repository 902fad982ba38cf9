"""From a name to a model: registry entry, backend, configuration, weights."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.errors import CheckpointError, ConfigError, HeadReinitialisedWarning, WeightsError
from zoo.common.initialise import initial_weights
from zoo.common.records import build_record, replace_fields
from zoo.common.scope import Record, read_record
from zoo.common.types import Arrays
from zoo.common.weights import check_fit, fit_channels, sound_weights
from zoo.engines.backends import Backend, checked_precision, resolve
from zoo.engines.engine import UNREDUCED, Engine, open_engine
from zoo.engines.limited import open_asked, open_described
from zoo.model import Model
from zoo.registry import Entry, find
from zoo.registry.package import Package
from zoo.weights.foreign import offer, origin_of, read_foreign, refuse_both, renamed, with_offer
from zoo.weights.identity import ABOUT, ADOPTED, from_metadata, own_weights

DEFAULT_VARIANT = "small"


def load(
    name: str,
    *,
    backend: str | None = None,
    device: str | None = None,
    precision: str = UNREDUCED,
    checkpoint: str | Path | None = "default",
    variant: str | None = None,
    init: str | None = None,
    seed: int = 0,
    state_dict: str | Path | Arrays | None = None,
    rename: Mapping[str, str] | None = None,
    **overrides: Any,
) -> Model:
    """Open an algorithm, ready to predict and to train.

    name: as in `zoo.list_models()`, whatever its case and hyphens.
    backend: torch, mindspore, nvidia, ascend, openvino, onnxruntime, or None for the first installed; device: see
        backends.resolve. precision: f32, or one of those that docs/engines.md names.
    checkpoint: "default" or another name of the registry, the path of a .safetensors file, or None for random
        weights on purpose (then `variant` chooses the network and `seed` the numbers).
    init: "imagenet" or "coco" starts from weights published for these data, where the algorithm knows how.
    state_dict: weights of another program for the network of `variant`: a .safetensors file, one of torch.save (nothing
        in it is executed), or arrays by name. `rename` replaces prefixes of names, {"module.": ""}.
    overrides: fields of the algorithm's Config. For other classes exactly the head starts anew, with a
        HeadReinitialisedWarning that names its weights; other input_channels share what the first layer learned.
    Raises ZooError: RegistryError, BackendError, CheckpointError, WeightsError or ConfigError.
    """
    entry, chosen = find(name), resolve(backend, device)
    checked_precision(chosen.framework, precision)
    start = _begun(entry, checkpoint, variant, init, seed, overrides, state_dict, rename)
    algorithm = _augmented(_algorithm(entry, start.config, start.source), start.identity, start.source)
    engine = _open(entry, start, chosen, precision)
    weights = _fitted(start, engine, algorithm, overrides, is_foreign=state_dict is not None)
    anew = _may_start(entry, algorithm, init) if overrides or init is not None else ()
    _fill(engine, algorithm, weights, start.source, seed, anew)
    return Model(entry, algorithm, engine, start.variant, start.source, start.record, start.sha256, start.about)


@dataclass(frozen=True, eq=False)
class _Start:
    """What a model starts from; weights of None are drawn, identity is what a checkpoint says of itself."""

    config: Any
    weights: Arrays | None
    variant: str
    source: str
    identity: dict[str, Any]

    @property
    def sha256(self) -> str:
        """Of the weight file; "" for weights that come from none."""
        return str(self.identity.get("sha256", ""))

    @property
    def about(self) -> dict[str, Any]:
        """What a weight file says of its origin."""
        return {name: self.identity[name] for name in ABOUT if name in self.identity}

    @property
    def record(self) -> Record | None:
        """What the training images looked like; None when unknown."""
        return read_record(self.identity.get("scope"), self.source)


def _begun(
    entry: Entry,
    checkpoint: str | Path | None,
    variant: str | None,
    init: str | None,
    seed: int,
    overrides: dict[str, Any],
    state_dict: str | Path | Arrays | None,
    rename: Mapping[str, str] | None,
) -> _Start:
    if state_dict is None:
        return _start(entry, checkpoint, variant, init, seed, overrides)
    refuse_both(checkpoint, init)
    return _foreign(_start(entry, None, variant, None, seed, overrides), state_dict, rename)


def _start(
    entry: Entry,
    checkpoint: str | Path | None,
    variant: str | None,
    init: str | None,
    seed: int,
    overrides: dict[str, Any],
) -> _Start:
    if init is not None:
        config, weights, variant = _pretrained(entry, init, variant, overrides)
        return _Start(config, weights, variant, f"{entry.name} from {init}", {})
    if checkpoint is None:
        variant = variant or DEFAULT_VARIANT
        return _Start(_override(entry, _variant(entry, variant), overrides), None, variant, f"random, seed {seed}", {})
    config, found, identity, source = _from_checkpoint(entry, checkpoint, variant, overrides)
    return _Start(config, found, identity["variant"], source, identity)


def _foreign(start: _Start, state_dict: str | Path | Arrays, rename: Mapping[str, str] | None) -> _Start:
    identity: dict[str, Any] = {}
    if isinstance(state_dict, Mapping):
        arrays, source = {name: np.asarray(value) for name, value in state_dict.items()}, "state_dict"
    else:
        arrays, source = read_foreign(state_dict), str(state_dict)
        identity = {ADOPTED: origin_of(state_dict, rename)}
    return replace(start, weights=sound_weights(renamed(arrays, rename), source), source=source, identity=identity)


def check_foreign(
    algorithm: Algorithm[Any], engine: Engine, weights: Arrays, source: str, overrides: dict[str, Any]
) -> None:
    """Raise WeightsError where names or shapes do not fit; with the change of a prefix that helps, if one does."""
    shapes = {n: s for n, s in engine.shapes().items() if n in weights or n.startswith(algorithm.ships)}
    head = tuple(prefix for prefixes in algorithm.heads.values() for prefix in prefixes) if overrides else ()
    try:
        check_fit(shapes, weights, source, head=head)
    except WeightsError as error:
        change = offer(shapes, weights)
        raise (error if change is None else with_offer(error, change)) from None


def _may_start(entry: Entry, algorithm: Algorithm[Any], init: str | None) -> tuple[str, ...]:
    """Return the prefixes of what other names, or published weights, leave to be learned."""
    published = getattr(Package(entry).convert, "ANEW", ()) if init is not None else ()  # what it does not have
    return (*(prefix for prefixes in algorithm.heads.values() for prefix in prefixes), *published)


def _fitted(
    start: _Start, engine: Engine, algorithm: Algorithm[Any], overrides: dict[str, Any], *, is_foreign: bool
) -> Arrays | None:
    """Spread the first layer's kernels over other input channels, where there are any; check weights of others."""
    weights = start.weights
    if weights is not None and "input_channels" in overrides:
        weights = fit_channels(weights, engine.shapes(), overrides["input_channels"])
    if weights is not None and is_foreign:
        check_foreign(algorithm, engine, weights, start.source, overrides)
    return weights


def with_classes(model: Model, classes: tuple[str, ...]) -> Model:
    """Return the model for other classes: the same weights but for the head, which starts anew."""
    algorithm = algorithm_for(model, classes)
    engine = open_engine(Package(model.entry), algorithm.config, model.engine.framework, model.engine.device)
    _fill(engine, algorithm, _body(model.engine.weights(), algorithm), model.source, 0, algorithm.head)
    return Model(model.entry, algorithm, engine, model.variant, model.source, model.record)


def algorithm_for(model: Model, classes: tuple[str, ...]) -> Algorithm[Any]:
    """Return the model's algorithm for other classes, without a network."""
    return model.algorithm.with_config(_override(model.entry, model.config, {"classes": classes}))


def algorithm_of(entry: Entry, variant: str) -> Algorithm[Any]:
    """Return the algorithm of a variant, without a network."""
    return Package(entry).algorithm(_variant(entry, variant))


def _algorithm(entry: Entry, config: Any, source: str) -> Algorithm[Any]:
    """Return the algorithm of a configuration whose values are allowed one by one, but perhaps not together."""
    try:
        return Package(entry).algorithm(config)
    except (ArithmeticError, LookupError, ValueError, MemoryError) as error:  # such as 2 to the power of a billion
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{source}: {entry.name} cannot work with this configuration ({reason:.200})") from error


def _augmented(algorithm: Algorithm[Any], identity: dict[str, Any], source: str) -> Algorithm[Any]:
    """Return the algorithm with the augmentation that a checkpoint was trained with; mirrored views follow it."""
    if "augmentation" not in identity:
        return algorithm
    return algorithm.with_augmentation(build_record(type(algorithm.augmentation), identity["augmentation"], source))


def _body(weights: Arrays, algorithm: Algorithm[Any]) -> Arrays:
    return {name: value for name, value in weights.items() if not name.startswith(algorithm.head)}


def _open(entry: Entry, start: _Start, backend: Backend, precision: str) -> Engine:
    network, place = (Package(entry), start.config), (backend.framework, backend.device)
    if start.weights is None:
        return open_asked(*network, *place, precision)
    return open_described(*network, *place, start.weights, start.source, precision)


def _fill(
    engine: Engine,
    algorithm: Algorithm[Any],
    weights: Arrays | None,
    source: str,
    seed: int,
    may_start: tuple[str, ...],
) -> None:
    if not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"seed={seed!r} given; expected a whole number, 0 or more")
    shapes = engine.shapes()
    if weights is None:
        engine.load(initial_weights(shapes, algorithm.initialise, seed))
        return
    needed = {n: s for n, s in shapes.items() if n in weights or n.startswith(algorithm.ships)}
    anew = check_fit(needed, weights, source, head=may_start)
    if anew:
        warnings.warn(
            f"{source}: {len(anew)} weights of the head start anew: {', '.join(anew)}; train before use",
            HeadReinitialisedWarning,
            stacklevel=4,
        )
    drawn = [n for n in shapes if n in anew or n not in needed]
    fresh = initial_weights({name: shapes[name] for name in drawn}, algorithm.initialise, seed)
    engine.load({**{n: np.asarray(weights[n]) for n in shapes if n not in fresh}, **fresh})


def _from_checkpoint(
    entry: Entry, checkpoint: str | Path, variant: str | None, overrides: dict[str, Any]
) -> tuple[Any, Arrays, dict[str, Any], str]:
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
    weights: Arrays = own_weights(sound_weights(file.arrays(), str(path)))
    changed = _override(entry, config, overrides)
    heads = _algorithm(entry, changed, str(path)).heads
    other = tuple(
        n for field, names in heads.items() if getattr(changed, field) != getattr(config, field) for n in names
    )
    kept = {name: value for name, value in weights.items() if not name.startswith(other)}
    return changed, kept, {**identity, "sha256": file.sha256}, str(path)


def _pretrained(entry: Entry, init: str, variant: str | None, overrides: dict[str, Any]) -> tuple[Any, Arrays, str]:
    from zoo.weights.places import read_pretrained

    convert = Package(entry).convert if Package(entry).has_converter else None
    sources: dict[str, tuple[str, str]] = getattr(convert, str(init).upper(), {})
    if convert is None or not sources:
        raise ConfigError(f"{entry.name} cannot start from {init!r}; use checkpoint='default' or None")
    variant = variant or next(iter(sources))
    if variant not in sources:
        raise ConfigError(f"{entry.name} has no {init} weights for {variant!r}; expected one of {', '.join(sources)}")
    config = _override(entry, _variant(entry, variant), overrides)
    path, file = read_pretrained(*sources[variant])
    return config, sound_weights(convert.convert(file.arrays(), config), str(path)), variant


def _variant(entry: Entry, variant: str) -> Any:
    variants = Package(entry).config.VARIANTS
    if variant not in variants:
        raise ConfigError(f"{entry.name} has no variant {variant!r}; expected one of {', '.join(variants)}")
    return variants[variant]


def _override(entry: Entry, config: Any, changes: dict[str, Any]) -> Any:
    """Change fields of a configuration; what holds for the old classes alone goes back to its default."""
    algorithm, fresh, reset = Package(entry).algorithm, type(config)(), dict[str, Any]()
    for field, dependent in {"classes": algorithm.of_classes, **algorithm.of_names}.items():
        if field in changes and changes[field] not in (getattr(config, field), list(getattr(config, field))):
            reset |= {name: getattr(fresh, name) for name in dependent}
    return replace_fields(config, {**reset, **changes}, entry.name)
