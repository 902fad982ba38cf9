"""Networks that another library also has give that library's output with that library's weights."""

from dataclasses import replace

import pytest

from zoo.models.ellipsenet.config import VARIANTS

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def timm():
    """Import timm; it needs torchvision, whose operators are absent beside a CPU build of PyTorch."""
    declared = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            declared.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    yield pytest.importorskip("timm")
    del declared


def randomise(net, x):
    """Draw weights, then fit the running statistics to x, so that activations keep their size."""
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


def test_backbone_of_ellipsenet_is_the_dla34_of_timm(timm):
    from zoo.models.ellipsenet.net_torch import DLA34

    x = torch.randn(2, 3, 96, 64, generator=torch.Generator().manual_seed(1))
    theirs = randomise(timm.create_model("dla34", num_classes=0), x)
    ours = DLA34(replace(VARIANTS["paper"], dead_projections=False)).eval()
    ours.load_state_dict(theirs.state_dict())

    expected = theirs.forward_features(x)
    assert expected.std() > 0.1
    torch.testing.assert_close(ours(x)[-1], expected)
