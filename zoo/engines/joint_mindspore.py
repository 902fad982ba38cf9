"""One training step taken by several processes, as in joint_torch: rows of the batch each, the loss of the whole.

MindSpore's collectives on a CPU add up, gather, and broadcast 32-bit numbers: all else is made of these.
"""

from __future__ import annotations

import pickle
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import zoo.engines.backends_mindspore as _backend  # noqa: F401  # isort: skip  (before MindSpore is imported)

import mindspore as ms
import numpy as np
from mindspore import Tensor, communication, nn, ops

from zoo.common.layers.planes_mindspore import BatchNorm2d
from zoo.common.layers.volumes_mindspore import BatchNorm3d
from zoo.common.types import Arrays
from zoo.engines.backends_launch import place
from zoo.engines.joint import TOGETHER, Member, Order, State, part_of, rows_of

if TYPE_CHECKING:
    from zoo.engines.engine_mindspore import MindSporeEngine


class Joint(Member):
    """The part of this process in a training on several devices."""

    def __init__(self) -> None:
        super().__init__()
        self.rank, self.world = communication.get_rank(), communication.get_group_size()

    def announce(self, engine: MindSporeEngine, *settings: object) -> None:
        """Let the others build the same network and optimiser; settings: of `start_training`."""
        if self.rank == 0:
            _tell((engine.config, settings))

    def share(
        self, inputs: Arrays, targets: Arrays, learning_rate: float, seed: int, state: State | None
    ) -> dict[str, np.ndarray]:
        """Give every process the step to take; return this one's rows of the batch. The first process calls."""
        self.rows = rows_of(len(next(iter(inputs.values()))), self.world)
        _tell(Order(dict(inputs), targets, learning_rate, seed, self.rows, state))
        self.is_stale = False
        return part_of(inputs, self.rows, self.rank)

    def run(self, net: nn.Cell, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run the network on this process's rows; return the outputs for all rows, the gradient of one's own."""
        if not self.rows:
            return dict(net(*inputs.values()))
        with _joined_norms(net, sum(self.rows)):
            outputs = net(*inputs.values())
        return {name: self._joined(value.astype(ms.float32)) for name, value in outputs.items()}

    def _joined(self, own: Tensor) -> Tensor:
        most, values = max(self.rows), ops.stop_gradient(own)
        if len(own) < most:
            values = ops.concat([values, ops.zeros((most - len(own), *own.shape[1:]), own.dtype)])
        everyone = ops.AllGather()(values)
        parts = [everyone[i * most : i * most + count] for i, count in enumerate(self.rows)]
        parts[self.rank] = own
        return ops.concat([ops.stop_gradient(part) if i != self.rank else part for i, part in enumerate(parts)])

    def all_finite(self, total: Tensor) -> bool:
        """Whether the loss is finite in every process."""
        broken = not np.isfinite(float(total.asnumpy()))
        return float(_sum(Tensor([float(broken)], ms.float32)).asnumpy()[0]) == 0

    def add_up(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """Return the gradients of the batch in place of those of one's own rows."""
        flat = _sum(ops.concat([gradient.reshape(-1) for gradient in gradients]))
        if not self.rows:  # everyone had the whole batch
            flat = flat / self.world
        ends = np.cumsum([gradient.size for gradient in gradients])
        return [flat[end - g.size : end].reshape(g.shape) for g, end in zip(gradients, map(int, ends), strict=True)]


@contextmanager
def led(engine: MindSporeEngine) -> Iterator[bool]:
    """Yield whether this process leads the training; in the others, first follow the leader to its end."""
    leads = place().rank == 0
    token = TOGETHER.set(True)
    try:
        if not leads:
            _follow(engine)
        yield leads
    finally:
        TOGETHER.reset(token)
        if leads:
            _tell(None)


def _follow(engine: MindSporeEngine) -> None:
    """Do what the leader says until it says that it is over. Its end is the end: Ctrl-C is the leader's to answer."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    follower = None
    while (told := _hear()) is not None:
        if isinstance(told, Order):
            assert follower is not None
            follower.follow(told)
        else:
            config, settings = told
            follower = engine.like(config)
            follower.start_training(*settings)


def _tell(what: object) -> None:
    """Send anything to all others, as 32-bit numbers: its size, then its bytes."""
    packed = pickle.dumps(what)
    words = np.frombuffer(packed + bytes(-len(packed) % 4), np.int32).copy()
    _broadcast(np.array([len(words)], np.int32))
    _broadcast(words)


def _hear() -> Any:
    (size,) = _broadcast(np.zeros(1, np.int32))
    return pickle.loads(_broadcast(np.zeros(int(size), np.int32)).tobytes())  # sent by this very command


def _broadcast(words: np.ndarray) -> np.ndarray:
    heard: np.ndarray = ops.Broadcast(0)((Tensor(words),))[0].asnumpy()
    return heard


def _sum(x: Tensor) -> Tensor:
    """Add up over all processes; its gradient is that of everyone's loss."""
    return ops.AllReduce(ops.ReduceOp.SUM)(x)


@contextmanager
def _joined_norms(net: nn.Cell, rows: int) -> Iterator[None]:
    """Let batch norms that learn use the statistics of all rows."""
    cells = [cell for _, cell in net.cells_and_names()]
    norms = [cell for cell in cells if isinstance(cell, BatchNorm2d | BatchNorm3d) and cell.training]
    for norm in norms:
        norm.__dict__["construct"] = _normalising(norm, rows)
    try:
        yield
    finally:
        for norm in norms:
            del norm.__dict__["construct"]


def _normalising(norm: Any, rows: int) -> Callable[[Tensor], Tensor]:
    def construct(x: Tensor) -> Tensor:
        axes, shape = (0, *range(2, x.ndim)), (1, -1, *(1,) * (x.ndim - 2))
        count = rows * (x.size // (x.shape[0] * x.shape[1]))
        mean = _sum(x.sum(axes)) / count
        centred = x - mean.reshape(shape)
        variance = _sum((centred * centred).sum(axes)) / count
        _follow_statistics(norm.running_mean, mean, norm.train_norm.momentum)
        _follow_statistics(norm.running_var, variance * (count / max(1, count - 1)), norm.train_norm.momentum)
        out = centred * ops.rsqrt(variance + norm.train_norm.epsilon).reshape(shape)
        return out if norm.weight is None else out * norm.weight.reshape(shape) + norm.bias.reshape(shape)

    return construct


def _follow_statistics(running: Any, value: Tensor, momentum: float) -> None:
    running.set_data(Tensor((1 - momentum) * running.asnumpy() + momentum * ops.stop_gradient(value).asnumpy()))
