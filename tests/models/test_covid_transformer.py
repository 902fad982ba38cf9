"""Covid-Transformer: the network of the literature, the rollout, the predictions, the options."""

from dataclasses import replace

import numpy as np
import pytest

from zoo.common.errors import ConfigError, InputError
from zoo.common.types import Case, Image
from zoo.models.covid_transformer.algorithm import CovidTransformer
from zoo.models.covid_transformer.config import VARIANTS

from ..oracles import open_timm

PAPER, SMALL, TINY = VARIANTS["paper"], VARIANTS["small"], VARIANTS["tiny"]
PLAIN = replace(PAPER, dim=192, depth=6, heads=3, input_channels=1)
PARAMETERS = [  # counts of the architecture's specification
    (PAPER, 85_800_194),
    (VARIANTS["vit-small"], 21_666_434),
    (VARIANTS["vit-tiny"], 5_524_802),
    (replace(PAPER, input_channels=1), 85_406_978),
    (replace(VARIANTS["vit-tiny"], input_channels=1), 5_426_498),
    (PLAIN, 2_757_314),
    (replace(PLAIN, patch=8, input_size=(128, 128)), 2_731_970),
]


def net_of(config):
    pytest.importorskip("torch")
    from zoo.models.covid_transformer.net_torch import Net

    return Net(config).eval()


@pytest.mark.parametrize(("config", "count"), PARAMETERS)
def test_parameters_are_as_many_as_specified(config, count):
    assert sum(p.numel() for p in net_of(config).parameters()) == count


def test_published_network_has_152_tensors():
    assert len(net_of(PAPER).state_dict()) == 152


@pytest.mark.parametrize("variant", ["paper", "vit-small", "vit-tiny"])
def test_network_gives_the_tokens_and_logits_of_timm(variant):
    torch = pytest.importorskip("torch")
    config = replace(VARIANTS[variant], input_size=(64, 64))
    name = {768: "vit_base_patch16_224", 384: "deit_small_patch16_224", 192: "deit_tiny_patch16_224"}[config.dim]
    theirs = open_timm().create_model(name, img_size=64, num_classes=2).eval()
    generator = torch.Generator().manual_seed(1)
    for parameter in theirs.parameters():
        parameter.data += 0.03 * torch.randn(parameter.shape, generator=generator)
    ours = net_of(config)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 3, 64, 64, generator=generator)

    with torch.no_grad():
        torch.testing.assert_close(ours.tokens(x)[0], theirs.forward_features(x), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(ours(x)["logits"], theirs(x), atol=1e-5, rtol=1e-5)


def test_rollout_follows_the_flow_and_sums_to_one():
    torch = pytest.importorskip("torch")
    from zoo.models.covid_transformer.net_torch import rollout

    attention = [torch.rand(2, 5, 5, generator=torch.Generator().manual_seed(i)).softmax(-1) for i in range(3)]
    flow = np.eye(5)
    for weights in attention:  # Abnar & Zuidema 2020, eq. 1: the later block stands on the left
        flow = (0.5 * weights[0].numpy() + 0.5 * np.eye(5)) @ flow

    np.testing.assert_allclose(rollout(attention)[0].numpy(), flow, atol=1e-6)
    np.testing.assert_allclose(rollout(attention).sum(-1).numpy(), 1, atol=1e-6)


def test_training_leaves_the_rollout_out():
    torch = pytest.importorskip("torch")

    assert list(net_of(TINY).train()(torch.zeros(2, 1, 48, 48))) == ["logits"]


def test_drop_path_skips_whole_samples_and_keeps_the_mean(both_frameworks):
    import mindspore
    import torch

    from zoo.common.networks import vit_mindspore, vit_torch

    ones = np.ones((4000, 2, 3), np.float32)
    torch.manual_seed(0)
    mindspore.set_seed(0)
    theirs = vit_mindspore.DropPath(0.25)
    theirs.set_train(True)
    for y in (vit_torch.DropPath(0.25)(torch.from_numpy(ones)).numpy(), theirs(mindspore.Tensor(ones)).asnumpy()):
        assert set(np.unique(y.round(4))) == {0.0, np.float32(1.3333)}
        assert (y == y[:, :1, :1]).all()
        assert y.mean() == pytest.approx(1, abs=0.04)
    theirs.set_train(False)
    assert (theirs(mindspore.Tensor(ones)).asnumpy() == 1).all()


def outputs(*logits, at=(1, 2), grid=(8, 8)):
    flow = np.full(grid, 0.01, np.float32)
    flow[at] = 0.2
    return {"logits": np.float32(logits), "rollout": flow}


def test_rollout_lies_over_the_crop_and_its_floor_is_removed():
    array = np.zeros((1, 100, 100), np.float32)
    array[:, 40:60, 20:70] = 90  # the crop is rows 24..77, columns 18..71

    prediction = CovidTransformer(SMALL).postprocess(outputs(0.0, 2.0), Image(array))

    row, column = np.unravel_index(prediction.heat_map.argmax(), prediction.heat_map.shape)
    assert (row - 24) * 8 // 53 == 1 and (column - 18) * 8 // 53 == 2
    assert prediction.heat_map.max() == 1 and prediction.heat_map[60:, 60:].max() < 0.05
    assert prediction.label == "covid"
    assert prediction.probability == pytest.approx(1 / (1 + np.exp(-2)))


@pytest.mark.parametrize("present", [0.5, 0.03])
def test_operating_point_does_not_depend_on_the_present_threshold(present):
    algorithm = CovidTransformer(replace(TINY, threshold=present))
    image = Image(np.full((1, 48, 48), 100, np.float32))
    rows = []
    for logit, label in [(-4, 0), (-2, 0), (-1, 1), (0, 1), (3, 1)]:  # of the network
        p = algorithm.postprocess(outputs(0.0, logit), image).probabilities
        rows.append(Case({"label": float(label), "p_normal": p[0], "p_covid": p[1]}))

    assert 1 / (1 + np.exp(2)) < algorithm.operating_point(rows)["threshold"] < 1 / (1 + np.exp(1))


def test_raw_ct_numbers_are_refused():
    with pytest.raises(InputError, match="window"):
        CovidTransformer(SMALL).preprocess(Image(np.full((1, 8, 8), -1000, np.float32)))


WRONG = [
    ({"heads": 5}, "heads"),
    ({"input_size": (100, 128)}, "patch"),
    ({"patch": 8}, "stem"),
    ({"crop": "heart"}, "crop"),
    ({"classes": ("covid",)}, "classes"),
    ({"class_weights": (1.0,)}, "class_weights"),
    ({"threshold": 0.0}, "threshold"),
    ({"mean": (0.5, 0.5)}, "mean"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG)
def test_wrong_options_are_refused_by_name(changes, field):
    with pytest.raises(ConfigError, match=field):
        CovidTransformer(replace(SMALL, **changes))
