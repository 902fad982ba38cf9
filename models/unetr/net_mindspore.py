"""The network of UNETR in MindSpore (Hatamizadeh et al. 2022, figure 2)."""

from __future__ import annotations

from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn

from .config import PATCH, Config


class Attention(nn.Module):
    """Self-attention over several heads."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (dim // heads) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def construct(self, x: Tensor) -> Tensor:
        # (n, t, dim) -> (n, t, dim)
        q, k, v = self.qkv(x).reshape(*x.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        weights = ops.softmax(ops.matmul(q * self.scale, k.swapaxes(2, 3)), -1)
        return self.proj(ops.matmul(weights, v).swapaxes(1, 2).reshape(x.shape))


class Mlp(nn.Module):
    """Two linear layers with the exact GELU between."""

    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, inner)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(inner, dim)

    def construct(self, x: Tensor) -> Tensor:
        # (n, t, dim) -> (n, t, dim)
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    """Attention and MLP, each behind a layer norm and beside a residual."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.dim)
        self.attn = Attention(config.dim, config.heads)
        self.norm2 = nn.LayerNorm(config.dim)
        self.mlp = Mlp(config.dim, config.mlp_dim)

    def construct(self, x: Tensor) -> Tensor:
        # (n, t, dim) -> (n, t, dim)
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ResBlock(nn.Module):
    """Two convolutions with instance norm, and the residual; a 1 x 1 x 1 matches its channels where they differ."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
        self.conv2 = nn.Conv3d(outputs, outputs, 3, padding=1, bias=False)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv3d(inputs, outputs, 1, bias=False)
        self.shortcut_norm = nn.Identity() if inputs == outputs else nn.InstanceNorm3d(outputs)
        self.norm = nn.InstanceNorm3d(outputs)
        self.act = nn.LeakyReLU(0.01)

    def construct(self, x: Tensor) -> Tensor:
        # (n, inputs, d, h, w) -> (n, outputs, d, h, w)
        y = self.act(self.norm(self.conv1(x)))
        return self.act(self.norm(self.conv2(y)) + self.shortcut_norm(self.shortcut(x)))


class Climb(nn.Module):
    """Carry the tokens of one block up to the resolution of a decoder level."""

    def __init__(self, dim: int, outputs: int, steps: int) -> None:
        super().__init__()
        self.first = nn.ConvTranspose3d(dim, outputs, 2, stride=2, bias=False)
        self.ups = nn.ModuleList([nn.ConvTranspose3d(outputs, outputs, 2, stride=2, bias=False) for _ in range(steps)])
        self.blocks = nn.ModuleList([ResBlock(outputs, outputs) for _ in range(steps)])

    def construct(self, x: Tensor) -> Tensor:
        # (n, dim, d, h, w) -> (n, outputs, 2 s d, 2 s h, 2 s w), s = 2^steps
        x = self.first(x)
        for up, block in zip(self.ups, self.blocks):
            x = block(up(x))
        return x


class Join(nn.Module):
    """Double the size and join what comes from the encoder."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose3d(inputs, outputs, 2, stride=2, bias=False)
        self.block = ResBlock(2 * outputs, outputs)

    def construct(self, x: Tensor, skip: Tensor) -> Tensor:
        # (n, inputs, d, h, w), (n, outputs, 2d, 2h, 2w) -> (n, outputs, 2d, 2h, 2w)
        return self.block(ops.cat([self.up(x), skip], axis=1))


class Net(nn.Module):
    """Transformer over cubes of 16 voxels a side, read at four depths by a convolutional decoder."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.taps, self.grid = config.taps, config.grid
        dim, w = config.dim, config.width
        self.patch_embed = nn.Conv3d(config.input_channels, dim, PATCH, stride=PATCH)
        self.pos_embed = nn.parameter(1, config.tokens, dim)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.depth)])
        self.norm = nn.LayerNorm(dim)
        self.encoder1 = ResBlock(config.input_channels, w)
        self.encoder2 = Climb(dim, 2 * w, 2)
        self.encoder3 = Climb(dim, 4 * w, 1)
        self.encoder4 = Climb(dim, 8 * w, 0)
        self.decoder5 = Join(dim, 8 * w)
        self.decoder4 = Join(8 * w, 4 * w)
        self.decoder3 = Join(4 * w, 2 * w)
        self.decoder2 = Join(2 * w, w)
        self.head = nn.Conv3d(w, len(config.classes), 1)

    def construct(self, x: Tensor) -> dict[str, Tensor]:
        # (n, c, d, h, w) -> logits (n, k, d, h, w)
        y = self.patch_embed(x)
        y = y.reshape(*y.shape[:2], -1).swapaxes(1, 2) + self.pos_embed
        tapped = []
        for i, block in enumerate(self.blocks):
            y = block(y)
            if i in self.taps:
                tapped.append(self.as_volume(y))
        y = self.decoder5(self.as_volume(self.norm(y)), self.encoder4(tapped[2]))
        y = self.decoder4(y, self.encoder3(tapped[1]))
        y = self.decoder3(y, self.encoder2(tapped[0]))
        return {"logits": self.head(self.decoder2(y, self.encoder1(x)))}

    def as_volume(self, tokens: Tensor) -> Tensor:
        # (n, t, dim) -> (n, dim, d / 16, h / 16, w / 16)
        n, _, dim = tokens.shape
        return tokens.swapaxes(1, 2).reshape(n, dim, *self.grid)
