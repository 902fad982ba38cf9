"""DCNv2 in PyTorch: a 3 x 3 convolution whose taps read at learned places (Zhu et al. 2019)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from zoo.common.networks.sampling_torch import sample_grid


def sample_bilinear(x: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Read maps between pixels, zero outside, and multiply by `factors`.

    x: (n, c, h, w); rows, columns [px] and factors: (n, k). Returns (n, k, c). The cells are found by floor on the
    pixel scale, so that a whole-numbered position has the same one-sided gradient in both frameworks.
    """
    if torch.onnx.is_in_onnx_export():
        return sample_grid(x, rows, columns) * factors[:, :, None]
    n, c, h, w = x.shape
    pixels = x.permute(0, 2, 3, 1).reshape(n * h * w, c)
    first = torch.arange(n, device=x.device).reshape(n, 1) * (h * w)
    top, left = torch.floor(rows), torch.floor(columns)
    down, right = rows - top, columns - left
    indices, weights = [], []
    for row, row_weight in ((top, 1 - down), (top + 1, down)):
        for column, column_weight in ((left, 1 - right), (left + 1, right)):
            inside = ((row >= 0) & (row <= h - 1) & (column >= 0) & (column <= w - 1)).to(x.dtype)
            index = row.clamp(0, h - 1) * w + column.clamp(0, w - 1)
            indices.append(index.detach().long() + first)
            weights.append(row_weight * column_weight * inside * factors)
    corners = torch.stack(indices, -1).reshape(-1, 4)
    corner_weights = torch.stack(weights, -1).reshape(-1, 4)
    sampled = functional.embedding_bag(corners, pixels, per_sample_weights=corner_weights, mode="sum")
    return sampled.reshape(n, -1, c)


def deformable_conv2d(
    x: torch.Tensor, offsets: torch.Tensor, mask: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """Convolve 3 x 3 at displaced, weighted taps (Zhu et al. 2019, eq. 1; stride 1, padding 1).

    x: (n, c, h, w). offsets: (n, 18, h, w), row and column in turn for each tap [px]. mask: (n, 9, h, w).
    weight: (o, c, 3, 3). Returns (n, o, h, w).
    """
    x, offsets, mask = (t.to(weight.dtype) for t in (x, offsets, mask))  # half precision would round the positions
    n, c, h, w = x.shape
    taps = torch.arange(9, device=x.device)
    rows = torch.arange(h, device=x.device).reshape(h, 1, 1) + taps // 3 - 1
    columns = torch.arange(w, device=x.device).reshape(w, 1) + taps % 3 - 1
    shifts = offsets.reshape(n, 9, 2, h, w).permute(2, 0, 3, 4, 1)
    factors = mask.permute(0, 2, 3, 1).reshape(n, -1)
    sampled = sample_bilinear(x, (shifts[0] + rows).reshape(n, -1), (shifts[1] + columns).reshape(n, -1), factors)
    kernel = weight.permute(2, 3, 1, 0).reshape(9 * c, -1)
    out = sampled.reshape(n * h * w, 9 * c) @ kernel + bias
    return out.reshape(n, h, w, -1).permute(0, 3, 1, 2)


class DeformableConv2d(nn.Module):
    """DCNv2: a 3 x 3 convolution that predicts where and how much each tap reads."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.conv_offset_mask = nn.Conv2d(inputs, 27, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # (n, inputs, h, w) -> (n, outputs, h, w)
        offset_mask = self.conv_offset_mask(x)
        mask = torch.sigmoid(offset_mask[:, 18:])
        return deformable_conv2d(x, offset_mask[:, :18], mask, self.weight, self.bias)
