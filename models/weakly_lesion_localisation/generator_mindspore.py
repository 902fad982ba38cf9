"""The generators in MindSpore: what is healthy in a slice, and what is not."""

from __future__ import annotations

from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn

from .config import Config

GROUPS = 4  # of a norm
MIDDLE, GAIN = 0.4, 3.0  # of the slice before the first convolution of the small generator
Pictures = tuple[Tensor, Tensor]  # healthy and lesion, (n, 1, h, w) each


def two_convolutions(in_channels: int, out_channels: int) -> nn.Sequential:
    """Convolve and cut off below zero, twice, without a norm."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, 3, padding=1),
        nn.ReLU(),
    )


def two_normed(in_channels: int, out_channels: int) -> nn.Sequential:
    """Convolve, normalise and cut off below zero, twice."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1),
        nn.GroupNorm(GROUPS, out_channels),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, 3, padding=1),
        nn.GroupNorm(GROUPS, out_channels),
        nn.ReLU(),
    )


class Decoder(nn.Module):
    """Climb from the lowest level to the highest, past what the encoder saw on each."""

    def __init__(self, filters: int, depth: int) -> None:
        super().__init__()
        widths = [filters * 2**level for level in reversed(range(depth))]
        self.up = nn.ModuleList([nn.ConvTranspose2d(c, c // 2, 2, stride=2) for c in widths[:-1]])
        self.blocks = nn.ModuleList([two_convolutions(c, c // 2) for c in widths[:-1]])

    def construct(self, x: Tensor, skips: list[Tensor]) -> Tensor:
        # (n, c, h, w), skips of rising width -> (n, filters, h 2^(depth - 1), ...)
        for up, block, skip in zip(self.up, self.blocks, skips[::-1]):
            x = block(ops.cat([up(x), skip], 1))
        return x


class Published(nn.Module):
    """The published U-Net: one encoder, a decoder for the healthy slice and one for the lesion, or one for both."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [config.filters * 2**level for level in range(config.depth)]
        self.encoder = nn.ModuleList([two_convolutions(a, b) for a, b in zip((1, *widths), widths, strict=False)])
        self.down = nn.ModuleList([nn.Conv2d(c, c, 3, stride=2, padding=1) for c in widths[:-1]])
        self.tied = config.design == "tied"
        self.healthy = Decoder(config.filters, config.depth)
        self.lesion = nn.Identity() if self.tied else Decoder(config.filters, config.depth)
        self.healthy_head = nn.Conv2d(config.filters, 1, 1)
        self.lesion_head = nn.Conv2d(config.filters, 1, 1)

    def construct(self, image: Tensor, lung: Tensor, level: Tensor) -> Pictures:
        # (n, c, h, w) in -1..1; lung and level are not looked at -> healthy and lesion (n, 1, h, w) in -1..1
        x, skips = self.encoder[0](grey_of(image)), []
        for i in range(len(self.down)):  # a slice of a list of layers would give their weights other names
            skips.append(x)
            x = self.encoder[i + 1](self.down[i](x))
        healthy = self.healthy(x, skips)
        lesion = healthy if self.tied else self.lesion(x, skips)
        return ops.tanh(self.healthy_head(healthy)), ops.tanh(self.lesion_head(lesion))


class Subtractive(nn.Module):
    """Take brightness away, at most down to the lung's median; at half the resolution, with norms."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [config.filters * 2**level for level in range(config.depth)]
        self.encoder = nn.ModuleList([two_normed(a, b) for a, b in zip((8, *widths), widths, strict=False)])
        self.down = nn.ModuleList([nn.Conv2d(c, c, 3, stride=2, padding=1) for c in widths[:-1]])
        rising = widths[::-1]
        self.up = nn.ModuleList([nn.Conv2d(c, c // 2, 1) for c in rising[:-1]])
        self.decoder = nn.ModuleList([two_normed(c, c // 2) for c in rising[:-1]])
        self.share_head = nn.Conv2d(config.filters, 1, 1)

    def construct(self, image: Tensor, lung: Tensor, level: Tensor) -> Pictures:
        # (n, c, h, w) in 0..1, (n, 1, h, w), (n, 1, 1, 1) -> healthy and lesion (n, 1, h, w)
        grey = grey_of(image)
        seen = ops.cat([GAIN * (grey - MIDDLE) * lung, lung], 1)
        x, skips = self.encoder[0](ops.pixel_unshuffle(seen, 2)), []
        for i in range(len(self.down)):  # a slice of a list of layers would give their weights other names
            skips.append(x)
            x = self.encoder[i + 1](self.down[i](x))
        for up, block, skip in zip(self.up, self.decoder, skips[::-1]):
            x = block(ops.cat([twice(up(x)), skip], 1))
        share = ops.sigmoid(twice(self.share_head(x))) * lung
        lesion = share * ops.relu(grey - level)
        return grey - lesion, lesion


def twice(x: Tensor) -> Tensor:
    """Enlarge a map (n, c, h, w) to twice its sides, bilinear."""
    return ops.interpolate(x, size=(2 * x.shape[2], 2 * x.shape[3]), mode="bilinear", align_corners=False)


def grey_of(image: Tensor) -> Tensor:
    """Return the mean of the channels, (n, 1, h, w)."""
    return image if image.shape[1] == 1 else image.mean(1, keep_dims=True)
