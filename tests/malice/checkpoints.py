"""Weight files that are sound safetensors and lie in what they say: name -> content."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from safetensors.numpy import save

Arrays = dict[str, np.ndarray]
Identity = dict[str, Any]


def checkpoints(weights: Arrays, identity: Identity) -> dict[str, bytes]:
    """Build what somebody may make of a good checkpoint."""
    texts = {f"identity_{name}": text for name, text in _identities(identity).items()}
    changed = {f"config_{name}": json.dumps(_with(identity, change)) for name, change in _configs().items()}
    good = json.dumps(identity)
    values = {f"weights_{name}": arrays for name, arrays in _values(weights).items()}
    files = {name: save(weights, {"zoo": text}) for name, text in (texts | changed).items()}
    files |= {name: save(arrays, {"zoo": good}) for name, arrays in values.items()}
    return {f"{name}.safetensors": content for name, content in files.items()}


def _identities(identity: Identity) -> dict[str, str]:
    nested: Any = []
    for _ in range(400):
        nested = [nested]
    return {
        "nested": "[" * 100_000,
        "nested_tables": '{"a":' * 100_000,
        "list": "[1]",
        "text": '"EllipseNet"',
        "nothing": "null",
        "empty": "{}",
        "not_json": "{algorithm: x}",
        "config_is_a_list": json.dumps({**identity, "config": [1]}),
        "config_is_text": json.dumps({**identity, "config": "small"}),
        "config_is_null": json.dumps({**identity, "config": None}),
        "config_is_empty": json.dumps({**identity, "config": {}}),
        "config_is_nested": json.dumps({**identity, "config": {**identity["config"], "classes": nested}}),
        "variant_is_a_list": json.dumps({**identity, "variant": ["tiny"]}),
        "algorithm_is_a_number": json.dumps({**identity, "algorithm": 5}),
        "algorithm_is_another": json.dumps({**identity, "algorithm": "x" * 100_000}),
        "not_a_number": json.dumps({**identity, "config": {**identity["config"], "threshold": float("nan")}}),
        "infinite": json.dumps(identity).replace('"threshold": 0.5', '"threshold": 1e999'),
    }


def _configs() -> dict[str, Callable[[Identity], Identity]]:
    return {
        "wide": lambda c: {**c, "width": 100_000},
        "too_wide_to_count": lambda c: {**c, "width": 10**15},
        "beyond_64_bits": lambda c: {**c, "width": 10**30},
        "negative": lambda c: {**c, "width": -8},
        "zero": lambda c: {**c, "width": 0},
        "deep": lambda c: {**c, "layers": [10**9, 1, 1, 1]},
        "three_stages": lambda c: {**c, "layers": [1, 1, 1]},
        "text_layers": lambda c: {**c, "layers": ["1", "1", "1", "1"]},
        "many_channels": lambda c: {**c, "input_channels": 10**9, "mean": [0.5], "std": [0.5]},
        "many_classes": lambda c: {**c, "classes": [str(i) for i in range(100_000)]},
        "nested_classes": lambda c: {**c, "classes": [["a"], ["b"]]},
        "unknown_field": lambda c: {**c, "command": "rm"},
        "missing_field": lambda c: {k: v for k, v in c.items() if k != "bottleneck"},
    }


def _with(identity: Identity, change: Callable[[Identity], Identity]) -> Identity:
    return {**identity, "config": change(identity["config"])}


def _values(weights: Arrays) -> dict[str, Arrays]:
    kernel, variance = "conv1.weight", "bn1.running_var"

    def one(name: str, value: float) -> Arrays:
        changed = weights[name].copy()
        changed.reshape(-1)[0] = value
        return {**weights, name: changed}

    wide = weights[kernel].astype(np.float64)
    wide.reshape(-1)[0] = 1e39
    return {
        "nan": one(kernel, float("nan")),
        "inf": one(kernel, float("inf")),
        "negative_variance": one(variance, -1e-3),
        "int8": {**weights, kernel: weights[kernel].astype(np.int8)},
        "bool": {**weights, kernel: weights[kernel] > 0},
        "int64": {**weights, kernel: weights[kernel].astype(np.int64)},
        "beyond_float32": {**weights, kernel: wide},
        "missing": {name: value for name, value in weights.items() if name != kernel},
        "of_other_shape": {**weights, kernel: weights[kernel][:, :, :-1]},
    }
