"""The parts of LOD-Net between which regions are chosen in NumPy; each can be exported, the whole cannot."""

from __future__ import annotations

import torch
from torch import nn

from .net_torch import BoxHead, MaskHead, Net


class Look(nn.Module):
    """Body, pyramid and proposals."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        # (n, c, h, w) -> maps (n, width, h/s, w/s) of strides 4..64, logits (n, anchors), steps (n, anchors, 4)
        maps = self.net.features(image)
        logits, steps = self.net.rpn(maps)
        return {**{f"map{i}": value for i, value in enumerate(maps)}, "logits": logits, "steps": steps}


class Box(nn.Module):
    """What regions are, and where they lie."""

    def __init__(self, head: BoxHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, cells: torch.Tensor) -> dict[str, torch.Tensor]:
        # (r, width, 7, 7) -> probabilities (r,), steps (r, 4)
        scores, steps = self.head(cells)
        return {"object": torch.softmax(scores, dim=1)[:, 1], "steps": steps}


class Derive(nn.Module):
    """The oriented derivatives of regions, and what their masks are drawn from."""

    def __init__(self, head: MaskHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, cells: torch.Tensor) -> dict[str, torch.Tensor]:
        # (r, width, 14, 14) -> derivatives (r, 8, 28, 28), trunk (r, width, 28, 28)
        return {"derivatives": self.head.layers(cells), "trunk": self.head.mask(cells)}


class Draw(nn.Module):
    """The masks of regions whose border is known."""

    def __init__(self, head: MaskHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, trunk: torch.Tensor, derivatives: torch.Tensor, border: torch.Tensor) -> dict[str, torch.Tensor]:
        # (r, width, 28, 28), (r, 8, 28, 28), (r, 28, 28) -> logits (r, 28, 28)
        fused = trunk + self.head.outputs_conv(derivatives) * border[:, None]
        return {"masks": self.head.predictor(fused)[:, 0]}


def stages(net: Net) -> dict[str, nn.Module]:
    """Return the parts by the names that `stages.forward` calls them by."""
    return {"look": Look(net), "box": Box(net.box), "derive": Derive(net.masks), "draw": Draw(net.masks)}
