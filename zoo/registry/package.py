"""The modules behind a registry entry, each imported when asked for: configuration, algorithm, networks, losses."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from zoo.common.errors import RegistryError

if TYPE_CHECKING:
    from zoo.common.algorithm import Algorithm
    from zoo.common.types import Arrays
    from zoo.registry.entries import Entry

FRAMEWORKS = ("torch", "mindspore")
OWN = "zoo.models"  # where the zoo's own algorithms live


@dataclass(frozen=True)
class Package:
    """The code of one algorithm, wherever it is installed."""

    entry: Entry

    @property
    def module(self) -> str:
        """Its import name, such as zoo.models.unet2d."""
        return f"{self.entry.origin.module}.{self.entry.package}"

    @property
    def config(self) -> ModuleType:
        """The module with Config, VARIANTS and RECIPES."""
        return self._import("config")

    @property
    def algorithm(self) -> type[Algorithm[Any]]:
        """The algorithm's class; RegistryError when it is not there or serves another task than the entry says."""
        module = self._import("algorithm")
        found: type[Algorithm[Any]] | None = getattr(module, self.entry.class_name, None)
        if found is None:
            raise RegistryError(
                f"{self.entry.name}: {module.__name__} has no class {self.entry.class_name}; correct `class` in "
                f"{self.entry.origin.registry}"
            )
        if found.task != self.entry.task:
            raise RegistryError(
                f"{self.entry.name}: the class {self.entry.class_name} is for {found.task}, but "
                f"{self.entry.origin.registry} says {self.entry.task}; make them agree"
            )
        return found

    @property
    def has_converter(self) -> bool:
        """Whether there is a module that takes over published weights."""
        return any((folder / "convert.py").is_file() for folder in self.folders)

    @property
    def convert(self) -> ModuleType:
        """The module that takes over published weights."""
        return self._import("convert")

    def net(self, framework: str) -> Callable[..., Any]:
        """The class of the network in one framework; imports that framework only."""
        found: Callable[..., Any] = self._import(f"net_{framework}").Net
        return found

    def part(self, framework: str, kind: str) -> Callable[..., Any]:
        """The class of a network, or of a further decoder for one; RegistryError where there is no such decoder."""
        if kind == "network":
            return self.net(framework)
        part, _, way = kind.partition("-")
        found: Callable[..., Any] | None = getattr(self._import(f"net_{framework}"), part.capitalize(), None)
        if found is None:
            raise RegistryError(f"{self.entry.name}: its network has no further {part}; expected an entry that has one")
        return partial(found, up=way) if way else found

    def losses(self, framework: str) -> Callable[..., Any] | None:
        """The loss of what a network puts out, in one framework; None where there is an objective instead."""
        found: Callable[..., Any] | None = getattr(self._import(f"loss_{framework}"), "losses", None)
        return found

    def objective(self, framework: str) -> Callable[..., Any] | None:
        """The loss that needs the network itself, in one framework; None where there is none, see Algorithm."""
        found: Callable[..., Any] | None = getattr(self._import(f"loss_{framework}"), "objective", None)
        return found

    @property
    def stage_modules(self) -> tuple[str, ...]:
        """The modules of a network that goes through NumPy on its way, and is no single graph; none for most.

        `stages_torch.stages(net)` gives its parts by name; `stages.forward(run, inputs, config)` runs them, in NumPy.
        """
        return tuple(
            f"{self.module}.{part}"
            for part in ("stages", "stages_torch")
            if any((folder / f"{part}.py").is_file() for folder in self.folders)
        )

    def stages(self, net: Any) -> dict[str, Any]:
        """Return the parts that a PyTorch network is exported in."""
        found: dict[str, Any] = self._import("stages_torch").stages(net) if self.stage_modules else {"net": net}
        return found

    def run_stages(self, run: Mapping[str, Callable[..., Arrays]], inputs: Arrays, config: Any) -> dict[str, Any]:
        """Run the network by its parts, functions of arrays in their order; returns its outputs."""
        if not self.stage_modules:
            return dict(run["net"](*inputs.values()))
        outputs: dict[str, Any] = self._import("stages").forward(run, inputs, config)
        return outputs

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where its files may lie, found without importing anything of it."""
        return tuple(folder / self.entry.package for folder in folders_of(self.entry.origin.module))

    @property
    def frameworks(self) -> tuple[str, ...]:
        """The frameworks that its network is written in."""
        return tuple(f for f in FRAMEWORKS if any((folder / f"net_{f}.py").is_file() for folder in self.folders))

    def _import(self, part: str) -> ModuleType:
        name = f"{self.module}.{part}"
        try:
            return importlib.import_module(name)
        except Exception as error:
            if self.entry.origin.plugin is None:
                raise
            # somebody else's code: whatever it raises, the user has to know whose it is
            reason = f"{type(error).__name__}: {error}"
            raise RegistryError(
                f"{self.entry.name}: {name} of the plug-in {self.entry.origin.plugin} cannot be imported ({reason}); "
                "repair or uninstall that plug-in"
            ) from error


def folders_of(module: str) -> list[Path]:
    """List the folders of a package by its import name, without importing it."""
    if module == OWN:
        from zoo import models  # holds a docstring only; an editable installation maps it to another folder

        return [Path(path) for path in models.__path__]
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    return [Path(path, *rest) for path in (spec.submodule_search_locations or ())] if spec is not None else []
