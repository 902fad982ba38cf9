"""DETR as published in PyTorch (Carion et al. 2020): ResNet-50, encoder, decoder with learned queries."""

from __future__ import annotations

import torch
from torch import nn

from zoo.common.networks.resnet_torch import ResNet, Style

from .config import DEPTHS, Config
from .positions import sine_positions

WIDTH = 64  # channels of the first stage of resnet50


class Attention(nn.Module):
    """Attention over several heads."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (dim // heads) ** -0.5
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(dim, dim)

    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        # query (n, k, dim), key and value (n, t, dim) -> (n, k, dim)
        n, k, dim = query.shape
        q = self.query(query).reshape(n, k, self.heads, -1).permute(0, 2, 1, 3) * self.scale
        keys = self.key(key).reshape(n, -1, self.heads, dim // self.heads).permute(0, 2, 3, 1)
        values = self.value(value).reshape(n, -1, self.heads, dim // self.heads).permute(0, 2, 1, 3)
        weights = self.dropout(torch.softmax(q @ keys, dim=-1))
        return self.out((weights @ values).permute(0, 2, 1, 3).reshape(n, k, dim))


def mlp(dim: int, feedforward: int, dropout: float) -> nn.Module:
    """Two linear layers."""
    return nn.Sequential(nn.Linear(dim, feedforward), nn.ReLU(), nn.Dropout(dropout), nn.Linear(feedforward, dim))


class EncoderLayer(nn.Module):
    """Every token looks at every other; norms come after the residuals."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.among = Attention(config.dim, config.heads, config.dropout)
        self.norm1 = nn.LayerNorm(config.dim)
        self.mlp = mlp(config.dim, config.feedforward, config.dropout)
        self.norm2 = nn.LayerNorm(config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        # x (n, t, dim), positions (t, dim) -> (n, t, dim)
        placed = x + positions
        x = self.norm1(x + self.dropout(self.among(placed, placed, x)))
        return self.norm2(x + self.dropout(self.mlp(x)))


class DecoderLayer(nn.Module):
    """Queries look at each other, then at the picture."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.among = Attention(config.dim, config.heads, config.dropout)
        self.norm1 = nn.LayerNorm(config.dim)
        self.across = Attention(config.dim, config.heads, config.dropout)
        self.norm2 = nn.LayerNorm(config.dim)
        self.mlp = mlp(config.dim, config.feedforward, config.dropout)
        self.norm3 = nn.LayerNorm(config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: torch.Tensor, queries: torch.Tensor, memory: torch.Tensor, positions: torch.Tensor
    ) -> torch.Tensor:
        # x (n, k, dim), queries (k, dim), memory (n, t, dim), positions (t, dim) -> (n, k, dim)
        placed = x + queries
        x = self.norm1(x + self.dropout(self.among(placed, placed, x)))
        x = self.norm2(x + self.dropout(self.across(x + queries, memory + positions, memory)))
        return self.norm3(x + self.dropout(self.mlp(x)))


class PlainDetr(nn.Module):
    """Body, encoder, decoder, and two heads that all layers of the decoder share."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.dim = config.dim
        self.backbone = ResNet(config.input_channels, WIDTH, DEPTHS, Style(bottleneck=True, is_frozen=True))
        self.input_proj = nn.Conv2d(self.backbone.outputs, config.dim, 1)
        self.encoder = nn.ModuleList([EncoderLayer(config) for _ in range(config.encoder_layers)])
        self.queries = nn.Parameter(torch.zeros(config.queries, config.dim))
        self.decoder = nn.ModuleList([DecoderLayer(config) for _ in range(config.decoder_layers)])
        self.norm = nn.LayerNorm(config.dim)
        self.labels = nn.Linear(config.dim, len(config.classes) + 1)
        self.boxes = nn.Sequential(
            nn.Linear(config.dim, config.dim),
            nn.ReLU(),
            nn.Linear(config.dim, config.dim),
            nn.ReLU(),
            nn.Linear(config.dim, 4),
        )

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        # (n, c, h, w) -> logits (n, layers, k, classes + 1), boxes (n, layers, k, 4), shares of the sides
        features = self.input_proj(self.backbone(image)[-1])
        n, _, h, w = features.shape
        positions = torch.from_numpy(sine_positions(int(h), int(w), self.dim)).to(features)
        memory = features.flatten(2).permute(0, 2, 1)
        for layer in self.encoder:
            memory = layer(memory, positions)
        x = torch.zeros_like(self.queries)[None].expand(n, -1, -1)
        found = []
        for layer in self.decoder:
            x = layer(x, self.queries, memory, positions)
            found.append(self.norm(x))
        stacked = torch.stack(found, dim=1)
        return {"logits": self.labels(stacked), "boxes": torch.sigmoid(self.boxes(stacked))}
