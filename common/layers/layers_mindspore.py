"""Every layer with PyTorch's arguments, defaults and parameter names, as one module to import as `nn`."""

from __future__ import annotations

from zoo.common.layers.planes_mindspore import (
    GELU,
    AdaptiveAvgPool2d,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Dropout,
    GroupNorm,
    Identity,
    LayerNorm,
    Linear,
    MaxPool2d,
    Module,
    ModuleDict,
    ModuleList,
    ReLU,
    Sequential,
    parameter,
)
from zoo.common.layers.volumes_mindspore import (
    BatchNorm3d,
    Conv3d,
    ConvTranspose3d,
    InstanceNorm3d,
    LeakyReLU,
    MaxPool3d,
)

__all__ = [
    "GELU",
    "AdaptiveAvgPool2d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Dropout",
    "GroupNorm",
    "Identity",
    "InstanceNorm3d",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "MaxPool3d",
    "Module",
    "ModuleDict",
    "ModuleList",
    "ReLU",
    "Sequential",
    "parameter",
]
