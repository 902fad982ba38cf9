"""What stands in a registry file: every field, strictly."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr, model_validator

from zoo.common.errors import RegistryError
from zoo.common.labels import TASKS
from zoo.registry.package import OWN, Package

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
    baselines: dict[Text, Metrics] = {}  # what is trivial reaches on the same cases, by its name; the first counts most

    @property
    def to_beat(self) -> dict[str, tuple[float, str]]:
        """For each measured figure, what the trivial answer reaches, and which that is."""
        found: dict[str, tuple[float, str]] = {}
        for name, figures in self.baselines.items():
            for metric, value in figures.items():
                found.setdefault(metric, (value, name))
        return found


class Code(_Strict):
    """A concept of a terminology, as DICOM objects name it; SCT is SNOMED CT."""

    value: Text
    meaning: Text
    scheme: Text = "SCT"


CATEGORIES = {  # of DICOM's context group 7150
    "anatomy": Code(value="91723000", meaning="Anatomical Structure"),
    "abnormality": Code(value="49755003", meaning="Morphologically Abnormal Structure"),
    "tissue": Code(value="85756007", meaning="Tissue"),
}


class Kind(_Strict):
    """What a class is in the words of others: a key of CATEGORIES, and the code of the thing itself."""

    is_a: Annotated[str, Field(alias="is", pattern=f"^({'|'.join(CATEGORIES)})$")]
    type: Code

    @property
    def category(self) -> Code:
        """The code of the category."""
        return CATEGORIES[self.is_a]


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
    codes: dict[Text, Kind] = {}  # by the name of a class
    checkpoints: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")], Checkpoint]

    @property
    def default_checkpoint(self) -> Checkpoint | None:
        """The checkpoint that `zoo.load(name)` opens; None while the algorithm has no trained weights."""
        return next((checkpoint for checkpoint in self.checkpoints.values() if checkpoint.default), None)

    @property
    def frameworks(self) -> tuple[str, ...]:
        """The frameworks the network is written in, found without importing any."""
        return Package(self).frameworks

    def _repr_html_(self) -> str:
        """Show the entry in notebooks."""
        from zoo.notebook import entry_html

        return entry_html(self)

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
            known = {metric for figures in checkpoint.metrics.values() for metric in figures}
            if strange := sorted(set(checkpoint.to_beat) - known):
                raise ValueError(f"checkpoint {name}: a baseline of {strange[0]}, which was not measured")
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


def spellings(entry: Entry) -> list[str]:
    """List under which plain spellings an algorithm is found."""
    return list(dict.fromkeys(plain(s) for s in (entry.name, *entry.aliases)))


def plain(name: str) -> str:
    """Reduce a name to what counts when it is looked up."""
    return re.sub(r"[\s_-]+", "", name).casefold()
