"""The network of TS-CAM in MindSpore: a vision transformer whose patch tokens carry maps of the classes."""

from __future__ import annotations

from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn
from zoo.common.networks.vit_mindspore import VisionTransformer

from .config import Config

LEAST = 1e-6  # weight of a token without lung


def pool(maps: Tensor, weights: Tensor, sharpness: float) -> Tensor:
    """Average (n, k, h, w) with weights (n, h, w); with a sharpness r, log-mean-exp of r times the maps, over r."""
    n, k, h, w = maps.shape
    maps, weights = maps.reshape(n, k, h * w), ops.relu(weights).reshape(n, 1, h * w) + LEAST
    share = weights / weights.sum(2, keepdims=True)
    if not sharpness:
        return (maps * share).sum(2)
    return ops.logsumexp(sharpness * maps + ops.log(share), 2) / sharpness


class Net(VisionTransformer):
    """The body, a convolution over the grid of tokens, and the mean of its answers."""

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
        self.head = nn.Conv2d(config.dim, len(config.classes), 3, padding=1)
        self.sharpness = config.sharpness

    def construct(self, image: Tensor, lung: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w), (n, gh, gw) -> logits (n, classes), maps (n, classes, gh, gw) and the weights of the tokens in
        # the logits, lung (n, gh, gw); when not training also attention (n, gh, gw), what the class token looked at,
        # summed over the blocks
        tokens, attention = self.tokens(image)
        n, _, dim = tokens.shape
        maps = self.head(tokens[:, 1:].swapaxes(1, 2).reshape(n, dim, *self.grid))
        outputs = {"logits": pool(maps, lung, self.sharpness), "maps": maps, "lung": lung}
        if self.training:
            return outputs
        looked = ops.stack([weights[:, 0, 1:] for weights in attention]).sum(0)
        outputs["attention"] = looked.reshape(n, *self.grid)
        return outputs
