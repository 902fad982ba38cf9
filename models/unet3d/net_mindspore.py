"""The network of the 3D-UNet in MindSpore (Cicek et al. 2016, figure 2), with convolutions that keep the size."""

from __future__ import annotations

from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn

from .config import Config


class Double(nn.Module):
    """Two 3 x 3 x 3 convolutions, each with batch norm and ReLU."""

    def __init__(self, inputs: int, middle: int, outputs: int, config: Config) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(inputs, middle, 3, padding=1, bias=config.conv_bias)
        self.bn1 = nn.BatchNorm3d(middle, affine=config.norm_affine)
        self.conv2 = nn.Conv3d(middle, outputs, 3, padding=1, bias=config.conv_bias)
        self.bn2 = nn.BatchNorm3d(outputs, affine=config.norm_affine)
        self.relu = nn.ReLU()

    def construct(self, x: Tensor) -> Tensor:
        # (n, inputs, d, h, w) -> (n, outputs, d, h, w)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)))


class Net(nn.Module):
    """Encoder, decoder and a head; with deep supervision two more heads that speak in training only."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        w, levels, k = config.width, config.levels, len(config.classes)
        inputs = [config.input_channels, *(w * 2**i for i in range(1, levels))]
        self.encoders = nn.ModuleList([Double(inputs[i], w * 2**i, w * 2 ** (i + 1), config) for i in range(levels)])
        self.pool = nn.MaxPool3d(2)
        coarse = [w * 2 ** (i + 2) for i in range(levels - 1)]  # channels that come up to level i
        self.ups = nn.ModuleList([nn.ConvTranspose3d(c, c, 2, stride=2, bias=config.up_bias) for c in coarse])
        self.decoders = nn.ModuleList([Double(c // 2 + c, c // 2, c // 2, config) for c in coarse])
        self.head = nn.Conv3d(2 * w, k, 1)
        extra = coarse[: min(2, levels - 2)] if config.deep_supervision else []
        self.extra_heads = nn.ModuleList([nn.Conv3d(c, k, 1) for c in extra])

    def construct(self, x: Tensor) -> dict[str, Tensor]:
        # (n, c, d, h, w) -> logits (n, k, d, h, w); in training also extra_1 (n, k, d/2, ...), extra_2 (n, k, d/4, ...)
        skips: list[Tensor] = []
        for encoder in self.encoders:  # a slice of these would rename their weights in MindSpore
            x = encoder(x if not skips else self.pool(skips[-1]))
            skips.append(x)
        found = []
        for level in range(len(skips) - 2, -1, -1):
            x = self.decoders[level](ops.cat([skips[level], self.ups[level](x)], axis=1))
            found.append(x)
        outputs = {"logits": self.head(x)}
        if self.training:
            for i, head in enumerate(self.extra_heads):
                outputs[f"extra_{i + 1}"] = head(found[-2 - i])
        return outputs
