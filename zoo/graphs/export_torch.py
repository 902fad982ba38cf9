"""Write the network of an algorithm, with its weights, as ONNX: PyTorch's exporter by tracing, opset 18."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from zoo.common.types import Arrays
from zoo.engines.engine import open_engine
from zoo.engines.limited_torch import try_out
from zoo.graphs.check import draw_inputs, refer, write_cases
from zoo.graphs.graph import REFERENCE, Graph, Stage, write_sidecar
from zoo.graphs.merge_onnx import merge_ups
from zoo.registry.package import Package
from zoo.weights.hub import hash_file
from zoo.weights.identity import versions

OPSET = 18  # below, OpenVINO reduces ReduceLogSumExp over all axes instead of those that are asked for
TRACED = 2  # images in the batch that is traced; with one, sizes of 1 would be taken for the batch
Outputs = dict[str, np.ndarray]


class Ordered(torch.nn.Module):
    """A part of a network with its outputs in their order instead of by name."""

    def __init__(self, part: torch.nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        # as the part takes them -> its outputs
        return tuple(self.part(*inputs).values())


def shapes_of(package: Package, config: Any) -> dict[str, tuple[int, ...]]:
    """Name every weight with its shape, without memory for them where the network can be built so."""
    net = package.net("torch")
    try_out(net, config)
    try:
        with torch.device("meta"):
            built = net(config)
    except NotImplementedError:  # it computes with values while it is built
        built = net(config)
    state = built.state_dict()
    return {name: tuple(value.shape) for name, value in state.items() if not name.endswith("num_batches_tracked")}


def export(package: Package, config: Any, weights: Arrays, folder: Path, total: str) -> Graph:
    """Write graph, sidecar and the answers of PyTorch that runtimes are held against into a folder.

    total: the SHA-256 of the weights.
    """
    engine = open_engine(package, config, "torch", "cpu")
    engine.load(weights)
    algorithm = package.algorithm(config)
    inputs = draw_inputs(algorithm, TRACED)
    outputs = engine.forward(inputs)
    stages = write_stages(package, config, engine.net, inputs, folder)
    graph = Graph(
        folder=folder,
        algorithm=package.entry.name,
        weights=total,
        inputs={name: tuple(value.shape[1:]) for name, value in inputs.items()},
        outputs=tuple(outputs),
        window=algorithm.window,
        opset=OPSET,
        stages=stages,
        config=asdict(config),
        versions=versions(),
    )
    write_cases(folder / REFERENCE, refer(engine.forward, algorithm))
    write_sidecar(graph)
    return graph


def write_stages(
    package: Package, config: Any, net: torch.nn.Module, inputs: Arrays, folder: Path
) -> tuple[Stage, ...]:
    """Trace each part of a network with what reaches it when the whole sees `inputs`, and write it."""
    parts = {name: part.eval() for name, part in package.stages(net).items()}
    seen: dict[str, tuple[tuple[torch.Tensor, ...], dict[str, torch.Tensor]]] = {}

    def runner(name: str) -> Callable[..., Outputs]:
        def run(*arrays: np.ndarray) -> Outputs:
            tensors = tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)
            with torch.inference_mode():
                found = parts[name](*tensors)
            seen[name] = tensors, found
            return {key: value.numpy() for key, value in found.items()}

        return run

    package.run_stages({name: runner(name) for name in parts}, inputs, config)
    names = list(inputs) if len(parts) == 1 else None
    return tuple(write_stage(name, parts[name], *seen[name], names, folder) for name in parts)


def write_stage(
    name: str,
    part: torch.nn.Module,
    inputs: tuple[torch.Tensor, ...],
    outputs: dict[str, torch.Tensor],
    names: list[str] | None,
    folder: Path,
) -> Stage:
    """Trace one part; its first axis, the batch, stays free."""
    taken = names or [f"{name}_{i}" for i in range(len(inputs))]
    # an output may be an input as it came, and then needs a name of its own
    given = [f"{key}_out" if key in taken else key for key in outputs]
    file = folder / f"{name}.onnx"
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # that there is a newer exporter, and of sizes that are constants of the trace
        torch.onnx.export(
            Ordered(part).eval(),
            tuple(value.clone() for value in inputs),
            str(file),
            dynamo=False,
            opset_version=OPSET,
            input_names=taken,
            output_names=given,
            dynamic_axes={key: {0: "batch"} for key in (*taken, *given)},
        )
    name_all_inputs(file, taken, inputs)
    merge_ups(file)
    return Stage(name, file.name, hash_file(file), tuple(taken), tuple(outputs))


def name_all_inputs(file: Path, taken: Sequence[str], inputs: Sequence[torch.Tensor]) -> None:
    """Give a graph the inputs that its outputs do not depend on, which the exporter leaves out: they go by place."""
    model = onnx.load(str(file))
    known = {value.name: value for value in model.graph.input}
    if set(taken) <= known.keys():
        return
    shapes = {name: ["batch", *value.shape[1:]] for name, value in zip(taken, inputs, strict=True)}
    every = [
        known.get(name) or onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shapes[name])
        for name in taken
    ]
    del model.graph.input[:]
    model.graph.input.extend(every)
    onnx.save(model, str(file))
