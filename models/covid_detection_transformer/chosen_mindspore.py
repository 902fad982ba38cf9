"""DETR with chosen queries in MindSpore: a heat map names places, attention near each place refines its box.

Queries come from the encoder's best places (Zhu et al. 2021, two-stage), boxes are refined layer by layer (same), and
attention falls off with the distance from where a head expects to see something (Gao et al. 2021, eq. 4): so nothing
depends on where in the picture an object lies, and pieces of 96 px teach what holds for whole slices.
"""

from __future__ import annotations

import math

from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn
from zoo.common.networks.residual_unet_mindspore import ResidualUNet2d

from .cells import cell_centres, choose, one_hot
from .config import Config

LARGEST_LOG = 6.0  # of a side's logarithm, and of the sharpness of a head
# squared distance of what is not looked at; more gives weights so small that they slow the processor down
FARTHEST = 30.0
LARGEST_STEP = 2.0  # of one refinement, in logarithms and half sides


def mlp(inputs: int, inner: int, outputs: int) -> nn.Module:
    """Two linear layers."""
    return nn.Sequential(nn.Linear(inputs, inner), nn.ReLU(), nn.Linear(inner, outputs))


def head(inputs: int, inner: int, outputs: int) -> nn.Module:
    """Predict one quantity per cell."""
    return nn.Sequential(nn.Conv2d(inputs, inner, 3, padding=1), nn.ReLU(), nn.Conv2d(inner, outputs, 1))


def flat(maps: Tensor) -> Tensor:
    """Turn maps (n, c, h, w) into tokens (n, h * w, c)."""
    return maps.reshape(*maps.shape[:2], -1).permute(0, 2, 1)


class PlacedAttention(nn.Module):
    """Attention over several heads, each of which looks around a place of its own beside the query's box."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (dim // heads) ** -0.5
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.place = nn.Linear(dim, 3 * heads)
        self.out = nn.Linear(dim, dim)

    def construct(self, x: Tensor, memory: Tensor, boxes: Tensor, centres: Tensor, cell: float) -> Tensor:
        # x (n, k, dim), memory (n, t, dim), boxes (n, k, 4), centres (n or 1, t, 2), all lengths alike -> (n, k, dim)
        n, k, dim = x.shape
        q = self.query(x).reshape(n, k, self.heads, -1).permute(0, 2, 1, 3)
        near = self.nearness(x, boxes, centres, cell)
        keys = self.key(memory).reshape(n, -1, self.heads, dim // self.heads).permute(0, 2, 3, 1)
        values = self.value(memory).reshape(n, -1, self.heads, dim // self.heads).permute(0, 2, 1, 3)
        weights = ops.softmax(ops.matmul(q * self.scale, keys) - near, axis=-1)
        return self.out(ops.matmul(weights, values).permute(0, 2, 1, 3).reshape(n, k, dim))

    def nearness(self, x: Tensor, boxes: Tensor, centres: Tensor, cell: float) -> Tensor:
        # -> squared distances (n, heads, k, t), in half sides, from where each head looks, times its sharpness
        n, k, _ = x.shape
        place = self.place(x).reshape(n, k, self.heads, 3).permute(3, 0, 2, 1).expand_dims(-1)
        sharpness = ops.exp(ops.clamp(place[2], -LARGEST_LOG, LARGEST_LOG))
        squares = []
        for axis in range(2):
            reach = (boxes[:, :, 2 + axis] + cell).expand_dims(-1) / 2
            apart = (centres[:, :, axis].expand_dims(1) - boxes[:, :, axis].expand_dims(-1)) / reach
            squares.append((apart.expand_dims(1) - place[axis]) ** 2)
        return ops.clamp(sharpness * (squares[0] + squares[1]), max=FARTHEST)


class RefiningLayer(nn.Module):
    """Look at the other queries, then at the picture, around the boxes as they are so far."""

    def __init__(self, dim: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.among = PlacedAttention(dim, heads)
        self.norm1 = nn.LayerNorm(dim)
        self.across = PlacedAttention(dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = mlp(dim, feedforward, dim)
        self.norm3 = nn.LayerNorm(dim)

    def construct(
        self,
        x: Tensor,
        extent: Tensor,
        memory: Tensor,
        boxes: Tensor,
        centres: Tensor,
        cell: float,
    ) -> Tensor:
        # x, extent (n, k, dim), memory (n, t, dim), boxes (n, k, 4), centres (1, t, 2) -> (n, k, dim)
        x = self.norm1(x + self.among(x + extent, x + extent, boxes, boxes[:, :, :2], cell))
        x = self.norm2(x + self.across(x + extent, memory, boxes, centres, cell))
        return self.norm3(x + self.mlp(x))


class ChosenDetr(nn.Module):
    """Body, heat map, chosen queries, refining layers."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        until, classes = config.stride.bit_length() - 1, len(config.classes)
        width = config.channels[until]
        self.backbone = ResidualUNet2d(config.input_channels, config.channels, until)
        self.maps = nn.ModuleDict(
            {name: head(width, config.dim // 2, count) for name, count in (("hm", classes), ("reg", 2), ("wh", 2))}
        )
        self.input_proj = nn.Conv2d(width, config.dim, 1)
        self.extent = mlp(2, config.dim, config.dim)
        layers = range(config.decoder_layers)
        self.decoder = nn.ModuleList([RefiningLayer(config.dim, config.heads, config.feedforward) for _ in layers])
        self.labels = nn.ModuleList([nn.Linear(config.dim, classes) for _ in layers])
        self.boxes = nn.ModuleList([mlp(config.dim, config.dim, 4) for _ in layers])

    def construct(self, image: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w) -> logits (n, layers, k, classes), boxes (n, layers, k, 4), maps (n, channels, h/s, w/s)
        maps, memory = self.look(image)
        count = self.config.queries if self.training else self.config.queries_whole
        chosen = choose(ops.stop_gradient(maps["hm"]).asnumpy(), count)
        read = Tensor(one_hot(chosen, memory.shape[1]))
        return {**self.refine(maps, memory, read), **maps}

    def look(self, image: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        # (n, c, h, w) -> maps (n, channels, h/s, w/s), memory (n, t, dim)
        features = self.backbone(image)
        return {name: layers(features) for name, layers in self.maps.items()}, flat(self.input_proj(features))

    def refine(self, maps: dict[str, Tensor], memory: Tensor, read: Tensor) -> dict[str, Tensor]:
        # maps, memory (n, t, dim), which cells are read (n, k, t) -> logits (n, layers, k, classes), boxes
        cell = self.config.stride / self.config.distance_px
        rows, columns = maps["reg"].shape[2:]
        centres = Tensor(cell_centres(rows, columns, cell))
        x, boxes = ops.matmul(read, memory), ops.matmul(read, self.boxes_of(maps, centres, cell))
        logits, places = [], []
        for layer, label, box in zip(self.decoder, self.labels, self.boxes, strict=True):
            extent = self.extent(ops.log(boxes[:, :, 2:] * (self.config.distance_px / self.config.reference_px)))
            x = layer(x, extent, memory, boxes, centres, cell)
            refined = self.refined(boxes, box(x), cell)
            logits.append(label(x))
            places.append(refined)
            boxes = ops.stop_gradient(refined)
        return {"logits": ops.stack(logits, axis=1), "boxes": ops.stack(places, axis=1)}

    def boxes_of(self, maps: dict[str, Tensor], centres: Tensor, cell: float) -> Tensor:
        """Read the boxes (n, t, 4) that the maps have in every cell; no gradient goes through them."""
        place, side = (flat(ops.stop_gradient(maps[name])) for name in ("reg", "wh"))
        unit = self.config.reference_px / self.config.distance_px
        sides = ops.exp(ops.clamp(side, -LARGEST_LOG, LARGEST_LOG)) * unit
        return ops.cat([centres + (place - 0.5) * cell, sides], axis=2)

    def refined(self, boxes: Tensor, step: Tensor, cell: float) -> Tensor:
        """Move boxes (n, k, 4) by what a layer answers: half sides, and logarithms of sides."""
        step = ops.clamp(step, -LARGEST_STEP, LARGEST_STEP)
        middle = boxes[:, :, :2] + step[:, :, :2] * (boxes[:, :, 2:] + cell) / 2
        least, most = (math.exp(sign * LARGEST_LOG) for sign in (-1, 1))
        return ops.cat([middle, ops.clamp(boxes[:, :, 2:] * ops.exp(step[:, :, 2:]), least, most)], axis=2)
