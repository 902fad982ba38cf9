"""U-CSRNet: the published network, its first values, windows, labels given back by perfect outputs."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit

import zoo
from zoo.common.errors import ConfigError, InputError
from zoo.common.metrics.points import match_points
from zoo.common.transforms.labels import move_points
from zoo.common.transforms.spatial import Frame, flip
from zoo.common.types import Image
from zoo.models.u_csrnet.algorithm import UCSRNet, bilinear_kernel
from zoo.models.u_csrnet.config import VARIANTS
from zoo.models.u_csrnet.example import draw_tile

PAPER, SMALL, TINY = VARIANTS["paper"], VARIANTS["small"], VARIANTS["tiny"]
PARAMETERS = [(PAPER, 16_460_354), (VARIANTS["half"], 4_119_202), (SMALL, 1_031_250)]


def net_of(config):
    pytest.importorskip("torch")
    from zoo.models.u_csrnet.net_torch import Net

    return Net(config).eval()


def tiny_model(framework: str = "torch", **options) -> zoo.Model:
    return zoo.load("U-CSRNet", backend=framework, checkpoint=None, variant="tiny", **options)


@pytest.mark.parametrize(("config", "count"), PARAMETERS)
def test_parameters_are_as_many_as_specified(config, count):
    assert sum(p.numel() for p in net_of(config).parameters()) == count


def test_parts_of_the_published_network_are_as_large_as_specified():
    net = net_of(PAPER)

    sizes = {name: sum(p.numel() for p in getattr(net, name).parameters()) for name in ("features", "back", "up")}

    assert sizes == {"features": 7_635_264, "back": 8_628_160, "up": 196_800}


def test_maps_are_as_large_as_the_input():
    torch = pytest.importorskip("torch")
    net = net_of(SMALL)

    with torch.no_grad():
        front = net.features(torch.zeros(1, 3, 64, 96))
        logits = net(torch.zeros(1, 3, 64, 96))["logits"]

    assert tuple(front.shape) == (1, 128, 8, 12)
    assert tuple(logits.shape) == (1, 2, 64, 96)


def test_transposed_convolutions_begin_as_bilinear_doubling():
    torch = pytest.importorskip("torch")
    picture = torch.rand(1, 3, 9, 11, generator=torch.Generator().manual_seed(0))

    doubled = torch.nn.functional.conv_transpose2d(
        picture, torch.from_numpy(bilinear_kernel((3, 3, 4, 4))), stride=2, padding=1
    )

    expected = torch.nn.functional.interpolate(picture, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(doubled[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2])


def test_published_network_begins_with_the_published_deviation():
    algorithm, rng = UCSRNet(PAPER), np.random.default_rng(0)

    assert algorithm.initialise("back.0.weight", (64, 64, 3, 3), rng).std() == pytest.approx(0.01, rel=0.05)
    assert algorithm.initialise("features.0.weight", (64, 3, 3, 3), rng).std() == pytest.approx(
        np.sqrt(2 / (64 * 9)), rel=0.1
    )


@pytest.mark.parametrize("kind", ["wmse", "mse", "focal"])
def test_every_loss_is_least_for_perfect_maps(kind, framework):
    model = tiny_model(framework, loss=kind)
    sample = UCSRNet.example(model.config, np.random.default_rng(0))
    heat = model.algorithm.targets(sample)["heat"]

    perfect, mirrored = (_loss(model, logit(p.clip(1e-6, 1 - 1e-6)), heat) for p in (heat, heat[:, ::-1].copy()))

    assert 0 <= perfect < 0.25 * mirrored


def _loss(model: zoo.Model, logits: np.ndarray, heat: np.ndarray) -> float:
    if model.backend == "torch":
        import torch as framework

        from zoo.models.u_csrnet.loss_torch import losses
    else:
        import mindspore as framework

        from zoo.models.u_csrnet.loss_mindspore import losses
    tensors = [framework.from_numpy(np.float32(value)[None].copy()) for value in (logits, heat)]
    (term,) = losses({"logits": tensors[0]}, {"heat": tensors[1]}, model.config).values()
    return float(term)


def test_perfect_maps_give_back_the_points():
    algorithm = UCSRNet(TINY)
    sample = draw_tile((96, 128), 2, 3, 15, np.random.default_rng(2))

    kept = algorithm.keep(algorithm.perfect_outputs(sample)["logits"])
    scores = algorithm.summarise([algorithm.score(algorithm.postprocess({"logits": kept}, sample.image), sample)])

    assert scores["f1"] == scores["f1_5px"] == 1


def test_points_move_with_the_picture():
    algorithm = UCSRNet(replace(TINY, input_size=(96, 96)))
    sample = draw_tile((160, 160), 2, 3, 25, np.random.default_rng(4))
    sample = replace(sample, image=replace(sample.image, array=np.zeros_like(sample.image.array)))
    for kind, x, y in sample.labels["points"]:
        sample.image.array[int(kind), round(y), round(x)] = 255  # a dot at each point, red or green

    seen = 0
    for seed in range(12):
        moved = algorithm.augment(sample, np.random.default_rng(seed))
        dots = moved.image.array
        for _, x, y in moved.labels["points"]:
            near = dots[:, max(0, round(y) - 2) : round(y) + 3, max(0, round(x) - 2) : round(x) + 3]
            assert np.ptp(near) > 20
            seen += 1
    assert seen > 30


def test_mirrored_views_give_mirrored_points():
    model = tiny_model()
    image = draw_tile((64, 64), 2, 3, 8, np.random.default_rng(5)).image
    mirror = flip(Frame((64, 64)), [-1])

    options = {"threshold": 0.05, "distance_px": 2.0}
    found = model.predict(image, tta=True, **options)
    mirrored = model.predict(replace(image, array=image.array[..., ::-1].copy()), tta=True, **options)

    assert len(found.points) > 0
    back = move_points(mirrored.points, mirror)
    assert len(match_points(found.points[:, 1:], back[:, 1:], 0.1)[0]) >= 0.9 * len(found.points)


def test_a_large_tile_has_the_points_of_one_piece_away_from_the_seams():
    windows = tiny_model(window_size=(384, 384), overlap=1 / 3, threshold=0.05)
    whole = tiny_model(window_size=(640, 640), threshold=0.05)
    image = draw_tile((640, 640), 2, 3, 60, np.random.default_rng(6)).image

    a, b = (model.predict(image).candidates for model in (windows, whole))

    assert len(b) > 100
    # the network reaches 150 px far: what lies farther from where the first window ends cannot know of it
    a, b = (c[(c[:, 1:3] < 384 - 150).all(1)] for c in (a, b))
    np.testing.assert_allclose(in_order(a), in_order(b), atol=0.01)


def in_order(points: np.ndarray) -> np.ndarray:
    return points[np.lexsort(np.round(points[:, :3], 1).T)]


@pytest.mark.slow
def test_a_slide_region_goes_through_in_bounded_memory():
    model = tiny_model(window_size=(512, 512), width=1)
    image = Image(np.full((3, 5000, 5000), 220, np.float32), name="slide.png")
    model.predict(replace(image, array=image.array[:, :512, :512]))
    mb = 2**20

    tracemalloc.start()
    model.predict(image)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # 286 MB for the picture as the network takes it, 95 MB for two maps of two bytes; four bytes for each would be more
    assert peak < 2.2 * image.array.nbytes + 200 * mb


@pytest.mark.parametrize("array", [np.full((3, 64, 64), 240.0), np.zeros((1, 40, 30)), np.full((3, 5, 7), 100.0)])
def test_a_tile_of_one_colour_of_any_size_is_answered(array, framework):
    found = tiny_model(framework).predict(Image(array.astype(np.float32), name="flat.png"))

    assert found.index is None or 0 <= found.index[0] <= 1


def test_targets_of_a_tile_without_cells_are_zero():
    algorithm = UCSRNet(TINY)
    sample = draw_tile((64, 64), 2, 3, 0, np.random.default_rng(0))

    assert not algorithm.targets(sample)["heat"].any()


def test_a_volume_is_refused():
    with pytest.raises(InputError, match="expects a picture"):
        UCSRNet(TINY).preprocess(Image(np.zeros((1, 4, 64, 64), np.float32)))


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ()},
        {"classes": ("a", "a")},
        {"norm": "group"},
        {"loss": "l1"},
        {"input_size": (60, 64)},
        {"window_size": (0, 64)},
        {"threshold": 0.0},
        {"sigma_px": 0.0},
        {"distance_px": -1.0},
    ],
)
def test_a_wrong_configuration_is_refused(change):
    with pytest.raises(ConfigError, match="expected"):
        UCSRNet(replace(TINY, **change))
