"""DLA-34 and its up-sampling neck in MindSpore (Yu et al. 2018; Zhou et al. 2019): maps at strides 4 to 32, merged."""

from __future__ import annotations

from collections.abc import Sequence

from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn
from zoo.common.networks.deformable_mindspore import DeformableConv2d


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions around a residual that the tree provides."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()

    def construct(self, x: Tensor, residual: Tensor) -> Tensor:
        # (n, inputs, h, w), (n, outputs, h/s, w/s) -> (n, outputs, h/s, w/s)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + residual)


class Root(nn.Module):
    """Merge the maps of a tree."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()

    def construct(self, maps: Sequence[Tensor]) -> Tensor:
        # maps of `inputs` channels in all -> (n, outputs, h, w)
        return self.relu(self.bn(self.conv(ops.cat(maps, axis=1))))


def projection(inputs: int, outputs: int) -> nn.Module:
    """Match the channels of a residual."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


class Tree(nn.Module):
    """Hierarchical aggregation (Yu et al. 2018, figure 3): two subtrees, or two blocks and their root at depth one.

    extra: channels of the maps that come from outside to the root.
    """

    def __init__(
        self, depth: int, inputs: int, outputs: int, stride: int, level_root: bool = False, extra: int = 0
    ) -> None:
        super().__init__()
        self.depth = depth
        self.level_root = level_root
        extra = extra + inputs if level_root else extra
        self.downsample = nn.MaxPool2d(2) if stride == 2 else nn.Identity()
        if depth == 1:
            self.project = projection(inputs, outputs) if inputs != outputs else nn.Identity()
            self.tree1 = BasicBlock(inputs, outputs, stride)
            self.tree2 = BasicBlock(outputs, outputs, 1)
            self.root = Root(2 * outputs + extra, outputs)
        else:
            self.tree1 = Tree(depth - 1, inputs, outputs, stride)
            self.tree2 = Tree(depth - 1, outputs, outputs, 1, extra=extra + outputs)

    def construct(self, x: Tensor, children: Sequence[Tensor] = ()) -> Tensor:
        # (n, inputs, h, w) -> (n, outputs, h/s, w/s)
        bottom = self.downsample(x)
        if self.level_root:
            children = [bottom, *children]
        if self.depth > 1:
            x1 = self.tree1(x)
            return self.tree2(x1, [*children, x1])
        x1 = self.tree1(x, self.project(bottom))
        x2 = self.tree2(x1, x1)
        return self.root([x2, x1, *children])


def stem(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Module:
    """Convolve, normalise and rectify."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


class DLA34(nn.Module):
    """The backbone (Yu et al. 2018), with the parameter names of timm's dla34.

    channels: of its six stages; (16, 32, 64, 128, 256, 512) is DLA-34.
    dead_projections: keep weights of the published code that never reach an output.
    """

    def __init__(self, channels: Sequence[int], input_channels: int, dead_projections: bool = False) -> None:
        super().__init__()
        c = channels
        self.base_layer = stem(input_channels, c[0], 7, 1)
        self.level0 = stem(c[0], c[0], 3, 1)
        self.level1 = stem(c[0], c[1], 3, 2)
        self.level2 = Tree(1, c[1], c[2], 2)
        self.level3 = Tree(2, c[2], c[3], 2, level_root=True)
        self.level4 = Tree(2, c[3], c[4], 2, level_root=True)
        self.level5 = Tree(1, c[4], c[5], 2, level_root=True)
        if dead_projections:  # published, never used: a tree of depth two takes its residual from its subtrees
            self.level3.project = projection(c[2], c[3])
            self.level4.project = projection(c[3], c[4])

    def construct(self, x: Tensor) -> list[Tensor]:
        # (n, c, h, w) -> maps at strides 4, 8, 16, 32
        level2 = self.level2(self.level1(self.level0(self.base_layer(x))))
        level3 = self.level3(level2)
        level4 = self.level4(level3)
        return [level2, level3, level4, self.level5(level4)]


class NeckConv(nn.Module):
    """A 3 x 3 convolution of the neck, deformable or plain, with its norm."""

    def __init__(self, inputs: int, outputs: int, deformable: bool) -> None:
        super().__init__()
        if deformable:
            self.conv = DeformableConv2d(inputs, outputs)
        else:
            self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()

    def construct(self, x: Tensor) -> Tensor:
        # (n, inputs, h, w) -> (n, outputs, h, w)
        return self.relu(self.bn(self.conv(x)))


def upsampling(channels: int, factor: int) -> nn.Module:
    """Enlarge each channel by its own trainable kernel."""
    return nn.ConvTranspose2d(
        channels, channels, 2 * factor, stride=factor, padding=factor // 2, groups=channels, bias=False
    )


class IDAUp(nn.Module):
    """Iterative deep aggregation: bring each coarser map to the size of the finest, one after the other."""

    def __init__(self, inputs: Sequence[int], outputs: int, factors: Sequence[int], deformable: bool) -> None:
        super().__init__()
        self.proj = nn.ModuleList([NeckConv(c, outputs, deformable) for c in inputs[1:]])
        self.up = nn.ModuleList([upsampling(outputs, factor) for factor in factors[1:]])
        self.node = nn.ModuleList([NeckConv(outputs, outputs, deformable) for _ in inputs[1:]])

    def construct(self, maps: Sequence[Tensor]) -> list[Tensor]:
        # k maps, finest first -> k maps of the size of the first
        merged = [maps[0]]
        for proj, up, node, x in zip(self.proj, self.up, self.node, maps[1:]):
            merged.append(node(up(proj(x)) + merged[-1]))
        return merged


class DLAUp(nn.Module):
    """The pyramid of aggregations: merge the two coarsest maps, then the three coarsest, then all."""

    def __init__(self, channels: Sequence[int], deformable: bool) -> None:
        super().__init__()
        stages = []
        for start in range(len(channels) - 2, -1, -1):
            coarser = len(channels) - 1 - start  # maps, which the stage before has left with equal channels
            inputs = [channels[start]] + [channels[start + 1]] * coarser
            factors = [1] + [2] * coarser
            stages.append(IDAUp(inputs, channels[start], factors, deformable))
        self.ida = nn.ModuleList(stages)

    def construct(self, maps: Sequence[Tensor]) -> list[Tensor]:
        # maps at strides 4, 8, 16, 32 -> merged maps at strides 4, 8, 16, 32
        maps = list(maps)
        merged = [maps[-1]]
        for ida in self.ida:
            start = len(maps) - 1 - len(ida.proj)
            maps = maps[:start] + ida(maps[start:])
            merged.insert(0, maps[-1])
        return merged
