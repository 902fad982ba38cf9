"""The network of Han-Net in MindSpore: a nested U, a dense stream at full resolution, attention over both."""

from __future__ import annotations

from mindspore import Tensor, ops

from zoo.common.instances.targets import REGIONS
from zoo.common.layers import layers_mindspore as nn

from .config import KEY_SHARE, POOLED, Config


def block(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    """Convolve to the same size, normalise, cut off below zero."""
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def double(inputs: int, outputs: int) -> nn.Sequential:
    """Follow one 3 x 3 block by another."""
    return nn.Sequential(block(inputs, outputs, 3), block(outputs, outputs, 3))


def enlarge(x: Tensor, factor: int) -> Tensor:
    """Enlarge (n, c, h, w) bilinearly."""
    size = (x.shape[2] * factor, x.shape[3] * factor)
    return ops.interpolate(x, size=size, mode="bilinear", align_corners=False)


class Nested(nn.Module):
    """U of many depths: the node (level, step) joins all before it at its level with the one below, enlarged."""

    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.levels = len(widths)
        self.pool = nn.MaxPool2d(2)
        rows = []
        for level, width in enumerate(widths):
            row = [double(widths[level - 1] if level else inputs, width)]
            row += [double(step * width + widths[level + 1], width) for step in range(1, self.levels - level)]
            rows.append(nn.ModuleList(row))
        self.nodes = nn.ModuleList(rows)

    def construct(self, image: Tensor) -> list[Tensor]:
        # (n, inputs, h, w) -> (n, widths[0], h, w) for each step but the first
        found = [[self.nodes[0][0](image)]]
        for level in range(1, self.levels):
            found.append([self.nodes[level][0](self.pool(found[level - 1][0]))])
        for step in range(1, self.levels):
            for level in range(self.levels - step):
                below = enlarge(found[level + 1][step - 1], 2)
                found[level].append(self.nodes[level][step](ops.cat([*found[level], below], axis=1)))
        return found[0][1:]


class Dense(nn.Module):
    """Dense blocks without down-sampling, each followed by a 1 x 1 block that keeps half of the channels."""

    def __init__(self, inputs: int, stem: int, growth: int, dilations: tuple[tuple[int, ...], ...]) -> None:
        super().__init__()
        self.stem = block(inputs, stem, 3)
        channels, layers, halves = stem, [], []
        for schedule in dilations:
            layers.append(
                nn.ModuleList([block(channels + i * growth, growth, 3, rate) for i, rate in enumerate(schedule)])
            )
            channels += len(schedule) * growth
            halves.append(block(channels, channels // 2, 1))
            channels //= 2
        self.layers, self.halves = nn.ModuleList(layers), nn.ModuleList(halves)
        self.channels = channels

    def construct(self, image: Tensor) -> Tensor:
        # (n, inputs, h, w) -> (n, channels, h, w)
        x = self.stem(image)
        for layers, half in zip(self.layers, self.halves):
            for layer in layers:
                x = ops.cat([x, layer(x)], axis=1)
            x = half(x)
        return x


class Places(nn.Module):
    """What each place takes from similar ones, compared on squares of 8 x 8 pixels."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(features, features // KEY_SHARE, 1)
        self.key = nn.Conv2d(features, features // KEY_SHARE, 1)
        self.value = nn.Conv2d(features, features, 1)
        self.gamma = nn.parameter(1)
        self.pool = ops.AvgPool(POOLED, POOLED, "valid")

    def construct(self, x: Tensor) -> Tensor:
        # (n, c, h, w) -> (n, c, h, w)
        small = self.pool(x)
        n, c, h, w = small.shape
        query = self.query(small).reshape(n, -1, h * w).swapaxes(1, 2)
        weights = ops.softmax(ops.matmul(query, self.key(small).reshape(n, -1, h * w)), axis=-1)
        values = self.value(small).reshape(n, c, h * w)
        taken = ops.matmul(values, weights.swapaxes(1, 2)).reshape(n, c, h, w)
        return self.gamma * enlarge(taken, POOLED)


class Channels(nn.Module):
    """What each channel takes from those that are unlike it."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.parameter(1)

    def construct(self, x: Tensor) -> Tensor:
        # (n, c, h, w) -> (n, c, h, w)
        n, c, h, w = x.shape
        flat = x.reshape(n, c, h * w)
        scaled = flat * (h * w) ** -0.5
        likeness = ops.matmul(scaled, scaled.swapaxes(1, 2))
        weights = ops.softmax(likeness.max(axis=-1, keepdims=True) - likeness, axis=-1)
        return self.gamma * ops.matmul(weights, flat).reshape(n, c, h, w)


class Net(nn.Module):
    """Both streams side by side, joined, attended to; three maps: background, inside, boundary."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.nested = Nested(config.input_channels, config.widths)
        self.dense = Dense(config.input_channels, config.stem, config.growth, config.dilations)
        joined = self.dense.channels + (len(config.widths) - 1) * config.widths[0]
        self.fuse = block(joined, config.features, 1)
        self.places = Places(config.features)
        self.channels = Channels()
        self.post = block(config.features, config.features, 3)
        self.head = nn.Conv2d(config.features, REGIONS, 1)

    def construct(self, image: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w) -> logits (n, 3, h, w)
        x = self.fuse(ops.cat([self.dense(image), *self.nested(image)], axis=1))
        return {"logits": self.head(self.post(x + self.places(x) + self.channels(x)))}
