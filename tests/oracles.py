"""Libraries that have some of our networks, too: their output is the truth in tests."""

from types import ModuleType

import pytest

_KEPT_ALIVE = []  # an operator is forgotten together with the library object that declared it


def open_timm() -> ModuleType:
    """Import timm, or skip; it needs torchvision, whose operators are absent beside a CPU build of PyTorch."""
    torch = pytest.importorskip("torch")
    missing = [name for name in ("nms", "qnms") if not hasattr(torch.ops.torchvision, name)]
    if missing:
        declared = torch.library.Library("torchvision", "FRAGMENT")
        for name in missing:
            declared.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _KEPT_ALIVE.append(declared)
    return pytest.importorskip("timm")


def randomise(net, x):
    """Draw weights, then fit the running statistics to x, so that activations keep their size."""
    import torch

    generator = torch.Generator().manual_seed(0)
    for parameter in net.parameters():
        fan_in = parameter[0].numel()
        spread = (2 / fan_in) ** 0.5 if parameter.ndim > 1 else 0.2
        parameter.data = torch.randn(parameter.shape, generator=generator) * spread + (parameter.ndim == 1)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the average over all batches so far: here one
    with torch.no_grad():
        net.train()(x)
    return net.eval()


def open_transformers() -> ModuleType:
    """Import transformers, or skip; its DETR has a body of timm."""
    open_timm()
    return pytest.importorskip("transformers")
