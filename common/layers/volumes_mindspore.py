"""MindSpore layers for volumes with PyTorch's arguments, defaults and parameter names; see layers_mindspore.py."""

from __future__ import annotations

from mindspore import Tensor, get_context, nn, ops

from zoo.common.layers import winograd_mindspore as winograd
from zoo.common.layers.planes_mindspore import parameter

Triple = int | tuple[int, int, int]


def triple(value: Triple) -> tuple[int, int, int]:
    """Repeat a number for the depth, the height and the width."""
    return (value, value, value) if isinstance(value, int) else value


class Conv3d(nn.Cell):
    """Convolve; weight is (out, in, kd, kh, kw)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Triple,
        stride: Triple = 1,
        padding: Triple = 0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        kernel = triple(kernel_size)
        front, top, left = triple(padding)
        self.channels = out_channels
        keeps_size = kernel == (3, 3, 3) and triple(stride) == triple(padding) == (1, 1, 1)
        self.can_halve = keeps_size and get_context("device_target") == "CPU"
        self.weight = parameter(out_channels, in_channels, *kernel)
        self.bias = parameter(out_channels) if bias else None
        self.conv = ops.Conv3D(
            out_channels, kernel, pad_mode="pad", pad=(front, front, top, top, left, left), stride=triple(stride)
        )

    def construct(self, x: Tensor) -> Tensor:
        # (n, in, d, h, w) -> (n, out, d', h', w')
        if self.can_halve and not self.training and winograd.pays(x.shape, self.channels):
            x = winograd.convolve(x, self.weight)
        else:
            x = self.conv(x, self.weight)
        return x if self.bias is None else ops.bias_add(x, self.bias)


class ConvTranspose3d(nn.Cell):
    """Convolve transposed without padding; weight is (in, out, kd, kh, kw)."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Triple, stride: Triple = 1, bias: bool = True
    ) -> None:
        super().__init__()
        kernel = triple(kernel_size)
        self.weight = parameter(in_channels, out_channels, *kernel)
        self.bias = parameter(out_channels) if bias else None
        self.conv = ops.Conv3DTranspose(in_channels, out_channels, kernel, pad_mode="pad", pad=0, stride=triple(stride))

    def construct(self, x: Tensor) -> Tensor:
        # (n, in, d, h, w) -> (n, out, (d - 1) s + k, (h - 1) s + k, (w - 1) s + k)
        x = self.conv(x, self.weight)
        return x if self.bias is None else ops.bias_add(x, self.bias)


class BatchNorm3d(nn.Cell):
    """Normalise each channel over the batch; in training the running statistics follow with `momentum`."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True) -> None:
        super().__init__()
        self.weight = parameter(num_features, value=1.0) if affine else None
        self.bias = parameter(num_features) if affine else None
        self.running_mean = parameter(num_features, trained=False)
        self.running_var = parameter(num_features, value=1.0, trained=False)
        self.ones, self.zeros = ops.ones((num_features,)), ops.zeros((num_features,))
        self.train_norm = ops.BatchNorm(True, eps, momentum)
        self.eval_norm = ops.BatchNorm(False, eps, momentum)

    def construct(self, x: Tensor) -> Tensor:
        # (n, c, d, h, w) -> (n, c, d, h, w); the operator takes four axes
        n, c, d, h, w = x.shape
        norm = self.train_norm if self.training else self.eval_norm
        weight = self.ones if self.weight is None else self.weight
        bias = self.zeros if self.bias is None else self.bias
        y = norm(x.reshape(n, c, d * h, w), weight, bias, self.running_mean, self.running_var)[0]
        return y.reshape(n, c, d, h, w)


class InstanceNorm3d(nn.Cell):
    """Normalise each channel of each sample; without weights, as PyTorch's default."""

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.groups, self.eps = num_features, eps
        self.ones, self.zeros = ops.ones((num_features,)), ops.zeros((num_features,))
        self.norm = ops.LayerNorm(-1, -1, eps)

    def construct(self, x: Tensor) -> Tensor:
        # (n, c, d, h, w) -> (n, c, d, h, w)
        if self.training:
            return ops.group_norm(x, self.groups, self.ones, self.zeros, self.eps)
        # the same numbers in a third of the time; its gradient takes three times as long
        n, c, d, h, w = x.shape
        voxels = d * h * w
        y = self.norm(x.reshape(n * c, voxels), ops.ones((voxels,), x.dtype), ops.zeros((voxels,), x.dtype))[0]
        return y.reshape(n, c, d, h, w)


class MaxPool3d(nn.Cell):
    """Take the largest value of each window; windows do not overlap."""

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        self.pool = ops.MaxPool3D(kernel_size, kernel_size, "VALID")

    def construct(self, x: Tensor) -> Tensor:
        # (n, c, d, h, w) -> (n, c, d / k, h / k, w / k)
        return self.pool(x)


class LeakyReLU(nn.Cell):
    """Scale what is below zero."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.slope = negative_slope

    def construct(self, x: Tensor) -> Tensor:
        # not ops.leaky_relu, whose gradient at exactly zero (a black surrounding) is 0.6 or so; PyTorch's is the slope
        return ops.where(x > 0, x, self.slope * x)
