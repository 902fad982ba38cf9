"""TS-CAM: the published network, its couplings, the map over the image, what training may see."""

from dataclasses import replace

import numpy as np
import pytest

from zoo.common.errors import ConfigError
from zoo.common.lungs.boxes import lung_box
from zoo.common.types import Image, Sample
from zoo.models.ts_cam.algorithm import TSCam
from zoo.models.ts_cam.config import VARIANTS
from zoo.models.ts_cam.coupling import COUPLINGS

from ..oracles import open_timm

PAPER, SMALL, TINY = VARIANTS["paper"], VARIANTS["small"], VARIANTS["tiny"]
DEIT_TINY = VARIANTS["deit-tiny"]
SIX = replace(DEIT_TINY, depth=6)
STEM = replace(SMALL, dim=128, depth=4, heads=4, input_size=(128, 128))
HUNDREDS = tuple(map(str, range(200)))
PARAMETERS = [  # counts of the architecture's specification
    (PAPER, 21_672_578),
    (DEIT_TINY, 5_527_874),
    (VARIANTS["deit-base"], 85_812_482),
    (replace(PAPER, classes=HUNDREDS), 22_357_064),
    (replace(DEIT_TINY, classes=HUNDREDS), 5_870_216),
    (SIX, 2_858_690),
    (replace(SIX, input_channels=1), 2_760_386),
    (replace(SIX, input_channels=1, patch=8, input_size=(128, 128)), 2_735_042),
    (STEM, 938_082),
]
torch_only = pytest.importorskip("torch")


def net_of(config):
    from zoo.models.ts_cam.net_torch import Net

    return Net(config).eval()


@pytest.mark.parametrize(("config", "count"), PARAMETERS)
def test_parameters_are_as_many_as_specified(config, count):
    assert sum(p.numel() for p in net_of(config).parameters()) == count


def test_network_gives_the_tokens_of_timm_and_the_published_logits():
    torch = torch_only
    config = replace(PAPER, input_size=(64, 64))
    theirs = open_timm().create_model("deit_small_patch16_224", img_size=64, num_classes=0).eval()
    generator = torch.Generator().manual_seed(1)
    for parameter in theirs.parameters():
        parameter.data += 0.03 * torch.randn(parameter.shape, generator=generator)
    ours = net_of(config)
    ours.load_state_dict(theirs.state_dict(), strict=False)
    x = torch.randn(2, 3, 64, 64, generator=generator)

    with torch.no_grad():
        tokens = theirs.forward_features(x)
        maps = ours.head(tokens[:, 1:].transpose(1, 2).reshape(2, 384, 4, 4))
        outputs = ours(x, torch.ones(2, 4, 4))
    torch.testing.assert_close(outputs["maps"], maps, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(outputs["logits"], maps.mean((2, 3)), atol=1e-5, rtol=1e-5)


def test_attention_of_an_untrained_network_is_almost_even(framework):
    import zoo

    model = zoo.load("TS-CAM", backend=framework, checkpoint=None, variant="deit-tiny")
    x = {"image": np.zeros((1, 3, 224, 224), np.float32), "lung": np.ones((1, 14, 14), np.float32)}

    outputs = model.engine.forward(x)

    assert outputs["logits"].shape == (1, 2) and outputs["maps"].shape == (1, 2, 14, 14)
    assert outputs["attention"].sum() == pytest.approx(12 * 196 / 197, abs=0.01)


def test_pooling_counts_lung_tokens_only_and_sharpens_towards_the_largest(both_frameworks):
    import mindspore

    from zoo.models.ts_cam import net_mindspore, net_torch

    rng = np.random.default_rng(0)
    maps, weights = rng.standard_normal((2, 3, 4, 5)).astype(np.float32), rng.random((2, 4, 5)).astype(np.float32)
    weights[:, 2:] = 0
    share = (weights / weights.sum((1, 2), keepdims=True))[:, None]
    for sharpness in (0.0, 3.0):
        mean = (maps * share).sum((2, 3))
        expected = np.log((np.exp(sharpness * maps) * share).sum((2, 3))) / sharpness if sharpness else mean
        ours = net_torch.pool(torch_only.from_numpy(maps), torch_only.from_numpy(weights), sharpness)
        theirs = net_mindspore.pool(mindspore.Tensor(maps), mindspore.Tensor(weights), sharpness)
        np.testing.assert_allclose(ours.numpy(), expected, atol=1e-4)
        np.testing.assert_allclose(theirs.asnumpy(), ours.numpy(), atol=1e-5)
        assert (ours.numpy() <= maps[:, :, :2].max((2, 3)) + 1e-4).all()


def test_training_computes_no_attention_map():
    x = torch_only.zeros(2, 1, 48, 48), torch_only.ones(2, 6, 6)

    assert list(net_of(TINY).train()(*x)) == ["logits", "maps", "lung"]


def test_tokens_of_background_pictures_are_held_to_the_background(both_frameworks):
    import mindspore

    from zoo.models.ts_cam import loss_mindspore, loss_torch

    rng = np.random.default_rng(0)
    maps, lung = rng.standard_normal((3, 2, 4, 5)).astype(np.float32), rng.random((3, 4, 5)).astype(np.float32)
    labels = np.array([0, 1, 0])
    costs = np.log1p(np.exp(maps[:, 1] - maps[:, 0])) * lung
    expected = costs[labels == 0].sum() / (lung[labels == 0].sum() + 1)

    ours = loss_torch.background_tokens(*map(torch_only.from_numpy, (maps, lung, labels)), 0)
    theirs = loss_mindspore.background_tokens(*map(mindspore.Tensor, (maps, lung, labels)), 0)
    none = loss_torch.background_tokens(*map(torch_only.from_numpy, (maps, lung, np.ones(3))), 0)

    assert float(ours) == pytest.approx(expected, rel=1e-5) and float(theirs.asnumpy()) == pytest.approx(
        expected, rel=1e-5
    )
    assert float(none) == 0


def test_published_network_trains_with_the_labels_of_pictures_alone():
    from zoo.models.ts_cam.loss_torch import losses

    outputs = {"logits": torch_only.zeros(2, 2), "maps": torch_only.zeros(2, 2, 3, 3), "lung": torch_only.ones(2, 3, 3)}
    target = {"label": torch_only.tensor([0, 1])}

    assert list(losses(outputs, target, PAPER)) == ["cross_entropy"]
    assert list(losses(outputs, target, SMALL)) == ["cross_entropy", "background"]


# --- couplings -------------------------------------------------------------------------------------------------------


def test_difference_does_not_depend_on_the_offset_that_a_softmax_leaves_open():
    rng = np.random.default_rng(0)
    maps, attention, offset = rng.standard_normal((2, 4, 4)), rng.random((4, 4)), rng.standard_normal((4, 4))

    for name in ("relu_diff", "semantic"):
        np.testing.assert_allclose(
            COUPLINGS[name](maps + offset, attention, 1), COUPLINGS[name](maps, attention, 1), atol=1e-12
        )
    even = COUPLINGS["relu_diff"](maps, np.full((4, 4), 0.1), 1)
    np.testing.assert_allclose(even, COUPLINGS["semantic"](maps, attention, 1), atol=1e-12)
    np.testing.assert_array_equal(COUPLINGS["official"](maps, attention, 1), maps[1] * attention)
    np.testing.assert_array_equal(COUPLINGS["attention"](maps, attention, 0), attention)


# --- in and out ------------------------------------------------------------------------------------------------------


def lungs():
    """Draw one bright rectangle on black: the crop is rows 24..77, columns 18..71."""
    array = np.zeros((1, 100, 100), np.float32)
    array[:, 40:60, 20:70] = 90
    return Image(array, name="slice.png")


def outputs(*logits, at=(8, 4), grid=(12, 12)):
    maps = np.zeros((len(logits), *grid), np.float32)
    maps[(1, *at)] = 2.0
    ones = np.ones(grid, np.float32)
    return {"logits": np.float32(logits), "maps": maps, "lung": ones, "attention": ones}


def test_map_boxes_and_mask_lie_where_the_token_is():
    prediction = TSCam(replace(SMALL, smallest_px=1)).postprocess(outputs(0.0, 3.0), lungs())

    row, column = np.unravel_index(prediction.heat_map.argmax(), (100, 100))
    assert (row - 24) * 12 // 53 == 8 and (column - 18) * 12 // 53 == 4
    assert prediction.shown == "covid" and prediction.heat_map.max() == pytest.approx(2 / SMALL.map_scale, rel=0.05)
    ((x1, y1, x2, y2),) = prediction.boxes
    assert x1 <= column < x2 and y1 <= row < y2 and prediction.mask[row, column]


def test_a_normal_slice_keeps_its_map_but_has_no_region():
    prediction = TSCam(SMALL).postprocess(outputs(3.0, 0.0), lungs())

    assert prediction.label == "normal" and prediction.shown == "covid"
    assert prediction.heat_map.max() > 0 and not prediction.mask.any() and len(prediction.boxes) == 0


def test_maps_share_one_scale_or_reach_one_each():
    weak, strong = ({**outputs(0.0, 3.0), "maps": outputs(0.0, 3.0)["maps"] * factor} for factor in (0.5, 20))

    for scale, expected in ((0.0, (1.0, 1.0)), (10.0, (0.1, 1.0))):
        algorithm = TSCam(replace(SMALL, map_scale=scale))
        found = [float(algorithm.postprocess(o, lungs()).heat_map.max()) for o in (weak, strong)]
        assert found == pytest.approx(expected, rel=0.05)  # between cells the map is interpolated


def test_roi_keeps_the_map_within_the_lung():
    free = TSCam(SMALL).postprocess(outputs(0.0, 3.0, at=(1, 4)), lungs())
    kept = TSCam(replace(SMALL, roi="lung")).postprocess(outputs(0.0, 3.0, at=(1, 4)), lungs())

    assert free.heat_map[:38].max() > 0 and kept.heat_map[:38].max() == 0


def test_weights_of_the_tokens_are_their_brightness():
    image = lungs()
    box = lung_box(image.array)

    weights = TSCam(SMALL).preprocess(image)["lung"]
    assert weights.shape == (12, 12) and weights.min() == 0 and weights.max() == pytest.approx(90 / 255)
    area = (box.bottom - box.top) * (box.right - box.left)
    assert weights.mean() == pytest.approx(90 / 255 * 20 * 50 / area, rel=0.05)  # of whole pixels
    assert (TSCam(replace(SMALL, roi_pool=False)).preprocess(image)["lung"] == 1).all()
    assert (TSCam(SMALL).preprocess(Image(np.zeros((1, 9, 9), np.float32)))["lung"] == 1).all()


def test_training_sees_no_mask():
    rng = np.random.default_rng(3)
    sample = TSCam.example(TINY, rng)
    algorithm = TSCam(TINY)
    without = Sample(sample.image, {"label": sample.labels["label"]}, group=sample.group)

    assert list(algorithm.targets(sample)) == ["label"]
    changed = [algorithm.augment(s, np.random.default_rng(0)).image.array for s in (sample, without)]
    np.testing.assert_array_equal(*changed)


def test_checkpoints_are_chosen_by_the_labels_of_slices():
    assert TSCam.monitor == "roc_auc"


def test_baseline_shows_the_brightest_part_of_the_lung():
    rng = np.random.default_rng(0)
    samples = [TSCam.example(TINY, rng) for _ in range(12)]
    algorithm = TSCam(TINY)
    predict = algorithm.baseline(samples)

    scores = algorithm.summarise([algorithm.score(predict(s.image), s) for s in samples])
    assert scores["pixel_pr_auc"] > 0.5


WRONG = [
    ({"coupling": "guess"}, "coupling"),
    ({"roi": "heart"}, "roi"),
    ({"map_threshold": 1.0}, "map_threshold"),
    ({"sharpness": -1.0}, "sharpness"),
    ({"background_weight": -1.0}, "background_weight"),
    ({"map_scale": -1.0}, "map_scale"),
    ({"crop": "heart"}, "crop"),
    ({"patch": 16}, "stem"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG)
def test_wrong_options_are_refused_by_name(changes, field):
    with pytest.raises(ConfigError, match=field):
        TSCam(replace(SMALL, **changes))
