"""Sampling between pixels by the one operator that graphs have for it; what is exported in place of plain gathers."""

from __future__ import annotations

import torch
from torch.nn import functional


def sample_grid(x: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Read maps between pixels, as `sample_bilinear` does, by the one operator that ONNX has for it.

    x: (n, c, h, w), of two rows and columns at least; rows, columns [px]: (n, k). Returns (n, k, c).
    """
    h, w = x.shape[2:]
    grid = torch.stack([columns * (2 / (w - 1)) - 1, rows * (2 / (h - 1)) - 1], -1)[:, :, None]
    sampled = functional.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
    return sampled[..., 0].transpose(1, 2)
