"""Sampling between pixels by the one operator that graphs have for it; what is exported in place of plain gathers."""

from __future__ import annotations

import torch
from torch.nn import functional


def sample_grid(x: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Read maps between pixels, as `sample_bilinear` does, by the one operator that ONNX has for it.

    x: (n, c, h, w); rows, columns [px]: (n, k). Returns (n, k, c).
    """
    h, w = x.shape[2:]
    # -1 and 1 are the borders of the map: the middles of its outer pixels are one place where there is one pixel
    grid = torch.stack([(2 * columns + 1) / w - 1, (2 * rows + 1) / h - 1], -1)[:, :, None]
    sampled = functional.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return sampled[..., 0].transpose(1, 2)
