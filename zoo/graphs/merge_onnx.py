"""Merge what doubles a grid into the convolutions behind it: the same sums from a third of the products.

A decoder doubles a grid by a transposed convolution (kernel 2, stride 2), joins what was skipped, and convolves. Both
are linear: the convolution of the doubled part is one transposed convolution of the coarse grid, its kernel larger by
one. Of 27 products per voxel and channel 8 are left, and the joined array is never made.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper, shape_inference

CHANNELS = 1  # the axis


@dataclass(frozen=True, eq=False)
class Join:
    """A doubled grid beside others, and the one convolution that sees all of them."""

    up: NodeProto
    concat: NodeProto
    convolution: NodeProto


class Network:
    """The nodes of a graph, and who makes and takes which value."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = model.graph
        values = {value.name: numpy_helper.to_array(value) for value in model.graph.initializer}
        for node in model.graph.node:  # two layers with equal weights share them so
            if node.op_type == "Identity" and node.input[0] in values:
                values[node.output[0]] = values[node.input[0]]
        self.values = values
        self.maker = {name: node for node in model.graph.node for name in node.output}
        self.given = {value.name for value in model.graph.output}
        self.takers: dict[str, list[NodeProto]] = {}
        for node in model.graph.node:
            for name in node.input:
                self.takers.setdefault(name, []).append(node)
        inferred = shape_inference.infer_shapes(model).graph
        known = [*inferred.value_info, *inferred.input, *inferred.output]
        self.shapes = {value.name: [n.dim_value for n in value.type.tensor_type.shape.dim] for value in known}

    def joins(self) -> Iterator[Join]:
        """Find what can be merged; where a shortcut sees the joined array as well, nothing would be won."""
        for concat in self.graph.node:
            if concat.op_type != "Concat" or _attribute(concat, "axis") != CHANNELS:
                continue
            ends = [self.maker.get(name) for name in (concat.input[0], concat.input[-1])]
            ups = [node for node in ends if node is not None and self._doubles(node)]
            if ups and self._is_private(concat.output[0]):
                (convolution,) = self.takers[concat.output[0]]
                if self._fits(convolution, ups[0]):
                    yield Join(ups[0], concat, convolution)

    def merged(self, join: Join) -> list[NodeProto]:
        """Make the nodes that take the place of a join."""
        kernel, *biases = (self.values[name] for name in join.up.input[1:])
        weights, out = self.values[join.convolution.input[1]], join.convolution.output[0]
        doubled = kernel.shape[1]
        own = slice(None, doubled) if join.concat.input[0] == join.up.output[0] else slice(-doubled, None)
        seen = weights[:, own]
        rest = [name for name in join.concat.input if name != join.up.output[0]]
        large = self._keep(f"{out}_merged", merge_kernels(kernel, seen))
        small = self._keep(f"{out}_kept", np.delete(weights, own, axis=1))
        kept = {value.name: helper.get_attribute_value(value) for value in join.convolution.attribute}
        sides: dict[str, Any] = {"kernel_shape": [n + 1 for n in weights.shape[2:]]}
        sides |= {"strides": _attribute(join.up, "strides"), "pads": kept["pads"]}
        total = f"{out}_sum" if biases else out
        skipped = rest[0] if len(rest) == 1 else f"{out}_skipped"
        nodes = [] if len(rest) == 1 else [helper.make_node("Concat", rest, [skipped], axis=CHANNELS)]
        nodes += [
            helper.make_node("Conv", [skipped, small, *join.convolution.input[2:]], [f"{out}_beside"], **kept),
            helper.make_node("ConvTranspose", [join.up.input[0], large], [f"{out}_up"], **sides),
            helper.make_node("Add", [f"{out}_beside", f"{out}_up"], [total]),
        ]
        for bias in biases:
            nodes += self._add_constant(total, out, np.einsum("ou...,u->o...", seen, bias))
        return nodes

    def _add_constant(self, total: str, out: str, taps: np.ndarray) -> list[NodeProto]:
        """Add what a kernel (o, k, ...) makes of ones: less along the border, beyond which there are none.

        The runtimes spread it over the grid when they open the graph; the file holds three values per axis.
        """
        spread, name = [], self._keep(f"{out}_constant", at_borders(taps)[None])
        for axis, side in enumerate(self.shapes[out][2:], 2):
            places = self._keep(f"{out}_places{axis}", np.array([0, *[1] * (side - 2), 2], np.int64))
            spread.append(helper.make_node("Gather", [name, places], [f"{out}_spread{axis}"], axis=axis))
            name = f"{out}_spread{axis}"
        return [*spread, helper.make_node("Add", [total, name], [out])]

    def _keep(self, name: str, value: np.ndarray) -> str:
        self.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _doubles(self, node: NodeProto) -> bool:
        """Whether each value becomes a block of two along every axis, seen by a join alone."""
        if node.op_type != "ConvTranspose" or node.input[1] not in self.values:
            return False
        axes = self.values[node.input[1]].ndim - 2
        plain = {"kernel_shape": [2] * axes, "strides": [2] * axes, "group": 1}
        padded = [*_attribute(node, "pads", [0]), *_attribute(node, "output_padding", [0])]
        is_plain = all(_attribute(node, name, 1) == value for name, value in plain.items()) and not any(padded)
        return is_plain and all(n in self.values for n in node.input[1:]) and self._is_private(node.output[0])

    def _is_private(self, name: str) -> bool:
        """Whether one node alone takes a value."""
        return name not in self.given and len(self.takers[name]) == 1

    def _fits(self, node: NodeProto, up: NodeProto) -> bool:
        """Whether a node is a convolution that keeps the grid, with a kernel of 1 or 3 along every axis.

        Its size has to be known where the transposed convolution adds a constant, which counts less at the border.
        """
        if node.op_type != "Conv" or node.input[1] not in self.values:
            return False
        sides = self.values[node.input[1]].shape[2:]
        plain = {"strides": [1] * len(sides), "dilations": [1] * len(sides), "group": 1}
        is_plain = all(_attribute(node, name, value) == value for name, value in plain.items())
        pads = _attribute(node, "pads", [0] * (2 * len(sides)))
        has_size = len(up.input) < 3 or min(self.shapes.get(node.output[0], [])[2:], default=0) > 1
        return (
            is_plain and has_size and sides in ((1,) * len(sides), (3,) * len(sides)) and set(pads) == {sides[0] // 2}
        )


def merge_ups(path: Path) -> int:
    """Merge all that can be merged in a file; return how many joins that were."""
    model = onnx.load(str(path))
    network = Network(model)
    joins = list(network.joins())
    instead: dict[str, list[NodeProto]] = {}
    for join in joins:
        gone = {node.output[0]: list[NodeProto]() for node in (join.up, join.concat, join.convolution)}
        # the convolution comes after the join, so that its nodes may stand in its place
        instead |= {**gone, join.concat.output[0]: network.merged(join)}
    nodes = [other for node in model.graph.node for other in instead.get(node.output[0], [node])]
    if joins:
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        _forget_unused(model.graph)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
    return len(joins)


def merge_kernels(up: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return the kernel (i, o, k + 1, ...) that does both; up: (i, u, 2, ...), seen: (o, u, k, ...)."""
    side, axes = seen.shape[2], seen.ndim - 2
    doubling, convolving = (np.moveaxis(kernel, (0, 1), (-2, -1)).astype(np.float64) for kernel in (up, seen))
    merged = np.zeros((*[side + 1] * axes, up.shape[0], seen.shape[0]))
    for child in itertools.product(range(2), repeat=axes):
        for tap in itertools.product(range(side), repeat=axes):
            place = tuple(a - t + side - 1 for a, t in zip(child, tap, strict=True))
            merged[place] += doubling[child] @ convolving[tap].T
    return np.moveaxis(merged, (-2, -1), (0, 1)).astype(np.float32)


def at_borders(taps: np.ndarray) -> np.ndarray:
    """Add up the taps (o, k, ...) that meet the grid: (o, 3, ...), at the first place of an axis, within, the last."""
    for axis in range(1, taps.ndim):
        reach = taps.shape[axis] // 2
        met = [slice(reach, None), slice(None), slice(None, taps.shape[axis] - reach)]
        taps = np.concatenate(
            [np.take(taps, range(*part.indices(taps.shape[axis])), axis).sum(axis, keepdims=True) for part in met], axis
        )
    return taps.astype(np.float32)


def _forget_unused(graph: onnx.GraphProto) -> None:
    """Drop the weights that nobody takes any more."""
    taken = {name for node in graph.node for name in node.input}
    kept = [value for value in graph.initializer if value.name in taken]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _attribute(node: NodeProto, name: str, default: Any = None) -> Any:
    found = [helper.get_attribute_value(value) for value in node.attribute if value.name == name]
    return found[0] if found else default
