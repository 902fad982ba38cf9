"""What the runtimes of graphs share: a runner that predicts from a graph made, and checked, beforehand."""

from __future__ import annotations

import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from zoo.common.errors import BackendError, InputError, ZooWarning
from zoo.common.types import Arrays
from zoo.engines.backends import KINDS, threads
from zoo.engines.engine import UNREDUCED, check_batch, why_no_training
from zoo.engines.turns import SPAWN, Origin
from zoo.graphs import gate as gates
from zoo.graphs import store
from zoo.graphs.check import differences, read_cases, refuse_differences
from zoo.graphs.graph import REFERENCE, Graph, Stage
from zoo.graphs.obtain import graph_of, weight_shapes
from zoo.registry.package import Package

Session = Callable[[list[np.ndarray]], list[np.ndarray]]  # arrays in their order -> outputs in theirs, float32
CALIBRATED = ("int8",)  # precisions that are never used unmeasured
Opened = tuple[Graph, dict[str, Session]]


class GraphRunner(ABC):
    """Predicts with the graph of a network; several threads may ask at once."""

    framework: ClassVar[str]
    survives_fork: ClassVar[bool]  # whether a child made by fork may open the graph anew

    def __init__(self, package: Package, config: Any, device: str, precision: str = UNREDUCED) -> None:
        self.device = device
        self.precision = precision
        self._package, self._config = package, config
        self._names = weight_shapes(package, config)
        self.is_on_trial = False  # whether somebody is measuring what the precision costs
        self._weights: Arrays = {}
        self._opened: Opened | None = None
        self._origin, self._lock = Origin(), threading.Lock()

    @abstractmethod
    def open(self, path: Path, stage: Stage, count: int | None) -> Session:
        """Open one file of a graph for `count` threads, for as many as there are cores where None."""

    @abstractmethod
    def version(self) -> str:
        """Return the version of the runtime."""

    @property
    def runtime(self) -> str:
        """Name the runtime, its version and its precision, as findings about it are kept."""
        reduced = "" if self.precision == UNREDUCED else f"-{self.precision}"
        return f"{self.framework}-{self.version()}{reduced}"

    @property
    def graph(self) -> Graph:
        """The graph that it runs."""
        if self._opened is None:
            raise RuntimeError("load() comes before the graph is there")
        return self._opened[0]

    @property
    def net(self) -> Any:
        """There is no network that could be changed."""
        raise BackendError(why_no_training(self.framework, "has no network to look into"))

    def forward(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Run the graph on a batch."""
        check_batch(inputs)
        graph, sessions = self._here()
        check_shapes(inputs, graph, self.framework)
        return self._run(graph, sessions, inputs)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name every weight with its shape."""
        return dict(self._names)

    def weights(self, *, averaged: bool = False) -> dict[str, np.ndarray]:
        """Copy the weights that the graph was made from."""
        return {name: np.array(value) for name, value in self._weights.items()}

    def load(self, weights: Arrays) -> None:
        """Open the graph of these weights, which is made if need be; BackendError where it fails its check."""
        graph = graph_of(self._package, self._config, weights)
        self._origin = Origin()
        self._origin.is_inherited()  # this process is where its threads are
        opened = graph, self._open(graph, threads())
        if self.precision == UNREDUCED:
            self._check(*opened)
        else:
            self._look_up(graph)
        self._weights, self._opened = weights, opened

    @property
    def sessions(self) -> Mapping[str, Session]:
        """The parts of the graph in the runtime, by the name of their stage."""
        return self._here()[1]

    def _run(self, graph: Graph, sessions: Mapping[str, Session], inputs: Arrays) -> dict[str, np.ndarray]:
        parts = {stage.name: partial(_named, sessions[stage.name], stage) for stage in graph.stages}
        return self._package.run_stages(parts, inputs, self._config)

    def _open(self, graph: Graph, count: int | None) -> dict[str, Session]:
        return {stage.name: self.open(graph.path(stage), stage, count) for stage in graph.stages}

    def _check(self, graph: Graph, sessions: Mapping[str, Session]) -> None:
        """Hold this version of the runtime against PyTorch's answers, the first time that it sees a graph."""
        found = store.found_earlier(graph, self.runtime)
        if found is None:
            cases = read_cases(graph.folder / REFERENCE, list(graph.inputs), graph.outputs)
            found = differences(partial(self._run, graph, sessions), cases)
            refuse_differences(found, f"{KINDS[self.framework].title} {self.version()}", self._instead())
            store.note(graph, self.runtime, found)

    def _look_up(self, graph: Graph) -> None:
        """Look up what a reduced precision was found to cost, on validation; outputs cannot tell."""
        if self.is_on_trial:
            return
        gate, who = gates.find(graph, self.runtime), f"{graph.algorithm} in {self.precision}"
        if gate is not None:
            gates.refuse_worse(gate, who)
            return
        message = (
            f"nobody measured what {who} costs with these weights; `zoo export {graph.algorithm} --format openvino "
            f"--precision {self.precision} --data ...` does, on the validation split, and keeps the answer"
        )
        if self.precision in CALIBRATED:
            raise BackendError(message)
        warnings.warn(message, ZooWarning, stacklevel=6)

    def _instead(self) -> str:
        others = [name for name in KINDS if name != self.framework]
        return " or ".join(f'backend="{name}"' for name in others)

    def _here(self) -> Opened:
        """Return the open graph; a child made by fork opens it anew, because the threads are the parent's."""
        if self._opened is None:
            raise RuntimeError("load() comes before forward()")
        with self._lock:
            if self._origin.is_inherited():
                if not self.survives_fork:
                    raise BackendError(
                        f"this process was forked after {self.framework} was used, and would end; {SPAWN}"
                    )
                message = (
                    f"forked after {self.framework} was used: this process computes on one thread; for more, {SPAWN}"
                )
                warnings.warn(message, ZooWarning, stacklevel=4)
                graph = self._opened[0]
                self._opened = graph, self._open(graph, 1)
                self._origin = Origin()
                self._origin.is_inherited()
            return self._opened


def _named(session: Session, stage: Stage, *arrays: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(stage.outputs, session([np.ascontiguousarray(a) for a in arrays]), strict=True))


def check_shapes(inputs: Arrays, graph: Graph, framework: str) -> None:
    """Raise InputError where inputs are not what the graph was made for."""
    given = {name: tuple(value.shape[1:]) for name, value in inputs.items()}
    if list(given.items()) != list(graph.inputs.items()):
        raise InputError(
            f"{given} given; the graph of {graph.algorithm} in {framework} takes {dict(graph.inputs)} for each image. "
            'For other sizes load the model with backend="torch"'
        )
