"""One training step taken by several processes: each has rows of the batch, all have the loss of the whole batch.

The outputs of all rows come together before the loss is computed, so that any loss, also one that looks at the whole
batch, is what one process would have found; norms use the statistics of the whole batch. The gradients of the rows add
up to that of the batch. The first process runs everything else and tells the others what to do.
"""

from __future__ import annotations

import atexit
import datetime
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import distributed as dist
from torch import nn

from zoo.common.types import Arrays
from zoo.engines.backends_launch import Place, place
from zoo.engines.joint import TOGETHER, Member, Order, State, part_of, rows_of

if TYPE_CHECKING:
    from zoo.engines.engine_torch import TorchEngine

PATIENCE = datetime.timedelta(days=7)  # the others wait while the first one validates


class Joint(Member):
    """The part of this process in a training on several devices."""

    def __init__(self) -> None:
        super().__init__()
        self.rank, self.world = dist.get_rank(), dist.get_world_size()

    def announce(self, engine: TorchEngine, *settings: object) -> None:
        """Let the others build the same network and optimiser; settings: of `start_training`."""
        if self.rank == 0:
            _tell((engine.config, settings))

    def share(
        self, inputs: Arrays, targets: Arrays, learning_rate: float, seed: int, state: State | None
    ) -> dict[str, np.ndarray]:
        """Give every process its rows of a batch, and the step to take; return this one's. The first process calls."""
        count = len(next(iter(inputs.values())))
        self.rows = rows_of(count, self.world)
        parts = [part_of(inputs, self.rows, rank) for rank in range(self.world)]
        for rank in range(1, self.world):
            order = Order(parts[rank], targets, learning_rate, seed, self.rows, state)
            dist.send_object_list([order], dst=rank, device=torch.device("cpu"))
        self.is_stale = False
        return parts[0]

    def run(self, net: nn.Module, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Run the network on this process's rows; return the outputs for all rows, the gradient of one's own."""
        if not self.rows:
            return dict(net(*inputs.values()))
        with _joined_norms(net, sum(self.rows)):
            outputs = net(*inputs.values())
        return {name: self._joined(value) for name, value in outputs.items()}

    def _joined(self, own: torch.Tensor) -> torch.Tensor:
        padded = own.detach().new_zeros((max(self.rows), *own.shape[1:]))
        padded[: len(own)] = own.detach()
        everyone = [torch.empty_like(padded) for _ in self.rows]
        dist.all_gather(everyone, padded)
        parts = [value[:count] for value, count in zip(everyone, self.rows, strict=True)]
        parts[self.rank] = own
        return torch.cat(parts)

    def all_finite(self, total: torch.Tensor) -> bool:
        """Whether the loss is finite in every process."""
        flag = torch.isfinite(total.detach()).to(torch.float32)
        dist.all_reduce(flag, dist.ReduceOp.MIN)
        return bool(flag)

    def add_up(self, parameters: list[nn.Parameter]) -> None:
        """Replace the gradients of one's own rows by those of the batch; none stays none where nobody has one."""
        has = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
        dist.all_reduce(has, dist.ReduceOp.MAX)
        those = [p for p, someone in zip(parameters, has.tolist(), strict=True) if someone]
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in those])
        dist.all_reduce(flat)
        if not self.rows:  # everyone had the whole batch
            flat /= self.world
        for parameter, part in zip(those, flat.split([p.numel() for p in those]), strict=True):
            parameter.grad = part.view_as(parameter).clone()


@contextmanager
def led(engine: TorchEngine) -> Iterator[bool]:
    """Yield whether this process leads the training; in the others, first follow the leader to its end."""
    where = place()
    if engine.device != "cpu":
        engine.device = f"cuda:{where.local_rank}"
        torch.cuda.set_device(where.local_rank)
        engine.net.to(engine.device)
    if not dist.is_initialized():  # once for a process: the addresses of a group that ended would be tried again
        dist.init_process_group("cpu:gloo,cuda:nccl" if engine.device != "cpu" else "gloo", timeout=PATIENCE)
        atexit.register(dist.destroy_process_group)
    token = TOGETHER.set(True)
    try:
        if where.rank > 0:
            _follow(engine, where)
        yield where.rank == 0
    finally:
        TOGETHER.reset(token)
        if where.rank == 0:
            _tell(None)


def _follow(engine: TorchEngine, where: Place) -> None:
    """Do what the leader says until it says that it is over. Its end is the end: Ctrl-C is the leader's to answer."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    follower = None
    while (told := _hear(where.rank)) is not None:
        if isinstance(told, Order):
            assert follower is not None
            follower.follow(told)
        else:
            config, settings = told
            follower = engine.like(config)
            follower.start_training(*settings)


def _tell(what: object) -> None:
    for rank in range(1, dist.get_world_size()):
        dist.send_object_list([what], dst=rank, device=torch.device("cpu"))


def _hear(rank: int) -> Any:
    told: list[Any] = [None]
    dist.recv_object_list(told, src=0, device=torch.device("cpu"))
    return told[0]


class _Sum(torch.autograd.Function):
    """The sum over all processes, and the gradient of everyone's loss."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


@contextmanager
def _joined_norms(net: nn.Module, rows: int) -> Iterator[None]:
    """Let batch norms that learn use the statistics of all rows."""
    norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.training]
    for norm in norms:
        norm.__dict__["forward"] = partial(_normalise, norm, rows)
    try:
        yield
    finally:
        for norm in norms:
            del norm.__dict__["forward"]


def _normalise(norm: Any, rows: int, x: torch.Tensor) -> torch.Tensor:
    axes, shape = [0, *range(2, x.ndim)], (1, -1, *(1,) * (x.ndim - 2))
    count = rows * x[0, 0].numel()
    mean = _Sum.apply(x.sum(axes)) / count
    centred = x - mean.view(shape)
    variance = _Sum.apply(centred.square().sum(axes)) / count
    if norm.running_mean is not None:
        with torch.no_grad():
            norm.num_batches_tracked.add_(1)
            norm.running_mean.lerp_(mean, norm.momentum)
            norm.running_var.lerp_(variance * (count / max(1, count - 1)), norm.momentum)
    scale = (variance + norm.eps).rsqrt()
    out = centred * scale.view(shape)
    return out if norm.weight is None else out * norm.weight.view(shape) + norm.bias.view(shape)
