"""The network of LOD-Net in MindSpore: ResNet, pyramid, proposals, boxes, masks refined at the border."""

from __future__ import annotations

from collections.abc import Sequence

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn
from zoo.common.networks.resnet_mindspore import ResNet, Style

from .config import BOX_BINS, MASK_BINS, RATIOS, Config
from .derivatives import DIRECTIONS, border
from .packing import pack
from .pooling import Part, plan
from .regions import Regions, detect, propose

Maps = list[Tensor]
TRUNK = 4  # convolutions


class Pyramid(nn.Module):
    """Bring the body's maps to one width and add the coarser to the finer (Lin et al. 2017)."""

    def __init__(self, widths: Sequence[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList([nn.Conv2d(w, width, 1) for w in widths])
        self.output = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in widths])
        self.halve = nn.MaxPool2d(1, 2)

    def construct(self, maps: Sequence[Tensor]) -> Maps:
        # maps of strides 4..32 -> (n, width, h, w) of strides 4..64
        x = [layer(y) for layer, y in zip(self.lateral, maps, strict=True)]
        for level in range(len(x) - 1, 0, -1):
            x[level - 1] = x[level - 1] + enlarge(x[level])
        found = [layer(y) for layer, y in zip(self.output, x, strict=True)]
        return [*found, self.halve(found[-1])]


class ProposalHead(nn.Module):
    """Say of each anchor whether it is an object, and where that lies."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.objectness = nn.Conv2d(width, len(RATIOS), 1)
        self.steps = nn.Conv2d(width, 4 * len(RATIOS), 1)

    def construct(self, maps: Maps) -> tuple[Tensor, Tensor]:
        # -> logits (n, anchors), steps (n, anchors, 4), level by level, row by row
        logits, steps = [], []
        for x in maps:
            y = ops.relu(self.conv(x))
            n, _, h, w = y.shape
            logits.append(self.objectness(y).permute(0, 2, 3, 1).reshape(n, -1))
            shifts = self.steps(y).reshape(n, len(RATIOS), 4, h, w)
            steps.append(shifts.permute(0, 3, 4, 1, 2).reshape(n, -1, 4))
        return ops.cat(logits, axis=1), ops.cat(steps, axis=1)


class BoxHead(nn.Module):
    """Say of each region whether it is an object, and where that lies."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width * BOX_BINS**2, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.scores = nn.Linear(hidden, 2)
        self.steps = nn.Linear(hidden, 4)

    def construct(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        # (r, width, 7, 7) -> logits of none and object (r, 2), steps (r, 4)
        x = ops.relu(self.fc1(cells.reshape(cells.shape[0], -1)))
        x = ops.relu(self.fc2(x))
        return self.scores(x), self.steps(x)


class Trunk(nn.Module):
    """Four convolutions, and one that doubles the sides."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(TRUNK)])
        self.deconv = nn.ConvTranspose2d(width, width, 2, stride=2)

    def construct(self, x: Tensor) -> Tensor:
        # (r, width, 14, 14) -> (r, width, 28, 28)
        for conv in self.convs:
            x = ops.relu(conv(x))
        return ops.relu(self.deconv(x))


class MaskHead(nn.Module):
    """Draw the mask of each region; where the oriented derivatives see the border, they take part."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.pyramid
        self.points, self.selection = config.points, config.selection
        self.mask = Trunk(width)
        self.layers = nn.Sequential(Trunk(width), nn.Conv2d(width, DIRECTIONS, 3, padding=1))
        self.outputs_conv = nn.Conv2d(DIRECTIONS, width, 1)
        self.predictor = nn.Conv2d(width, 1, 1)
        if config.offsets == "learned":
            self.offsets_conv = nn.Sequential(
                Trunk(width), nn.Conv2d(width, 2 * DIRECTIONS, 3, padding=1), nn.BatchNorm2d(2 * DIRECTIONS)
            )

    def construct(self, cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        # (r, width, 14, 14) -> logits (r, 28, 28), derivatives (r, 8, 28, 28), border (r, 28, 28)
        derivatives = self.layers(cells)
        chosen = like(border(array(derivatives), self.points, self.selection), cells)
        fused = self.mask(cells) + self.outputs_conv(derivatives) * chosen.expand_dims(1)
        return self.predictor(fused)[:, 0], derivatives, chosen

    def offsets(self, cells: Tensor) -> Tensor:
        # (r, width, 14, 14) -> (r, 8, 2, 28, 28): one pixel at most, (y, x)
        x = 2 * ops.sigmoid(2 * self.offsets_conv(cells)) - 1  # tanh; that of MindSpore is 1e-4 off
        return x.reshape(x.shape[0], DIRECTIONS, 2, *x.shape[2:])


class Net(nn.Module):
    """Body and heads; forward() is for prediction, training goes through the parts."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        style = Style(config.bottleneck, config.norm == "frozen", config.stride_in_1x1)
        self.backbone = ResNet(config.input_channels, config.width, config.layers, style)
        self.fpn = Pyramid(config.widths, config.pyramid)
        self.rpn = ProposalHead(config.pyramid)
        self.box = BoxHead(config.pyramid, config.hidden)
        self.masks = MaskHead(config)

    def construct(self, image: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w) -> see packing.pack, and border (n, most, 28, 28)
        maps = self.features(image)
        n, size = image.shape[0], tuple(image.shape[2:])
        logits, steps = (array(values) for values in self.rpn(maps))
        proposals = propose(logits, steps, size, self.config, training=False)
        scores, shifts = self.box(self.pooled(maps, proposals, size, BOX_BINS))
        object_scores = array(ops.softmax(scores, axis=1)[:, 1])
        found, values = detect(proposals, object_scores, array(shifts), size, self.config, n)
        packed, regions, rows, is_there = pack(found, values, n, size, self.config)
        masks, _, chosen = self.masks(self.pooled(maps, regions, size, MASK_BINS))
        outputs = {name: like(value, image) for name, value in packed.items()}
        for name, drawn in (("masks", masks), ("border", chosen)):
            outputs[name] = ops.gather(drawn, Tensor(rows, ms.int32), 0) * like(is_there, drawn)[:, :, None, None]
        return outputs

    def features(self, image: Tensor) -> Maps:
        # (n, c, h, w) -> (n, width, h/s, w/s) of strides 4..64
        return self.fpn(self.backbone(image)[1:])

    def pooled(self, maps: Maps, regions: Regions, size: tuple[int, ...], bins: int) -> Tensor:
        # -> (r, width, bins, bins)
        return pool(maps, plan(regions.boxes, regions.pictures, regions.levels, (size[0], size[1]), bins))


def pool(maps: Maps, parts: Sequence[Part]) -> Tensor:
    """Return the cells of each region, (r, c, bins, bins); maps: (n, c, h, w) per level."""
    cells = []
    for part in parts:
        x = maps[part.level][part.picture]
        rows, columns = like(part.rows, x), like(part.columns, x)
        k, bins, h = rows.shape
        c, _, w = x.shape
        y = ops.matmul(rows.reshape(k * bins, h), x.permute(1, 0, 2).reshape(h, c * w))
        y = ops.matmul(y.reshape(k, bins * c, w), columns)
        cells.append(y.reshape(k, bins, c, bins).permute(0, 2, 1, 3))
    return ops.cat(cells)


def enlarge(x: Tensor) -> Tensor:
    """Double the sides by repeating pixels."""
    return ops.interpolate(x, size=(2 * x.shape[2], 2 * x.shape[3]), mode="nearest")


def array(values: Tensor) -> np.ndarray:
    """Copy values out; no gradient goes through what is chosen by them."""
    return ops.stop_gradient(values).astype(ms.float32).asnumpy().copy()


def like(values: np.ndarray, x: Tensor) -> Tensor:
    """Put values where `x` is, in its type."""
    return Tensor(values, x.dtype)
