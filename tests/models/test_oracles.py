"""Networks that another library also has give that library's output with that library's weights."""

from dataclasses import replace

import pytest

from zoo.models.ellipsenet.config import VARIANTS

from ..oracles import open_timm, randomise

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def timm():
    return open_timm()


def test_backbone_of_ellipsenet_is_the_dla34_of_timm(timm):
    from zoo.models.ellipsenet.net_torch import DLA34

    x = torch.randn(2, 3, 96, 64, generator=torch.Generator().manual_seed(1))
    theirs = randomise(timm.create_model("dla34", num_classes=0), x)
    ours = DLA34(replace(VARIANTS["paper"], dead_projections=False)).eval()
    ours.load_state_dict(theirs.state_dict())

    expected = theirs.forward_features(x)
    assert expected.std() > 0.1
    torch.testing.assert_close(ours(x)[-1], expected)
