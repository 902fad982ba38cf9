"""Records refuse what their fields do not allow, and say field, value and what is allowed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.common.errors import ConfigError
from zoo.common.recipe import Recipe
from zoo.common.records import build_record, remarks
from zoo.loading import algorithm_of
from zoo.registry import load_registry
from zoo.training.loop import recipe_of

WRONG = [
    ("optimiser", "adagrad"), ("optimiser", "SGD"), ("learning_rate", -1e-3), ("learning_rate", float("nan")),
    ("learning_rate", float("inf")), ("weight_decay", -1.0), ("ema_decay", 1.5), ("ema_decay", 1.0), ("momentum", -0.1),
    ("epochs", 0), ("epochs", 2.5), ("epochs", True), ("epochs", "many"), ("batch_size", 0), ("seed", -1),
    ("seed", 2**32), ("patience", -1), ("clip_norm", -1.0), ("warmup_epochs", -1.0), ("final_factor", 2.0),
    ("body_factor", -1.0), ("freeze", "layer1."), ("freeze", (1,)), ("mixed_precision", 1),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_recipe_names_field_value_and_what_is_allowed(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^training option: {field} is .*; expected "):
        build_record(Recipe, {field: value}, "training option")
    with pytest.raises(ConfigError, match=field):
        Recipe(**{field: value})


def test_every_field_of_a_recipe_is_explained() -> None:
    assert set(remarks(Recipe)) == {field.name for field in dataclasses.fields(Recipe)}


def test_whole_numbers_do_for_rates_and_lists_for_tuples() -> None:
    recipe = build_record(Recipe, {"learning_rate": 1, "freeze": ["stem."]}, "x")

    assert (recipe.learning_rate, recipe.freeze) == (1, ("stem.",))


def test_numbers_of_numpy_become_plain_ones() -> None:
    recipe = build_record(Recipe, {"epochs": np.int64(3), "learning_rate": np.float32(0.5)}, "x")

    assert (type(recipe.epochs), type(recipe.learning_rate), recipe.epochs) == (int, float, 3)


@pytest.mark.parametrize("entry", load_registry().values(), ids=lambda entry: entry.name)
def test_every_variant_and_recipe_is_allowed(entry: Any) -> None:
    import importlib

    module = importlib.import_module(f"zoo.models.{entry.package}.config")

    for variant in module.VARIANTS:
        assert algorithm_of(entry, variant).config == module.VARIANTS[variant]
        assert recipe_of(entry, variant).epochs > 0


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("Covid-ResNet", "width", 0), ("Covid-ResNet", "std", (0.0,)), ("Covid-ResNet", "layers", (1, 1, 1)),
        ("Covid-ResNet", "classes", ()), ("Covid-ResNet", "classes", ("a", "")), ("Covid-ResNet", "threshold", 1.0),
        ("Covid-ResNet", "class_weights", (-1.0, 1.0)), ("Covid-Transformer", "dim", 0), ("TS-CAM", "drop_path", 1.0),
        ("EllipseNet", "preset", "knee"), ("EllipseNet", "heads", "none"), ("EllipseNet", "channels", (4, 4)),
        ("EllipseNet", "input_size", (60, 64)), ("EllipseNet", "classes", ("a", "a")), ("EllipseNet-Fit", "levels", 0),
        ("2D-UNet", "width", -3), ("3D-UNet", "mirrored", (3,)), ("3D-UNet", "overlap", 1.0), ("UNETR", "taps", (1, 2)),
    ],
)  # fmt: skip
def test_a_wrong_configuration_is_refused_by_field(name: str, field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=field):
        zoo.load(name, checkpoint=None, variant="tiny", **{field: value})


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ConfigError, match="seed=-1"):
        zoo.load("Covid-ResNet", checkpoint=None, variant="tiny", seed=-1)


def test_recipes_of_shipped_logs_are_still_allowed() -> None:
    for path in sorted((Path(__file__).parents[2] / "checkpoints").rglob("*.log.jsonl")):
        start = json.loads(path.read_text().splitlines()[0])
        build_record(Recipe, start["recipe"], str(path))
