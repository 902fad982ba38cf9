"""DETR with chosen queries in PyTorch: a heat map names places, attention near each place refines its box.

Queries come from the encoder's best places (Zhu et al. 2021, two-stage), boxes are refined layer by layer (same), and
attention falls off with the distance from where a head expects to see something (Gao et al. 2021, eq. 4): so nothing
depends on where in the picture an object lies, and pieces of 96 px teach what holds for whole slices.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from zoo.common.networks.residual_unet_torch import ResidualUNet2d

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


def flat(maps: torch.Tensor) -> torch.Tensor:
    """Turn maps (n, c, h, w) into tokens (n, h * w, c)."""
    return maps.flatten(2).permute(0, 2, 1)


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

    def forward(
        self, x: torch.Tensor, memory: torch.Tensor, boxes: torch.Tensor, centres: torch.Tensor, cell: float
    ) -> torch.Tensor:
        # x (n, k, dim), memory (n, t, dim), boxes (n, k, 4), centres (n or 1, t, 2), all lengths alike -> (n, k, dim)
        n, k, dim = x.shape
        q = self.query(x).reshape(n, k, self.heads, -1).permute(0, 2, 1, 3)
        near = self.nearness(x, boxes, centres, cell)
        keys = self.key(memory).reshape(n, -1, self.heads, dim // self.heads).permute(0, 2, 3, 1)
        values = self.value(memory).reshape(n, -1, self.heads, dim // self.heads).permute(0, 2, 1, 3)
        weights = torch.softmax(q * self.scale @ keys - near, dim=-1)
        return self.out((weights @ values).permute(0, 2, 1, 3).reshape(n, k, dim))

    def nearness(self, x: torch.Tensor, boxes: torch.Tensor, centres: torch.Tensor, cell: float) -> torch.Tensor:
        # -> squared distances (n, heads, k, t), in half sides, from where each head looks, times its sharpness
        n, k, _ = x.shape
        place = self.place(x).reshape(n, k, self.heads, 3).permute(3, 0, 2, 1)[..., None]
        sharpness = torch.exp(torch.clamp(place[2], -LARGEST_LOG, LARGEST_LOG))
        squares = []
        for axis in range(2):
            reach = (boxes[:, :, 2 + axis] + cell)[..., None] / 2
            apart = (centres[:, None, :, axis] - boxes[:, :, axis][..., None]) / reach
            squares.append((apart[:, None] - place[axis]) ** 2)
        return torch.clamp(sharpness * (squares[0] + squares[1]), max=FARTHEST)


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

    def forward(
        self,
        x: torch.Tensor,
        extent: torch.Tensor,
        memory: torch.Tensor,
        boxes: torch.Tensor,
        centres: torch.Tensor,
        cell: float,
    ) -> torch.Tensor:
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

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        # (n, c, h, w) -> logits (n, layers, k, classes), boxes (n, layers, k, 4), maps (n, channels, h/s, w/s)
        maps, memory = self.look(image)
        count = self.config.queries if self.training else self.config.queries_whole
        chosen = choose(maps["hm"].detach().float().cpu().numpy(), count)
        read = torch.from_numpy(one_hot(chosen, memory.shape[1])).to(memory)
        return {**self.refine(maps, memory, read), **maps}

    def look(self, image: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        # (n, c, h, w) -> maps (n, channels, h/s, w/s), memory (n, t, dim)
        features = self.backbone(image)
        return {name: layers(features) for name, layers in self.maps.items()}, flat(self.input_proj(features))

    def refine(
        self, maps: dict[str, torch.Tensor], memory: torch.Tensor, read: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        # maps, memory (n, t, dim), which cells are read (n, k, t) -> logits (n, layers, k, classes), boxes
        cell = self.config.stride / self.config.distance_px
        rows, columns = (int(side) for side in maps["reg"].shape[2:])
        centres = torch.from_numpy(cell_centres(rows, columns, cell)).to(memory)
        x, boxes = read @ memory, read @ self.boxes_of(maps, centres, cell)
        logits, places = [], []
        for layer, label, box in zip(self.decoder, self.labels, self.boxes, strict=True):
            extent = self.extent(torch.log(boxes[:, :, 2:] * (self.config.distance_px / self.config.reference_px)))
            x = layer(x, extent, memory, boxes, centres, cell)
            refined = self.refined(boxes, box(x), cell)
            logits.append(label(x))
            places.append(refined)
            boxes = refined.detach()
        return {"logits": torch.stack(logits, dim=1), "boxes": torch.stack(places, dim=1)}

    def boxes_of(self, maps: dict[str, torch.Tensor], centres: torch.Tensor, cell: float) -> torch.Tensor:
        """Read the boxes (n, t, 4) that the maps have in every cell; no gradient goes through them."""
        place, side = (flat(maps[name].detach()) for name in ("reg", "wh"))
        unit = self.config.reference_px / self.config.distance_px
        sides = torch.exp(torch.clamp(side, -LARGEST_LOG, LARGEST_LOG)) * unit
        return torch.cat([centres + (place - 0.5) * cell, sides], dim=2)

    def refined(self, boxes: torch.Tensor, step: torch.Tensor, cell: float) -> torch.Tensor:
        """Move boxes (n, k, 4) by what a layer answers: half sides, and logarithms of sides."""
        step = torch.clamp(step, -LARGEST_STEP, LARGEST_STEP)
        middle = boxes[:, :, :2] + step[:, :, :2] * (boxes[:, :, 2:] + cell) / 2
        least, most = (math.exp(sign * LARGEST_LOG) for sign in (-1, 1))
        return torch.cat([middle, torch.clamp(boxes[:, :, 2:] * torch.exp(step[:, :, 2:]), least, most)], dim=2)
