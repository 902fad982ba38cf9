"""The parts of Covid-Detection-Transformer between which queries are chosen in NumPy; DETR as published is one."""

from __future__ import annotations

import torch
from torch import nn

from .chosen_torch import ChosenDetr
from .net_torch import Net


class Look(nn.Module):
    """Body, heat map and memory."""

    def __init__(self, detr: ChosenDetr) -> None:
        super().__init__()
        self.detr = detr

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        # (n, c, h, w) -> maps (n, channels, h/s, w/s), memory (n, t, dim)
        maps, memory = self.detr.look(image)
        return {**maps, "memory": memory}


class Refine(nn.Module):
    """The layers that look again around chosen queries."""

    def __init__(self, detr: ChosenDetr) -> None:
        super().__init__()
        self.detr = detr

    def forward(
        self, memory: torch.Tensor, reg: torch.Tensor, wh: torch.Tensor, read: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        # (n, t, dim), (n, 2, h/s, w/s) twice, (n, k, t) -> logits (n, layers, k, classes), boxes (n, layers, k, 4)
        return self.detr.refine({"reg": reg, "wh": wh}, memory, read)


def stages(net: Net) -> dict[str, nn.Module]:
    """Return the parts by the names that `stages.forward` calls them by."""
    detr = net.detr
    return {"look": Look(detr), "refine": Refine(detr)} if isinstance(detr, ChosenDetr) else {"net": net}
