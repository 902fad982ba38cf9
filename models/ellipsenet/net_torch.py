"""The network of EllipseNet in PyTorch: DLA-34, iterative up-sampling with DCNv2, one head per quantity."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from .config import RATIOS, Config


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions around a residual that the tree provides."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
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

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        # maps of `inputs` channels in all -> (n, outputs, h, w)
        return self.relu(self.bn(self.conv(torch.cat(maps, dim=1))))


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

    def forward(self, x: torch.Tensor, children: Sequence[torch.Tensor] = ()) -> torch.Tensor:
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
    """The backbone, with the parameter names of timm's dla34."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = config.channels
        self.base_layer = stem(config.input_channels, c[0], 7, 1)
        self.level0 = stem(c[0], c[0], 3, 1)
        self.level1 = stem(c[0], c[1], 3, 2)
        self.level2 = Tree(1, c[1], c[2], 2)
        self.level3 = Tree(2, c[2], c[3], 2, level_root=True)
        self.level4 = Tree(2, c[3], c[4], 2, level_root=True)
        self.level5 = Tree(1, c[4], c[5], 2, level_root=True)
        if config.dead_projections:  # published, never used: a tree of depth two takes its residual from its subtrees
            self.level3.project = projection(c[2], c[3])
            self.level4.project = projection(c[3], c[4])

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        # (n, c, h, w) -> maps at strides 4, 8, 16, 32
        level2 = self.level2(self.level1(self.level0(self.base_layer(x))))
        level3 = self.level3(level2)
        level4 = self.level4(level3)
        return [level2, level3, level4, self.level5(level4)]


def sample_bilinear(x: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Read maps between pixels, zero outside, and multiply by `factors`.

    x: (n, c, h, w); rows, columns [px] and factors: (n, k). Returns (n, k, c). The cells are found by floor on the
    pixel scale, so that a whole-numbered position has the same one-sided gradient in both frameworks.
    """
    n, c, h, w = x.shape
    pixels = x.permute(0, 2, 3, 1).reshape(n * h * w, c)
    first = torch.arange(n, device=x.device).reshape(n, 1) * (h * w)
    top, left = torch.floor(rows), torch.floor(columns)
    down, right = rows - top, columns - left
    indices, weights = [], []
    for row, row_weight in ((top, 1 - down), (top + 1, down)):
        for column, column_weight in ((left, 1 - right), (left + 1, right)):
            inside = ((row >= 0) & (row <= h - 1) & (column >= 0) & (column <= w - 1)).to(x.dtype)
            index = row.clamp(0, h - 1) * w + column.clamp(0, w - 1)
            indices.append(index.detach().long() + first)
            weights.append(row_weight * column_weight * inside * factors)
    corners = torch.stack(indices, -1).reshape(-1, 4)
    corner_weights = torch.stack(weights, -1).reshape(-1, 4)
    sampled = functional.embedding_bag(corners, pixels, per_sample_weights=corner_weights, mode="sum")
    return sampled.reshape(n, -1, c)


def deformable_conv2d(
    x: torch.Tensor, offsets: torch.Tensor, mask: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """Convolve 3 x 3 at displaced, weighted taps (Zhu et al. 2019, eq. 1; stride 1, padding 1).

    x: (n, c, h, w). offsets: (n, 18, h, w), row and column in turn for each tap [px]. mask: (n, 9, h, w).
    weight: (o, c, 3, 3). Returns (n, o, h, w).
    """
    x, offsets, mask = (t.to(weight.dtype) for t in (x, offsets, mask))  # half precision would round the positions
    n, c, h, w = x.shape
    taps = torch.arange(9, device=x.device)
    rows = torch.arange(h, device=x.device).reshape(h, 1, 1) + taps // 3 - 1
    columns = torch.arange(w, device=x.device).reshape(w, 1) + taps % 3 - 1
    shifts = offsets.reshape(n, 9, 2, h, w).permute(2, 0, 3, 4, 1)
    factors = mask.permute(0, 2, 3, 1).reshape(n, -1)
    sampled = sample_bilinear(x, (shifts[0] + rows).reshape(n, -1), (shifts[1] + columns).reshape(n, -1), factors)
    kernel = weight.permute(2, 3, 1, 0).reshape(9 * c, -1)
    out = sampled.reshape(n * h * w, 9 * c) @ kernel + bias
    return out.reshape(n, h, w, -1).permute(0, 3, 1, 2)


class DeformableConv2d(nn.Module):
    """DCNv2: a 3 x 3 convolution that predicts where and how much each tap reads."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.conv_offset_mask = nn.Conv2d(inputs, 27, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # (n, inputs, h, w) -> (n, outputs, h, w)
        offset_mask = self.conv_offset_mask(x)
        mask = torch.sigmoid(offset_mask[:, 18:])
        return deformable_conv2d(x, offset_mask[:, :18], mask, self.weight, self.bias)


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

    def forward(self, x: torch.Tensor) -> torch.Tensor:
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

    def forward(self, maps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        # k maps, finest first -> k maps of the size of the first
        merged = [maps[0]]
        for proj, up, node, x in zip(self.proj, self.up, self.node, maps[1:], strict=True):
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

    def forward(self, maps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        # maps at strides 4, 8, 16, 32 -> merged maps at strides 4, 8, 16, 32
        maps = list(maps)
        merged = [maps[-1]]
        for ida in self.ida:
            start = len(maps) - 1 - len(ida.proj)
            maps = maps[:start] + ida(maps[start:])
            merged.insert(0, maps[-1])
        return merged


class Net(nn.Module):
    """Backbone, neck and heads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        stages = config.channels[2:]
        self.backbone = DLA34(config)
        self.dla_up = DLAUp(stages, config.deformable)
        self.ida_up = IDAUp(stages[:3], stages[0], (1, 2, 4), config.deformable)
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.Conv2d(stages[0], config.head_channels, 3, padding=1),
                    nn.ReLU(),
                    nn.Conv2d(config.head_channels, outputs, 1),
                )
                for name, outputs in config.outputs.items()
            }
        )

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        # (n, c, h, w) -> per head (n, channels, h/4, w/4)
        maps = self.dla_up(self.backbone(x))
        features = self.ida_up(maps[:3])[-1]
        outputs = {name: head(features) for name, head in self.heads.items()}
        return {name: torch.sigmoid(y) if name in RATIOS else y for name, y in outputs.items()}
