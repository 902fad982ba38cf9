"""Which devices PyTorch can use on this machine."""

from __future__ import annotations

import torch


def has_device(device: str) -> bool:
    """Tell whether `cpu`, `cuda` or `cuda:<index>` can be used."""
    if not device.startswith("cuda"):
        return device == "cpu"
    index = int(device.split(":")[1]) if ":" in device else 0
    return torch.cuda.is_available() and index < torch.cuda.device_count()
