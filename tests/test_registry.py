"""registry.yaml: every strictness rule, how names are found, and that the shipped file is true."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo.common.errors import RegistryError
from zoo.registry import Entry, load_registry

ROOT = Path(__file__).parents[1]
CHECKPOINT: dict[str, Any] = {
    "default": True,
    "file": "alpha/small.safetensors",
    "sha256": "ab" * 32,
    "bytes": 9_200_000,
    "log": "alpha/small.log.jsonl",
    "dataset": {"name": "HC18", "licence": "CC-BY-4.0", "split": "official"},
    "trained": {"framework": "torch", "device": "CPU", "seed": 0, "versions": "torch 2"},
    "metrics": {"torch": {"dice": 0.95}, "mindspore": {"dice": 0.95}},
}
ENTRY: dict[str, Any] = {
    "package": "alpha",
    "class": "Alpha",
    "aliases": ["First-Net"],
    "task": "classification",
    "summary": "Tells one from two.",
    "input": {"modality": "CT", "dimensions": 2, "channels": 1},
    "paper": {"title": "On alpha", "year": 2021, "url": "https://example.org/alpha"},
    "reported": {"dataset": "D", "metric": "accuracy", "original": 0.9, "openmedia": {"torch": 0.9}},
    "licence": "Apache-2.0",
    "checkpoints": {"small": CHECKPOINT},
}
TABLES = [
    (),
    *((name,) for name in ("input", "paper", "reported")),
    ("checkpoints", "small"),
    *(("checkpoints", "small", name) for name in ("dataset", "trained")),
]
OPTIONAL = {("aliases",), ("reported", "original"), ("reported", "openmedia"), ("checkpoints", "small", "default")}
WRONG: list[Any] = [True, 7, 7.5, "?!", None, ["x"], {"x": "y"}]


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Name every field that is not a table of fields."""
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from leaves(inner, (*path, key))
        else:
            yield (*path, key)


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    """Write a registry after a change to its one entry."""
    entry = copy.deepcopy(ENTRY)
    change(entry)
    return yaml.safe_dump({"hub": "some/where", "models": {"Alpha-Net": entry}}, sort_keys=False)


def inside(entry: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Go to the table that holds the last name of the path."""
    for key in path[:-1]:
        entry = entry[key]
    return entry


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], dict[str, Entry]]:
    """Read a registry from its text."""

    def reader(text: str) -> dict[str, Entry]:
        path = tmp_path / "registry.yaml"
        path.write_text(text)
        return load_registry(path)

    return reader


Read = Callable[[str], dict[str, Entry]]


def test_a_sound_registry_is_read(read: Read) -> None:
    entry = read(changed(lambda e: None))["Alpha-Net"]

    assert (entry.name, entry.class_name, entry.aliases) == ("Alpha-Net", "Alpha", ("First-Net",))
    assert entry.default_checkpoint is entry.checkpoints["small"] is entry.checkpoint("small")
    assert entry.checkpoints["small"].name == "small"


@pytest.mark.parametrize("path", [p for p in leaves(ENTRY) if p not in OPTIONAL and "metrics" not in p], ids=".".join)
def test_a_missing_field_is_named(read: Read, path: tuple[str, ...]) -> None:
    if "openmedia" in path:
        return

    with pytest.raises(RegistryError, match=rf"Alpha-Net.*\.?{path[-1]}: Field required"):
        read(changed(lambda e: inside(e, path).pop(path[-1])))


@pytest.mark.parametrize("path", TABLES, ids=".".join)
def test_an_unknown_field_is_named(read: Read, path: tuple[str, ...]) -> None:
    with pytest.raises(RegistryError, match=r"Alpha-Net.*surprise: Extra inputs are not permitted"):
        read(changed(lambda e: inside(e, (*path, "surprise")).update(surprise=1)))


@pytest.mark.parametrize("path", list(leaves(ENTRY)), ids=".".join)
def test_a_value_of_another_type_is_named(read: Read, path: tuple[str, ...]) -> None:
    right = inside(ENTRY, path)[path[-1]]
    accepted = []
    for wrong in WRONG:
        same_type = type(wrong) is type(right) or (isinstance(right, float) and type(wrong) is int)
        if same_type or (wrong is None and path[-1] in ("original", "note")):
            continue
        try:
            read(changed(lambda e, wrong=wrong: inside(e, path).update({path[-1]: wrong})))
            accepted.append(wrong)
        except RegistryError as error:
            assert "Alpha-Net" in str(error)
            assert path[-1] in str(error)

    assert accepted == []


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("package",), "Alpha"),
        (("package",), "../alpha"),
        (("class",), "alpha"),
        (("task",), "mind reading"),
        (("task",), "segmentatoin"),
        (("summary",), ""),
        (("input", "dimensions"), 4),
        (("input", "channels"), 0),
        (("paper", "year"), 1066),
        (("paper", "url"), "example.org"),
        (("reported", "original"), float("inf")),
        (("checkpoints", "small", "file"), "beta/small.safetensors"),
        (("checkpoints", "small", "file"), "alpha/../../small.safetensors"),
        (("checkpoints", "small", "file"), "/alpha/small.safetensors"),
        (("checkpoints", "small", "file"), "alpha/small.pth"),
        (("checkpoints", "small", "log"), "alpha/small.txt"),
        (("checkpoints", "small", "sha256"), "ab" * 31),
        (("checkpoints", "small", "sha256"), "AB" * 32),
        (("checkpoints", "small", "bytes"), 0),
        (("checkpoints", "small", "default"), False),
        (("checkpoints", "small", "trained", "framework"), "keras"),
        (("checkpoints", "small", "trained", "seed"), -1),
        (("checkpoints", "small", "metrics", "torch"), {"dice": float("nan")}),
        (("checkpoints", "small", "metrics"), {"keras": {"dice": 0.9}}),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else None,
)
def test_a_value_out_of_range_is_refused(read: Read, path: tuple[str, ...], wrong: object) -> None:
    with pytest.raises(RegistryError, match="Alpha-Net"):
        read(changed(lambda e: inside(e, path).update({path[-1]: wrong})))


def test_a_number_too_large_to_hold_is_refused(read: Read) -> None:
    text = changed(lambda e: None).replace("original: 0.9", "original: 1e999")

    with pytest.raises(RegistryError, match=r"Alpha-Net\.reported\.original"):
        read(text)


def test_two_defaults_are_refused(read: Read) -> None:
    with pytest.raises(RegistryError, match="2 checkpoints say"):
        read(changed(lambda e: e["checkpoints"].update(other=CHECKPOINT)))


@pytest.mark.parametrize("name", ["default", "a/b", "small.safetensors", "-x"])
def test_a_checkpoint_name_that_could_be_a_path_is_refused(read: Read, name: str) -> None:
    with pytest.raises(RegistryError, match="Alpha-Net"):
        read(changed(lambda e: e.update(checkpoints={name: CHECKPOINT})))


def test_the_name_is_not_written_twice(read: Read) -> None:
    with pytest.raises(RegistryError, match="the key is the name"):
        read(changed(lambda e: e.update(name="Alpha-Net")))


def test_no_checkpoint_yet_is_fine(read: Read) -> None:
    entry = read(changed(lambda e: e.update(checkpoints={})))["Alpha-Net"]

    assert entry.default_checkpoint is None
    with pytest.raises(RegistryError, match="none yet"):
        entry.checkpoint("small")


def two(second: str, **fields: object) -> str:
    """Write a registry of two entries."""
    other = {**copy.deepcopy(ENTRY), "package": "beta", "aliases": [], "checkpoints": {}, **fields}
    return yaml.safe_dump({"hub": "some/where", "models": {"Alpha-Net": ENTRY, second: other}})


@pytest.mark.parametrize("name", ["alpha-net", "AlphaNet", "first-net"])
def test_names_that_are_found_alike_are_refused(read: Read, name: str) -> None:
    with pytest.raises(RegistryError, match="both found as"):
        read(two(name))


def test_an_alias_of_another_entrys_name_is_refused(read: Read) -> None:
    with pytest.raises(RegistryError, match="both found as"):
        read(two("Beta", aliases=["ALPHANET"]))


def test_two_entries_of_one_package_are_refused(read: Read) -> None:
    with pytest.raises(RegistryError, match="package alpha"):
        read(two("Beta", package="alpha"))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("summary: a\n    summary: b", "line 5: the key 'summary' stands twice"),
        ("1: a", "not text"),
        ("yes: a", "Alpha-Net.yes: Extra"),
        ("summary: *x", "alias"),
        ("summary: &x [*x]", "alias"),
        ("summary: 2021-01-01T00:00:00", "Alpha-Net.input: Field required"),
        ("summary: [a", "line"),
        ("summary: !!binary aGk=", "tag"),
        ("\tsummary: a", "line"),
    ],
)
def test_the_surprises_of_yaml_are_refused(read: Read, line: str, problem: str) -> None:
    with pytest.raises(RegistryError, match=problem):
        read(f"hub: some/where\nmodels:\n  Alpha-Net:\n    {line}\n")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-4", 1e-4), ("1E3", 1000.0), (".5", 0.5), ("-3.", -3.0), ("7", 7), ("-7", -7), ("no", "no"), ("Yes", "Yes"),
     ("on", "on"), ("1:30", "1:30"), ("010", "010"), ("0x10", "0x10"), ("1_000", "1_000"), ("2021-01-01", "2021-01-01"),
     ("true", True), ("null", None), ("~", None), (".nan", ".nan"), ("=", "="), ("<<", "<<")],
)  # fmt: skip
def test_values_are_read_as_they_look(text: str, value: object) -> None:
    from zoo.registry.strict_yaml import parse

    read = parse(f"key: {text}", "test")["key"]

    assert read == value and type(read) is type(value)


@pytest.mark.parametrize("text", ["", "[]", "text", "hub: some/where", "models: {}", "hub: nowhere\nmodels: {}"])
def test_another_shape_is_refused(read: Read, text: str) -> None:
    with pytest.raises(RegistryError, match=r"registry\.yaml"):
        read(text)


def test_many_problems_make_a_short_message(read: Read) -> None:
    with pytest.raises(RegistryError) as caught:
        read(changed(lambda e: [e.update({f"extra{i}": i}) for i in range(40)]))

    assert len(str(caught.value).splitlines()) <= 12


def test_a_baseline_of_what_was_not_measured_is_refused(read: Read) -> None:
    with pytest.raises(RegistryError, match="a baseline of speed, which was not measured"):
        read(changed(lambda e: e["checkpoints"]["small"].update(baselines={"a guess": {"speed": 0.5}})))


def test_every_shipped_figure_has_a_baseline_that_was_measured() -> None:
    for entry in load_registry(ROOT / "registry.yaml").values():
        card = (ROOT / "models" / entry.package / "README.md").read_text(encoding="utf-8")
        for checkpoint in entry.checkpoints.values():
            log = (ROOT / "checkpoints" / checkpoint.log).read_text(encoding="utf-8").splitlines()
            ends = [event for event in map(json.loads, log) if event.get("event") == "end"]
            logged = ends[-1]["test"]["baseline"]
            assert set(checkpoint.to_beat) == set(checkpoint.metrics["torch"]), checkpoint.log
            for name, figures in checkpoint.baselines.items():
                for metric, value in figures.items():
                    in_card = f"{value:.2f}" in card or f"{value:.3f}" in card
                    assert abs(logged[metric] - value) < 1e-4 or in_card, (checkpoint.log, name, metric)
