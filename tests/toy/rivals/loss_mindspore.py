"""The objective of the pair in MindSpore."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from ..spots.loss_mindspore import losses as compare
from .config import Config
from .net_mindspore import Net

Tensors = dict[str, Tensor]


def objective(
    net: Net, inputs: Tensors, targets: Tensors, config: Config, phase: str, rng: np.random.Generator
) -> Tensors:
    """Tell true outlines from found ones (critic); find what the critic takes for true (finder)."""
    outputs = net(inputs["image"])
    found = ops.sigmoid(outputs["place"])
    if phase == "finder":
        return compare(outputs, targets, config) | {"fooled": 0.1 * softplus(-net.judge(found)).mean()}
    noise = Tensor(rng.normal(0, 0.1, found.shape).astype(np.float32))
    true = targets["mask"][:, None].astype(ms.float32) + noise
    return {"judged": softplus(-net.judge(true)).mean() + softplus(net.judge(found)).mean()}


def softplus(x: Tensor) -> Tensor:
    """Return log(1 + e^x)."""
    return ops.relu(x) + ops.log1p(ops.exp(-ops.abs(x)))
