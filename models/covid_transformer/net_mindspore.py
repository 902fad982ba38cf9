"""The network of Covid-Transformer in MindSpore: a vision transformer that tells what its class token looked at."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn
from zoo.common.networks.vit_mindspore import VisionTransformer

from .config import Config


def rollout(attention: list[Tensor]) -> Tensor:
    """Multiply the attention of all blocks, each mixed half and half with the residual (Abnar & Zuidema 2020)."""
    tokens = attention[0].shape[-1]
    residual = Tensor(np.eye(tokens, dtype=np.float32))
    flow = 0.5 * attention[0] + 0.5 * residual
    for weights in attention[1:]:
        flow = ops.matmul(0.5 * weights + 0.5 * residual, flow)
    return flow


class Net(VisionTransformer):
    """The body and a linear head on the class token."""

    def __init__(self, config: Config) -> None:
        super().__init__(
            config.input_channels,
            config.input_size,
            config.patch,
            config.stem,
            config.dim,
            config.depth,
            config.heads,
            config.drop_path,
        )
        self.head = nn.Linear(config.dim, len(config.classes))

    def construct(self, image: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w) -> logits (n, classes); when not training also rollout (n, h / patch, w / patch)
        tokens, attention = self.tokens(image)
        logits = self.head(tokens[:, 0])
        if self.training:
            return {"logits": logits}
        return {"logits": logits, "rollout": rollout(attention)[:, 0, 1:].reshape(-1, *self.grid)}
