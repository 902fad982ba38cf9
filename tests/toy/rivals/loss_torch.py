"""The objective of the pair in PyTorch."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import softplus

from ..spots.loss_torch import losses as compare
from .config import Config
from .net_torch import Net

Tensors = dict[str, torch.Tensor]


def objective(
    net: Net, inputs: Tensors, targets: Tensors, config: Config, phase: str, rng: np.random.Generator
) -> Tensors:
    """Tell true outlines from found ones (critic); find what the critic takes for true (finder)."""
    outputs = net(inputs["image"])
    found = torch.sigmoid(outputs["place"])
    if phase == "finder":
        return compare(outputs, targets, config) | {"fooled": 0.1 * softplus(-net.judge(found)).mean()}
    noise = torch.from_numpy(rng.normal(0, 0.1, found.shape).astype(np.float32))
    true = targets["mask"][:, None].to(torch.float32) + noise
    return {"judged": softplus(-net.judge(true)).mean() + softplus(net.judge(found)).mean()}
