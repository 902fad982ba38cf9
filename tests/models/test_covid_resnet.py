"""Covid-ResNet: the network of the literature, the crop, the predictions, published weights."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

import zoo
from zoo.common.errors import ConfigError, HeadReinitialisedWarning, InputError, WeightsError
from zoo.common.lungs.boxes import Box, lung_box
from zoo.common.transforms.pictures import to_channels
from zoo.common.types import Image, Sample
from zoo.common.weights import read_weights
from zoo.common.weights.in_memory import read_file
from zoo.models.covid_resnet.algorithm import CovidResNet
from zoo.models.covid_resnet.config import VARIANTS, Config
from zoo.models.covid_resnet.convert import IMAGENET, convert

from ..oracles import open_timm, randomise

SMALL, PAPER, TINY = VARIANTS["small"], VARIANTS["paper"], VARIANTS["tiny"]
PARAMETERS = [  # counts of the architecture's specification
    (PAPER, 23_512_130),
    (replace(PAPER, classes=tuple("abcd")), 23_516_228),
    (replace(PAPER, classes=tuple(map(str, range(1000)))), 25_557_032),
    (VARIANTS["resnet18"], 11_177_538),
    (replace(PAPER, bottleneck=False), 21_285_698),
    (SMALL, 2_796_258),
    (replace(SMALL, width=24), 1_574_186),
    (replace(SMALL, width=16), 700_786),
]
THEIRS = {"paper": "resnet50", "resnet18": "resnet18"}


def parameters(config, framework):
    """Count what is trained."""
    model = zoo.load("Covid-ResNet", backend=framework, checkpoint=None, variant="tiny")
    from zoo.engines.engine import open_engine
    from zoo.registry.package import Package

    shapes = open_engine(Package(model.entry), config, framework, model.device).shapes()
    return sum(int(np.prod(shape)) for name, shape in shapes.items() if "running" not in name)


@pytest.mark.parametrize(("config", "count"), PARAMETERS)
def test_parameters_are_as_many_as_specified(config, count):
    pytest.importorskip("torch")

    assert parameters(config, "torch") == count


def test_small_network_has_as_many_parameters_in_each_framework(framework):
    assert parameters(SMALL, framework) == 2_796_258


@pytest.mark.parametrize("variant", THEIRS)
def test_network_gives_the_logits_of_timm(variant):
    torch = pytest.importorskip("torch")
    from zoo.models.covid_resnet.net_torch import Net

    x = torch.randn(4, 3, 96, 64, generator=torch.Generator().manual_seed(1))
    theirs = randomise(open_timm().create_model(THEIRS[variant], num_classes=2), x)
    ours = Net(VARIANTS[variant]).eval()
    ours.load_state_dict(theirs.state_dict())

    with torch.no_grad():
        expected, found = theirs(x), ours(x)["logits"]
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


# --- published weights -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A ResNet-18 in a file that timm wrote as it does for the hub, and its outputs before the pooling."""
    torch, timm = pytest.importorskip("torch"), open_timm()
    from timm.models import save_for_hf

    grey = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(2)) * 255
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x = (grey / 255 - mean) / std
    net = randomise(timm.create_model("resnet18"), x)
    folder = tmp_path_factory.mktemp("timm")
    save_for_hf(net, str(folder), safe_serialization=True)
    with torch.no_grad():
        first = net.bn1(net.conv1(x)).numpy()
    return folder / IMAGENET["resnet18"][1], grey.numpy(), first


def test_published_weights_load_and_the_new_head_is_announced(published, monkeypatch, framework):
    monkeypatch.setattr("zoo.weights.places.read_pretrained", lambda *_: (published[0], read_file(published[0])))

    with pytest.warns(HeadReinitialisedWarning, match=r"fc\.bias, fc\.weight"):
        model = zoo.load("Covid-ResNet", backend=framework, init="imagenet", variant="resnet18")

    stored, _ = read_weights(published[0])
    loaded = model.engine.weights()
    assert loaded["fc.weight"].shape == (2, 512)
    np.testing.assert_array_equal(loaded["layer4.1.conv2.weight"], stored["layer4.1.conv2.weight"])
    np.testing.assert_array_equal(loaded["layer4.1.bn2.running_var"], stored["layer4.1.bn2.running_var"])
    np.testing.assert_allclose(loaded["conv1.weight"], stored["conv1.weight"], rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_published_stem_gives_the_same_activations_for_a_grey_picture(published, channels):
    torch = pytest.importorskip("torch")
    from zoo.models.covid_resnet.net_torch import Net

    path, grey, expected = published
    config = replace(VARIANTS["resnet18"], input_channels=channels, mean=(0.4,), std=(0.3,), input_size=(64, 64))
    net = Net(replace(config, crop="none")).eval()
    net.load_state_dict(
        {n: torch.from_numpy(v) for n, v in convert(read_weights(path)[0], config).items()}, strict=False
    )
    x = np.stack([to_channels(g, channels) for g in (grey / 255 - 0.4) / np.float32(0.3)])

    with torch.no_grad():
        found = net.bn1(net.conv1(torch.from_numpy(x))).numpy()
    inner = (..., slice(2, -2), slice(2, -2))  # the rim sees the zero padding
    np.testing.assert_allclose(found[inner], expected[inner], atol=2e-5)


def test_weights_of_another_depth_are_refused_by_name(published, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr("zoo.weights.places.read_pretrained", lambda *_: (published[0], read_file(published[0])))

    with pytest.raises(WeightsError, match=r"layer1\.0\.bn3"):
        zoo.load("Covid-ResNet", backend="torch", init="imagenet", variant="paper")


def test_weights_that_are_no_resnet_are_refused():
    with pytest.raises(WeightsError, match=r"conv1\.weight is missing"):
        convert({"patch_embed.proj.weight": np.zeros((4, 3, 16, 16))}, PAPER)


# --- the crop --------------------------------------------------------------------------------------------------------


def masked(top, left, bottom, right, size=(100, 100)):
    """Draw one bright rectangle on black."""
    array = np.zeros((1, *size), np.float32)
    array[:, top:bottom, left:right] = 90
    return array


def test_crop_is_a_square_around_the_lungs_with_a_margin():
    assert lung_box(masked(40, 20, 60, 70)) == Box(24, 18, 77, 71)


@pytest.mark.parametrize("array", [np.zeros((1, 40, 60)), np.full((1, 40, 60), 200.0), masked(3, 3, 6, 6)])
def test_whole_image_is_kept_where_nothing_is_masked_or_nothing_is_left(array):
    assert lung_box(array) == Box(0, 0, *array.shape[1:])


def test_crop_moves_instead_of_leaving_the_image():
    box = lung_box(masked(0, 0, 50, 50))

    assert box == Box(0, 0, 53, 53)


def test_crop_ignores_a_lonely_bright_pixel():
    array = masked(40, 40, 60, 60, size=(200, 200))
    array[0, 5, 195] = 255

    assert lung_box(array) == lung_box(masked(40, 40, 60, 60, size=(200, 200)))


# --- in and out ------------------------------------------------------------------------------------------------------


def outputs(*logits, cam=None):
    """Make the outputs of a network for one image."""
    return {"logits": np.float32(logits), "cam": np.zeros((len(logits), 2, 2), np.float32) if cam is None else cam}


def test_colour_and_grey_pictures_of_the_same_slice_are_the_same_input():
    grey = Image(np.random.default_rng(0).uniform(0, 255, (1, 50, 70)).astype(np.float32))
    colour = Image(np.repeat(grey.array, 3, axis=0))

    for config in (SMALL, PAPER):
        algorithm = CovidResNet(config)
        ours = algorithm.preprocess(grey)["image"]
        np.testing.assert_allclose(algorithm.preprocess(colour)["image"], ours, atol=1e-5)
        assert ours.shape == (config.input_channels, *config.input_size) and ours.dtype == np.float32


def test_black_and_white_become_minus_one_and_one():
    algorithm = CovidResNet(replace(SMALL, crop="none"))

    assert np.allclose(algorithm.preprocess(Image(np.zeros((1, 9, 9), np.float32)))["image"], -1)
    assert np.allclose(algorithm.preprocess(Image(np.full((1, 9, 9), 255, np.float32)))["image"], 1)


@pytest.mark.parametrize("array", [np.full((1, 8, 8), -1000), np.full((1, 8, 8), 4095), np.zeros((1, 4, 8, 8))])
def test_raw_ct_numbers_and_volumes_are_refused(array):
    with pytest.raises(InputError, match="expect"):
        CovidResNet(SMALL).preprocess(Image(array.astype(np.float32)))


def test_probabilities_are_the_softmax_of_the_logits():
    prediction = CovidResNet(SMALL).postprocess(outputs(1.0, 3.0), Image(np.zeros((1, 8, 8), np.float32)))

    np.testing.assert_allclose(prediction.probabilities[1], 1 / (1 + np.exp(-2)))


@pytest.mark.parametrize(("logit", "label"), [(0.84, "normal"), (0.86, "covid")])
def test_threshold_decides_which_class_is_named(logit, label):
    algorithm = CovidResNet(replace(SMALL, threshold=0.7))  # ln(0.7 / 0.3) = 0.847

    assert algorithm.postprocess(outputs(0.0, logit), Image(np.zeros((1, 8, 8), np.float32))).label == label


@pytest.mark.parametrize("present", [0.5, 0.03])
def test_operating_point_does_not_depend_on_the_present_threshold(present):
    algorithm = CovidResNet(replace(TINY, threshold=present))
    image = Image(np.full((1, 64, 64), 100, np.float32))
    cases = [(-4, 0), (-2, 0), (-1, 1), (0, 1), (3, 1)]  # logit of the network, label
    scored = [
        algorithm.score(
            algorithm.postprocess(outputs(0.0, logit), image), Sample(image, {"label": np.array(label)}, group="")
        )
        for logit, label in cases
    ]

    threshold = algorithm.operating_point(scored)["threshold"]

    assert 1 / (1 + np.exp(2)) < threshold < 1 / (1 + np.exp(1))


def test_operating_point_of_more_than_two_classes_stays_open():
    assert CovidResNet(replace(TINY, classes=("a", "b", "c"))).operating_point([]) == {}


def test_heat_map_lies_over_the_crop_and_shows_the_named_class():
    image = Image(masked(40, 20, 60, 70))
    cam = np.zeros((2, 2, 2), np.float32)
    cam[1, 0, 0] = 4.0

    algorithm = CovidResNet(replace(SMALL, crop="lung"))
    heat_map = algorithm.postprocess(outputs(0.0, 1.0, cam=cam), image).heat_map

    assert heat_map.shape == (100, 100) and heat_map.max() == 1.0 and heat_map.min() == 0.0
    row, column = np.unravel_index(heat_map.argmax(), heat_map.shape)
    assert 24 <= row < 24 + 27 and 18 <= column < 18 + 27
    assert not heat_map[:24].any() and not heat_map[:, 71:].any()


def test_augmented_slice_keeps_its_black_surroundings_and_its_label():
    rng = np.random.default_rng(0)
    sample = CovidResNet.example(SMALL, rng)
    changed = [CovidResNet(SMALL).augment(sample, rng) for _ in range(20)]

    dark = (sample.image.array <= 8).mean()
    assert all(abs((c.image.array <= 8).mean() - dark) < 0.06 for c in changed)
    spread = [c.image.array.max() for c in changed]
    assert max(spread) <= 255 and min(c.image.array.min() for c in changed) >= 0
    assert all(c.labels is sample.labels and c.image.size == sample.image.size for c in changed)
    assert all(np.abs(c.image.array - sample.image.array).mean() > 1 for c in changed)


def test_baseline_learns_that_one_class_is_brighter():
    def case(label, value):
        return Sample(Image(np.full((1, 6, 6), value, np.float32)), {"label": np.array(label)})

    algorithm = CovidResNet(SMALL)
    predict = algorithm.baseline([case(0, 50), case(0, 60), case(1, 100), case(1, 110)])

    assert predict(case(0, 52).image).label == "normal"
    assert predict(case(1, 103).image).label == "covid"
    assert algorithm.score(predict(case(1, 103).image), case(1, 103)).row["p_covid"] > 0.9


WRONG = [
    ({"crop": "heart"}, "crop"),
    ({"classes": ("normal",)}, "classes"),
    ({"class_weights": (1.0, 2.0, 3.0)}, "class_weights"),
    ({"threshold": 1.0}, "threshold"),
    ({"classes": ("a", "b", "c"), "threshold": 0.4}, "threshold"),
    ({"mean": (0.5, 0.5, 0.5)}, "mean"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG)
def test_wrong_options_are_refused_by_name(changes, field):
    with pytest.raises(ConfigError, match=field):
        CovidResNet(replace(Config(), **changes))


# --- the loss --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [(), (0.5, 2.0, 1.0)])
def test_losses_of_both_frameworks_are_the_weighted_cross_entropy(weights, smoothing, both_frameworks):
    import mindspore
    import torch

    from zoo.models.covid_resnet import loss_mindspore, loss_torch

    config = replace(TINY, classes=tuple("abc"), class_weights=weights, label_smoothing=smoothing)
    logits = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    label = np.array([0, 2, 1, 1, 2])
    w = np.array(weights or (1.0, 1.0, 1.0))
    wanted = (1 - smoothing) * np.eye(3)[label] + smoothing / 3
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    expected = -(wanted * w * log_p).sum() / w[label].sum()

    ours = loss_torch.losses({"logits": torch.from_numpy(logits)}, {"label": torch.from_numpy(label)}, config)
    theirs = loss_mindspore.losses({"logits": mindspore.Tensor(logits)}, {"label": mindspore.Tensor(label)}, config)

    assert float(ours["cross_entropy"]) == pytest.approx(expected, rel=1e-5)
    assert float(theirs["cross_entropy"].asnumpy()) == pytest.approx(expected, rel=1e-5)


def test_loading_random_weights_on_purpose_is_quiet(framework):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        zoo.load("Covid-ResNet", backend=framework, checkpoint=None, variant="tiny", device="cpu")
