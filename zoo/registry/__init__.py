"""The list of algorithms: reads and validates registry.yaml, finds an entry by its name."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError, model_validator

from zoo.common.errors import BackendError, RegistryError
from zoo.common.labels import TASKS
from zoo.engines.backends import NAMES
from zoo.registry.package import OWN, Package
from zoo.registry.strict_yaml import parse

HERE = Path(__file__).resolve().parent.parent
SHOWN = 8  # problems in one message before the count takes over

Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[StrictStr, ...], Field(strict=False)]  # YAML has lists only
Safetensors = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*/[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors$")]
Log = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*/[A-Za-z0-9][A-Za-z0-9._-]*\.log\.jsonl$")]
Web = Annotated[str, Field(pattern=r"^https?://\S+$")]
Hub = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")]
Metrics = dict[Text, float]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Input(_Strict):
    """What an algorithm looks at."""

    modality: Text
    dimensions: Annotated[int, Field(ge=2, le=3)]
    channels: Annotated[int, Field(ge=1)]


class Paper(_Strict):
    """Where an algorithm was described."""

    title: Text
    year: Annotated[int, Field(ge=1950, le=2100)]
    url: Web


class Reported(_Strict):
    """The published figures: the original authors' and OpenMedIA's per framework."""

    dataset: Text
    metric: Text
    original: float | None = None
    openmedia: Metrics = {}
    note: Text | None = None


class Dataset(_Strict):
    """What a checkpoint was trained on."""

    name: Text
    licence: Text
    split: Text


class Trained(_Strict):
    """How a checkpoint came about."""

    framework: Annotated[str, Field(pattern=r"^(torch|mindspore)$")]
    device: Text
    seed: Annotated[int, Field(ge=0)]
    versions: Text


class Checkpoint(_Strict):
    """One trained weight file: where it is, what it must contain, and what it reaches."""

    name: Text
    default: bool = False
    file: Safetensors
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(gt=0)]
    log: Log
    dataset: Dataset
    trained: Trained
    metrics: dict[Annotated[str, Field(pattern=r"^(torch|mindspore)$")], Metrics]


class Origin(_Strict):
    """Whose an algorithm is; never written in a registry file, but known from where the file lies."""

    plugin: str | None = None  # the installed package that brings it; None for the zoo's own
    module: str = OWN  # packages of algorithms are found in it
    registry: str = "registry.yaml"
    checkpoints: Path | None = None  # a plug-in's own folder of weight files
    hub: str | None = None  # of a plug-in


class Entry(_Strict):
    """One algorithm."""

    origin: Origin = Field(default=Origin(), exclude=True)
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")]
    package: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    class_name: Annotated[str, Field(alias="class", pattern=r"^[A-Z][A-Za-z0-9]*$")]
    aliases: Texts = ()
    task: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]  # of common/labels.py, or its own
    summary: Text
    input: Input
    paper: Paper
    reported: Reported
    licence: Text
    checkpoints: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")], Checkpoint]

    @property
    def default_checkpoint(self) -> Checkpoint | None:
        """The checkpoint that `zoo.load(name)` opens; None while the algorithm has no trained weights."""
        return next((checkpoint for checkpoint in self.checkpoints.values() if checkpoint.default), None)

    @property
    def frameworks(self) -> tuple[str, ...]:
        """The frameworks the network is written in, found without importing any."""
        return Package(self).frameworks

    def checkpoint(self, name: str) -> Checkpoint:
        """Find one of the checkpoints by its name."""
        if name in self.checkpoints:
            return self.checkpoints[name]
        known = ", ".join(self.checkpoints) or "none yet"
        raise RegistryError(f"{self.name}: no checkpoint {name!r}; registered: {known}. A file is given by its path")

    @model_validator(mode="after")
    def _consistent(self) -> Entry:
        near = difflib.get_close_matches(self.task, TASKS, n=1, cutoff=0.85)
        if self.task not in TASKS and near:
            raise ValueError(
                f"task {self.task!r} is unknown; did you mean {near[0]!r}? A task of its own is called otherwise"
            )
        if "default" in self.checkpoints:
            raise ValueError("a checkpoint cannot be called `default`; that name stands for the one with default: true")
        defaults = [name for name, checkpoint in self.checkpoints.items() if checkpoint.default]
        if self.checkpoints and len(defaults) != 1:
            raise ValueError(f"{len(defaults)} checkpoints say `default: true`; expected exactly one")
        for name, checkpoint in self.checkpoints.items():
            for path in (checkpoint.file, checkpoint.log):
                if not path.startswith(f"{self.package}/"):
                    raise ValueError(f"checkpoint {name}: {path} is not in the folder {self.package}/")
        return self


class _Models(_Strict):
    models: dict[str, Entry]

    @model_validator(mode="after")
    def _unambiguous(self) -> _Models:
        owners: dict[str, str] = {}
        for entry in self.models.values():
            for spelling in spellings(entry):
                if spelling in owners:
                    raise ValueError(f"{entry.name} and {owners[spelling]} are both found as {spelling!r}")
                owners[spelling] = entry.name
        packages = [entry.package for entry in self.models.values()]
        if twice := sorted({p for p in packages if packages.count(p) > 1}):
            raise ValueError(f"two entries name the package {twice[0]}")
        return self


class Registry(_Models):
    """The whole file."""

    hub: Hub


class PluginRegistry(_Models):
    """The file that an installed plug-in brings."""

    hub: Hub | None = None


M = TypeVar("M", bound=_Models)


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


def load_registry(path: Path | str | None = None) -> dict[str, Entry]:
    """Read the algorithms by name: those of one file, or without a path the zoo's own, then those of plug-ins."""
    own = read_registry(path).models
    if path is not None:
        return own
    from zoo.registry.plugins import read_plugins

    return {**own, **read_plugins(own)}


def find(name: str, registry: dict[str, Entry] | None = None) -> Entry:
    """Find an algorithm whatever the case, hyphens, underscores or blanks of its name, also by an alias."""
    if not isinstance(name, str):
        raise RegistryError(f"{name!r} given as the name of an algorithm; expected text. `zoo list` shows all")
    entries = load_registry() if registry is None else registry
    found = {spelling: entry for entry in entries.values() for spelling in spellings(entry)}
    if _plain(name) in found:
        return found[_plain(name)]
    near = difflib.get_close_matches(_plain(name), found, n=3, cutoff=0.6)
    names = list(dict.fromkeys(found[s].name for s in near))
    hint = f"did you mean {' or '.join(names)}?" if names else f"registered are {', '.join(entries)}."
    raise RegistryError(f"no algorithm is called {name!r}; {hint} `zoo list` shows all")


def list_models(task: str | None = None, backend: str | None = None) -> list[str]:
    """Name the algorithms, all or those of one task or one backend (torch, mindspore, nvidia, ascend ...)."""
    registry = load_registry()
    tasks = dict.fromkeys((*TASKS, *(entry.task for entry in registry.values())))
    if task is not None and task not in tasks:
        raise RegistryError(f"task {task!r} is unknown; expected one of {', '.join(tasks)}")
    if backend is not None and backend.lower() not in NAMES:
        raise BackendError(f"backend {backend!r} is unknown; expected one of {', '.join(NAMES)}")
    framework = NAMES[backend.lower()][0] if backend is not None else None
    entries = [entry for entry in registry.values() if task in (None, entry.task)]
    return [entry.name for entry in entries if framework is None or framework in entry.frameworks]


def info(name: str) -> Entry:
    """Look up everything the registry knows of an algorithm."""
    return find(name)


def spellings(entry: Entry) -> list[str]:
    """List under which plain spellings an algorithm is found."""
    return list(dict.fromkeys(_plain(s) for s in (entry.name, *entry.aliases)))


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()


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
