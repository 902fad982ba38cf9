"""The network of CD-Net in MindSpore: a U-shaped body and a head in which directions guide the outlines."""

from __future__ import annotations

from mindspore import Tensor, ops

from zoo.common.instances.targets import REGIONS
from zoo.common.layers import layers_mindspore as nn

from .config import DIRECTIONS, Config


class Encoder(nn.Module):
    """3 x 3 convolutions with norms, poolings between stages; `features` has the names of torchvision's VGG-16."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        is_vgg, inputs = config.encoder == "vgg16", config.input_channels
        layers: list[nn.Module] = []
        ends = []
        for stage, (outputs, count) in enumerate(config.stages):
            if stage:
                layers.append(nn.MaxPool2d(2))
            for _ in range(count):
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=is_vgg), nn.BatchNorm2d(outputs), nn.ReLU()]
                inputs = outputs
            ends.append(len(layers) - 1)
        if is_vgg:
            layers.append(nn.MaxPool2d(2))
            ends.append(len(layers) - 1)
        self.features = nn.ModuleList(layers)
        self.ends = tuple(ends)  # layers whose outputs the decoder takes

    def construct(self, x: Tensor) -> list[Tensor]:
        # (n, c, h, w) -> (n, channels, h / 2^k, w / 2^k), the finest first
        taken = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.ends:
                taken.append(x)
        return taken


class Up(nn.Module):
    """Double the size by a transposed convolution, join what the encoder made there, convolve."""

    def __init__(self, inputs: int, skipped: int, outputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
        self.up_norm = nn.BatchNorm2d(outputs)
        self.conv = nn.Conv2d(outputs + skipped, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()

    def construct(self, x: Tensor, skip: Tensor) -> Tensor:
        # (n, inputs, h, w), (n, skipped, 2 h, 2 w) -> (n, outputs, 2 h, 2 w)
        x = self.relu(self.up_norm(self.up(x)))
        return self.relu(self.norm(self.conv(ops.cat([x, skip], axis=1))))


class Residual(nn.Module):
    """Two convolutions beside a 1 x 1 one."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)
        self.relu = nn.ReLU()

    def construct(self, x: Tensor) -> Tensor:
        # (n, inputs, h, w) -> (n, outputs, h, w)
        y = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        return self.relu(y + self.shortcut(x))


class Net(nn.Module):
    """Centres guide the directions, directions guide the regions."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.head_width
        self.encoder = Encoder(config)
        skips = [channels for channels, _ in reversed(config.stages)]
        inputs = skips[0]
        skips = skips if config.encoder == "vgg16" else skips[1:]
        blocks = []
        for skipped, outputs in zip(skips, config.decoder, strict=True):
            blocks.append(Up(inputs, skipped, outputs))
            inputs = outputs
        self.decoder = nn.ModuleList(blocks)
        self.mask_features = Residual(inputs, width)
        self.direction_features = Residual(width, width)
        self.point_features = Residual(width, width)
        self.point = nn.Conv2d(width, 1, 1)
        self.point_attention = nn.Conv2d(1, 1, 1, bias=False)
        self.direction = nn.Conv2d(width, 1 + DIRECTIONS, 1)
        self.direction_attention = nn.Conv2d(1 + DIRECTIONS, 1, 1, bias=False)
        self.mask = nn.Conv2d(width, REGIONS, 1)

    def construct(self, image: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w) -> logits (n, 3, h, w), point (n, 1, h, w), direction (n, 9, h, w), logits as well
        maps = self.encoder(image)
        x = maps[-1]
        for block, skip in zip(self.decoder, maps[-2::-1]):
            x = block(x, skip)
        of_mask = self.mask_features(x)
        of_direction = self.direction_features(of_mask)
        point = self.point(self.point_features(of_direction))
        of_direction = of_direction * (1 + ops.sigmoid(self.point_attention(point)))
        direction = self.direction(of_direction)
        of_mask = of_mask * (1 + ops.sigmoid(self.direction_attention(direction)))
        return {"logits": self.mask(of_mask), "point": point, "direction": direction}
