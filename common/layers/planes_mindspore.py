"""MindSpore layers with PyTorch's arguments, defaults and parameter names: its state dicts load by identity.

Built on `mindspore.ops`, because on CPU many `mindspore.mint` layers have no kernel and the layers of `mindspore.nn`
have other defaults and names. Parameters start at zero or one; the engine draws or loads their values.
"""

from __future__ import annotations

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from zoo.common.weights.allowance import reserve

Pair = int | tuple[int, int]

Module = nn.Cell
Sequential = nn.SequentialCell
ModuleList = nn.CellList
Identity = nn.Identity


def parameter(*shape: int, value: float = 0.0, trained: bool = True) -> Parameter:
    """Reserve a parameter of one value."""
    reserve(shape)
    return Parameter(Tensor(np.full(shape, value, np.float32)), requires_grad=trained)


def pair(value: Pair) -> tuple[int, int]:
    """Repeat a number for the height and the width."""
    return (value, value) if isinstance(value, int) else value


class ModuleDict(nn.Cell):
    """Hold cells by name; unlike nn.CellDict also containers."""

    def __init__(self, cells: dict[str, nn.Cell]) -> None:
        super().__init__()
        self.names = tuple(cells)
        for name, cell in cells.items():
            setattr(self, name, cell)

    def items(self) -> list[tuple[str, nn.Cell]]:
        """List the names with their cells."""
        return [(name, getattr(self, name)) for name in self.names]


class Conv2d(nn.Cell):
    """Convolve; weight is (out, in / groups, kh, kw)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        kernel = pair(kernel_size)
        top, left = pair(padding)
        self.weight = parameter(out_channels, in_channels // groups, *kernel)
        self.bias = parameter(out_channels) if bias else None
        self.conv = ops.Conv2D(
            out_channels,
            kernel,
            pad_mode="pad",
            pad=(top, top, left, left),
            stride=pair(stride),
            dilation=pair(dilation),
            group=groups,
        )

    def construct(self, x: Tensor) -> Tensor:
        # (n, in, h, w) -> (n, out, h', w')
        x = self.conv(x, self.weight)
        return x if self.bias is None else ops.bias_add(x, self.bias)


class ConvTranspose2d(nn.Cell):
    """Convolve transposed; weight is (in, out / groups, kh, kw)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.channels = out_channels
        self.kernel, self.stride, self.padding = pair(kernel_size), pair(stride), pair(padding)
        top, left = self.padding
        self.weight = parameter(in_channels, out_channels // groups, *self.kernel)
        self.bias = parameter(out_channels) if bias else None
        self.conv = ops.Conv2DTranspose(
            in_channels, self.kernel, pad_mode="pad", pad=(top, top, left, left), stride=self.stride, group=groups
        )

    def construct(self, x: Tensor) -> Tensor:
        # (n, in, h, w) -> (n, out, (h - 1) s + k - 2p, (w - 1) s + k - 2p)
        n, _, h, w = x.shape
        height = (h - 1) * self.stride[0] + self.kernel[0] - 2 * self.padding[0]
        width = (w - 1) * self.stride[1] + self.kernel[1] - 2 * self.padding[1]
        x = self.conv(x, self.weight, (n, self.channels, height, width))
        return x if self.bias is None else ops.bias_add(x, self.bias)


class BatchNorm2d(nn.Cell):
    """Normalise each channel over the batch; in training the running statistics follow with `momentum`."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.weight = parameter(num_features, value=1.0)
        self.bias = parameter(num_features)
        self.running_mean = parameter(num_features, trained=False)
        self.running_var = parameter(num_features, value=1.0, trained=False)
        self.train_norm = ops.BatchNorm(True, eps, momentum)  # the operator's momentum is PyTorch's, not nn's
        self.eval_norm = ops.BatchNorm(False, eps, momentum)

    def construct(self, x: Tensor) -> Tensor:
        # (n, c, h, w) -> (n, c, h, w)
        norm = self.train_norm if self.training else self.eval_norm
        return norm(x, self.weight, self.bias, self.running_mean, self.running_var)[0]


class GroupNorm(nn.Cell):
    """Normalise groups of channels of each sample, then scale and shift each channel."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.groups, self.eps = num_groups, eps
        self.weight = parameter(num_channels, value=1.0)
        self.bias = parameter(num_channels)

    def construct(self, x: Tensor) -> Tensor:
        # (n, c, h, w) -> (n, c, h, w)
        return ops.group_norm(x, self.groups, self.weight, self.bias, self.eps)


class Linear(nn.Cell):
    """Multiply the last axis by weight (out, in), transposed."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = parameter(out_features, in_features)
        self.bias = parameter(out_features) if bias else None
        self.matmul = ops.MatMul(transpose_b=True)  # ops.dense copies the transposed weight at each call

    def construct(self, x: Tensor) -> Tensor:
        # (*leading, in) -> (*leading, out)
        leading, flat = x.shape[:-1], x.ndim == 2
        y = self.matmul(x if flat else x.reshape(-1, x.shape[-1]), self.weight)
        y = y if self.bias is None else ops.bias_add(y, self.bias)
        return y if flat else y.reshape(*leading, y.shape[-1])


class ReLU(nn.Cell):
    """Cut off below zero; `inplace` is PyTorch's and has no effect."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def construct(self, x: Tensor) -> Tensor:
        return ops.relu(x)


class LayerNorm(nn.Cell):
    """Normalise the last axis of each position."""

    def __init__(self, normalized_shape: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = parameter(normalized_shape, value=1.0)
        self.bias = parameter(normalized_shape)
        self.norm = ops.LayerNorm(-1, -1, eps)

    def construct(self, x: Tensor) -> Tensor:
        # (..., c) -> (..., c)
        return self.norm(x, self.weight, self.bias)[0]


class GELU(nn.Cell):
    """Multiply by the normal distribution function, exactly: nn.GELU of MindSpore approximates it by tanh."""

    def construct(self, x: Tensor) -> Tensor:
        return ops.gelu(x, "none")


class MaxPool2d(nn.Cell):
    """Take the largest value of each window; padding never wins."""

    def __init__(self, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> None:
        super().__init__()
        stride = kernel_size if stride is None else stride
        if pair(padding) == (0, 0):  # 3.5 times as fast as the padded one
            self.pool = ops.MaxPool(pair(kernel_size), pair(stride), "valid")
        else:
            self.pool = nn.MaxPool2d(pair(kernel_size), pair(stride), pad_mode="pad", padding=pair(padding))

    def construct(self, x: Tensor) -> Tensor:
        # (n, c, h, w) -> (n, c, h', w')
        return self.pool(x)


class AdaptiveAvgPool2d(nn.Cell):
    """Average over the whole map; the only output size is 1."""

    def __init__(self, output_size: int = 1) -> None:
        super().__init__()
        if output_size != 1:
            raise NotImplementedError("AdaptiveAvgPool2d: output_size is 1 here")
        self.matmul = ops.MatMul()

    def construct(self, x: Tensor) -> Tensor:
        # (n, c, h, w) -> (n, c, 1, 1); a matrix product, because the mean over two axes is 86 times slower on CPU
        n, c, h, w = x.shape
        weights = ops.full((h * w, 1), 1 / (h * w), dtype=x.dtype)
        return self.matmul(x.reshape(n * c, h * w), weights).reshape(n, c, 1, 1)


class Dropout(nn.Cell):
    """Set a random share of the values to zero in training, and scale up the rest."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def construct(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        kept = 1 - self.p
        return x * ops.floor(kept + ops.rand(*x.shape)) / kept
