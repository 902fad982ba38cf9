"""The network of MTCSN in PyTorch: one encoder, two branches that tell each other what they see."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from zoo.common.networks.resnet_torch import ResNet, Style

from .config import CELLS, Config


def double(x: torch.Tensor) -> torch.Tensor:
    """Double the size of (n, c, h, w) by bilinear interpolation."""
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def occupancy(p: torch.Tensor) -> torch.Tensor:
    """Return how much of each tissue (n, s, h, w) there is, in all and in each cell of a grid: (n, 17 s)."""
    cells = functional.adaptive_avg_pool2d(p, CELLS).flatten(1)
    return torch.cat([p.mean((2, 3)), cells], 1)


class DoubleConv(nn.Module):
    """Two 3 x 3 convolutions, each with a norm and ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # (n, inputs, h, w) -> (n, outputs, h, w)
        x = self.relu(self.norm1(self.conv1(x)))
        return self.relu(self.norm2(self.conv2(x)))


class Net(nn.Module):
    """Label the tissues, weighed by what the frame looks like; classify the frame, knowing where which tissue is."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        skips = (*config.features[3::-1], 0)
        inputs = (config.features[4], *config.decoder[:4])
        self.encoder = ResNet(config.input_channels, config.width, config.layers, Style(config.bottleneck))
        self.decoder = nn.ModuleList(
            [DoubleConv(a + b, c) for a, b, c in zip(inputs, skips, config.decoder, strict=True)]
        )
        self.seg_head = nn.Conv2d(config.decoder[4], len(config.tissues), 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.embed = nn.Linear(config.features[4], config.hidden)
        self.gate = nn.Linear(config.hidden, config.decoder[0]) if config.cd_to_tss else nn.Identity()
        seen = len(config.tissues) * (1 + CELLS * CELLS) if config.tss_to_cd else 0
        self.cd_hidden = nn.Linear(config.hidden + seen, config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.cd_head = nn.Linear(config.hidden, len(config.classes))
        self.relu = nn.ReLU()
        self.cd_to_tss, self.tss_to_cd = config.cd_to_tss, config.tss_to_cd

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        # (n, c, h, w) -> logits (n, classes), segmentation (n, tissues, h, w)
        f0, f1, f2, f3, f4 = self.encoder(image)
        e = self.relu(self.embed(self.pool(f4).flatten(1)))
        x = self.decoder[0](torch.cat([double(f4), f3], 1))
        if self.cd_to_tss:
            x = x * torch.sigmoid(self.gate(e))[:, :, None, None]
        x = self.decoder[1](torch.cat([double(x), f2], 1))
        x = self.decoder[2](torch.cat([double(x), f1], 1))
        x = self.decoder[3](torch.cat([double(x), f0], 1))
        segmentation = self.seg_head(self.decoder[4](double(x)))
        if self.tss_to_cd:
            e = torch.cat([e, occupancy(torch.softmax(segmentation, 1))], 1)
        logits = self.cd_head(self.dropout(self.relu(self.cd_hidden(e))))
        return {"logits": logits, "segmentation": segmentation}
