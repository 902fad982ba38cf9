"""The body of a vision transformer in MindSpore, with the parameter names of timm."""

from __future__ import annotations

from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn

EPSILON = 1e-6  # of the layer norms, as ViT and timm have it


class ConvStem(nn.Sequential):
    """Convolutions 3 x 3 of stride 2 and a 1 x 1: learns from fewer pictures than one large patch (Xiao 2021)."""

    def __init__(self, inputs: int, widths: tuple[int, ...], dim: int) -> None:
        layers: list[nn.Module] = []
        for width in widths:
            layers += [nn.Conv2d(inputs, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            inputs = width
        super().__init__(*layers, nn.Conv2d(inputs, dim, 1))


class PatchEmbed(nn.Module):
    """One token per patch."""

    def __init__(self, inputs: int, patch: int, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(inputs, dim, patch, stride=patch)

    def construct(self, x: Tensor) -> Tensor:
        # (n, c, h, w) -> (n, dim, h / patch, w / patch)
        return self.proj(x)


class DropPath(nn.Module):
    """Leave a residual out for a random share of the samples, in training (Huang et al. 2016)."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def construct(self, x: Tensor) -> Tensor:
        if not self.training or not self.share:
            return x
        kept = 1 - self.share
        return x * ops.floor(kept + ops.rand(x.shape[0], 1, 1)) / kept


class Attention(nn.Module):
    """Self-attention over several heads; also tells who looked at whom."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (dim // heads) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # (n, t, dim) -> (n, t, dim), mean weights of the heads (n, t, t): row = who looks, column = at whom
        q, k, v = self.qkv(x).reshape(*x.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        weights = ops.softmax(ops.matmul(q * self.scale, k.swapaxes(2, 3)), -1)
        return self.proj(ops.matmul(weights, v).swapaxes(1, 2).reshape(x.shape)), weights.mean(1)


class Mlp(nn.Module):
    """Two linear layers with the exact GELU between."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(4 * dim, dim)

    def construct(self, x: Tensor) -> Tensor:
        # (n, t, dim) -> (n, t, dim)
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    """Attention and MLP, each behind a layer norm and beside a residual."""

    def __init__(self, dim: int, heads: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=EPSILON)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=EPSILON)
        self.mlp = Mlp(dim)
        self.drop_path = DropPath(drop_path)

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # (n, t, dim) -> (n, t, dim), (n, t, t)
        y, weights = self.attn(self.norm1(x))
        x = x + self.drop_path(y)
        return x + self.drop_path(self.mlp(self.norm2(x))), weights


class VisionTransformer(nn.Module):
    """Stem, class token, learned positions, blocks, final norm; networks derive from it and add their head."""

    def __init__(
        self,
        inputs: int,
        input_size: tuple[int, int],
        patch: int,
        stem: tuple[int, ...],
        dim: int,
        depth: int,
        heads: int,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.grid = (input_size[0] // patch, input_size[1] // patch)
        tokens = 1 + self.grid[0] * self.grid[1]
        self.cls_token = nn.parameter(1, 1, dim)
        self.pos_embed = nn.parameter(1, tokens, dim)
        self.patch_embed = ConvStem(inputs, stem, dim) if stem else PatchEmbed(inputs, patch, dim)
        shares = [drop_path * i / max(1, depth - 1) for i in range(depth)]
        self.blocks = nn.ModuleList([Block(dim, heads, share) for share in shares])
        self.norm = nn.LayerNorm(dim, eps=EPSILON)

    def tokens(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        # (n, c, h, w) -> (n, 1 + gh gw, dim), class token first; attention (n, t, t) of each block
        x = self.patch_embed(image)
        n, dim = x.shape[:2]
        x = x.reshape(n, dim, -1).swapaxes(1, 2)
        x = ops.cat([ops.tile(self.cls_token, (n, 1, 1)), x], 1) + self.pos_embed
        attention = []
        for block in self.blocks:
            x, weights = block(x)
            attention.append(weights)
        return self.norm(x), attention
