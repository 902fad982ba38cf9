"""Networks that another library also has give that library's output with that library's weights."""

from dataclasses import replace

import pytest

from ..oracles import open_timm, randomise

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def timm():
    return open_timm()


def test_backbone_of_ellipsenet_is_the_dla34_of_timm(timm):
    from zoo.common.networks.dla34_torch import DLA34

    x = torch.randn(2, 3, 96, 64, generator=torch.Generator().manual_seed(1))
    theirs = randomise(timm.create_model("dla34", num_classes=0), x)
    ours = DLA34((16, 32, 64, 128, 256, 512), 3).eval()
    ours.load_state_dict(theirs.state_dict())

    expected = theirs.forward_features(x)
    assert expected.std() > 0.1
    torch.testing.assert_close(ours(x)[-1], expected)


def test_unetr_is_the_unetr_of_monai():
    networks = pytest.importorskip("monai.networks.nets")
    pytest.importorskip("einops")
    from zoo.models.unetr.config import VARIANTS as UNETRS
    from zoo.models.unetr.convert import from_monai
    from zoo.models.unetr.net_torch import Net

    config = replace(UNETRS["paper"], input_size=(48, 32, 32))
    theirs = networks.UNETR(1, 8, config.input_size, feature_size=config.width).eval()
    ours = Net(config).eval()
    named = from_monai({name: value.numpy() for name, value in theirs.state_dict().items()})
    ours.load_state_dict({name: torch.from_numpy(value) for name, value in named.items()})
    x = torch.randn(1, 1, *config.input_size, generator=torch.Generator().manual_seed(1))

    with torch.inference_mode():
        expected, found = theirs(x), ours(x)["logits"]

    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
