"""The network of Covid-Detection-CNN in MindSpore: YOLOv5's body and neck, or a residual U-Net, and its outputs."""

from __future__ import annotations

from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn
from zoo.common.networks.residual_unet_mindspore import ResidualUNet2d

from .config import Config
from .widths import blocks, channels

EPS, MOMENTUM = 1e-3, 0.03  # of the published norms


class Conv(nn.Module):
    """Convolve, normalise, activate by x sigmoid(x)."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, padding: int | None = None) -> None:
        super().__init__()
        padding = kernel // 2 if padding is None else padding
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=EPS, momentum=MOMENTUM)

    def construct(self, x: Tensor) -> Tensor:
        # (n, inputs, h, w) -> (n, outputs, h / stride, w / stride)
        return ops.silu(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    """A 1 x 1 and a 3 x 3 convolution, beside a residual if asked for."""

    def __init__(self, width: int, shortcut: bool) -> None:
        super().__init__()
        self.shortcut = shortcut
        self.cv1 = Conv(width, width)
        self.cv2 = Conv(width, width, 3)

    def construct(self, x: Tensor) -> Tensor:
        # (n, width, h, w) -> (n, width, h, w)
        y = self.cv2(self.cv1(x))
        return x + y if self.shortcut else y


class C3(nn.Module):
    """A cross-stage partial block (Wang et al. 2020): half of the channels pass by the bottlenecks."""

    def __init__(self, inputs: int, outputs: int, count: int, shortcut: bool = True) -> None:
        super().__init__()
        half = outputs // 2
        self.cv1 = Conv(inputs, half)
        self.cv2 = Conv(inputs, half)
        self.cv3 = Conv(2 * half, outputs)
        self.m = nn.ModuleList([Bottleneck(half, shortcut) for _ in range(count)])

    def construct(self, x: Tensor) -> Tensor:
        # (n, inputs, h, w) -> (n, outputs, h, w)
        y = self.cv1(x)
        for block in self.m:
            y = block(y)
        return self.cv3(ops.cat([y, self.cv2(x)], axis=1))


class SPPF(nn.Module):
    """Three max-poolings in a row, side by side with what they pool (He et al. 2015)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cv1 = Conv(width, width // 2)
        self.cv2 = Conv(2 * width, width)
        self.pool = nn.MaxPool2d(5, stride=1, padding=2)

    def construct(self, x: Tensor) -> Tensor:
        # (n, width, h, w) -> (n, width, h, w)
        maps = [self.cv1(x)]
        for _ in range(3):
            maps.append(self.pool(maps[-1]))
        return self.cv2(ops.cat(maps, axis=1))


def enlarge(x: Tensor) -> Tensor:
    """Double the sides by repeating pixels."""
    return ops.interpolate(x, size=(2 * x.shape[2], 2 * x.shape[3]), mode="nearest")


class CspBody(nn.Module):
    """YOLOv5's body and neck (version 6): maps at strides 8, 16 and 32."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c, n = channels(config.width), blocks(config.depth)
        self.stem = Conv(config.input_channels, c[0], 6, 2, padding=2)
        self.down = nn.ModuleList([Conv(c[i], c[i + 1], 3, 2) for i in range(4)])
        self.stages = nn.ModuleList([C3(c[i + 1], c[i + 1], n[i]) for i in range(4)])
        self.pool = SPPF(c[4])
        self.narrow = nn.ModuleList([Conv(c[4], c[3]), Conv(c[3], c[2])])
        self.up = nn.ModuleList([C3(2 * c[3], c[3], n[3], False), C3(2 * c[2], c[2], n[3], False)])
        self.again = nn.ModuleList([Conv(c[2], c[2], 3, 2), Conv(c[3], c[3], 3, 2)])
        self.out = nn.ModuleList([C3(2 * c[2], c[3], n[3], False), C3(2 * c[3], c[4], n[3], False)])

    def construct(self, x: Tensor) -> list[Tensor]:
        # (n, c, h, w) -> maps at strides 8, 16, 32
        x = self.stem(x)
        maps = []
        for down, stage in zip(self.down, self.stages):
            x = stage(down(x))
            maps.append(x)
        top = self.narrow[0](self.pool(x))
        middle = self.narrow[1](self.up[0](ops.cat([enlarge(top), maps[2]], axis=1)))
        fine = self.up[1](ops.cat([enlarge(middle), maps[1]], axis=1))
        medium = self.out[0](ops.cat([self.again[0](fine), middle], axis=1))
        return [fine, medium, self.out[1](ops.cat([self.again[1](medium), top], axis=1))]


class FineBody(nn.Module):
    """A residual U-Net that stops at one fine level."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.unet = ResidualUNet2d(config.input_channels, config.channels, config.strides[0].bit_length() - 1)

    def construct(self, x: Tensor) -> list[Tensor]:
        # (n, c, h, w) -> one map at the stride
        return [self.unet(x)]


class Net(nn.Module):
    """Body, and a 1 x 1 convolution per level."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        if config.body == "csp":
            self.body, widths = CspBody(config), channels(config.width)[2:]
        else:
            self.body, widths = FineBody(config), [config.channels[config.strides[0].bit_length() - 1]]
        self.detect = nn.ModuleList(
            [nn.Conv2d(w, len(a) * config.values, 1) for w, a in zip(widths, config.anchors_px, strict=True)]
        )

    def construct(self, x: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w) -> per level (n, anchors * values, h/stride, w/stride)
        return {f"level{i}": head(y) for i, (head, y) in enumerate(zip(self.detect, self.body(x)))}
