"""The parts of the methods' terms are the numbers that their definitions give, in both frameworks."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
import pytest

from tests.common import known_answers
from zoo.common.labels import UNKNOWN
from zoo.common.methods.ramps import sigmoid_ramp
from zoo.common.segmentation.options import OPTIONS


class Maps:
    """The maps of one framework, from and to NumPy."""

    def __init__(self, framework: str) -> None:
        self.module = importlib.import_module(f"zoo.common.methods.maps_{framework}")
        self.tensor: Callable = importlib.import_module(framework).tensor if framework == "torch" else self._open()
        self.framework = framework

    def _given(self, value: object) -> object:
        if isinstance(value, list):
            return [self._given(item) for item in value]
        return self.tensor(value) if isinstance(value, np.ndarray) else value

    @staticmethod
    def _open() -> Callable:
        return importlib.import_module("mindspore").Tensor

    def __call__(self, name: str, *values: object) -> np.ndarray:
        given = [self._given(value) for value in values]
        found = getattr(self.module, name)(*given)
        return np.asarray(found.numpy() if self.framework == "torch" else found.asnumpy())


@pytest.fixture
def maps(framework: str) -> Maps:
    return Maps(framework)


def logits(name: str) -> np.ndarray:
    return known_answers.array(name).astype(np.float32)


def expected(name: str) -> float:
    found = known_answers.case("losses", "3 classes")["expected"]
    return found[name] if name in found else next(value for key, value in found.items() if key.startswith(name))


def test_entropy_is_the_known_answer(maps: Maps) -> None:
    assert maps("entropy", maps("probabilities", logits("loss_logits"))) == pytest.approx(
        expected("EntropyLoss"), rel=1e-4
    )


def test_the_difference_where_a_teacher_is_sure_is_the_known_answer(maps: Maps) -> None:
    p, q = (maps("probabilities", logits(name)) for name in ("loss_logits", "loss_logits2"))

    sure = maps("sure_pixels", (p + q) / 2, 0.75 + 0.25 * 0.5)

    assert maps("masked_difference", p, q, sure) == pytest.approx(expected("UAMT masked"), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "case", "more"),
    [
        ("divergence", "CCT softmax_kl", ()),
        ("symmetric_divergence_map", "DAST symmetric KL", ()),
        ("pyramid_term", "URPC regulariser", ()),
        ("sharpened", "UAMT/URPC/MC-Net building block", (0.1,)),
        ("total_variation", "TotalVariationLoss intended 2D", ()),
    ],
)
def test_a_measure_of_maps_is_the_known_answer(maps: Maps, name: str, case: str, more: tuple[object, ...]) -> None:
    p, q = (maps("probabilities", logits(array)) for array in ("loss_logits", "loss_logits2"))
    given: tuple[object, ...] = {"pyramid_term": ([p, q],), "sharpened": (p,), "total_variation": (p,)}.get(
        name, (p, q)
    )

    assert maps(name, *given, *more).mean() == pytest.approx(expected(case), rel=1e-4)


@pytest.mark.parametrize(("case", "smooth", "squared"), [("l1 lambda=1", 1.0, False), ("l2 lambda=0.5", 0.5, True)])
def test_mumford_shah_is_the_known_answer(maps: Maps, case: str, smooth: float, squared: bool) -> None:
    p = maps("probabilities", logits("loss_logits"))

    found = maps("mumford_shah", p, logits("loss_image"), smooth, squared)

    assert found == pytest.approx(expected(f"MumfordShahLoss {case}"), rel=1e-4)


def test_the_gated_crf_is_the_known_answer(maps: Maps) -> None:
    p = maps("probabilities", logits("loss_logits"))

    found = pairs(maps)("gated_crf", p, logits("loss_image"), KERNELS, 2)

    assert found == pytest.approx(expected("GatedCRFLoss radius 2"), rel=1e-4)


KERNELS = [(1.0, 5.0, 0.1), (1.0, 3.0, 0.0)]


def pairs(maps: Maps) -> Maps:
    maps.module = importlib.import_module(f"zoo.common.methods.gated_crf.pairs_{maps.framework}")
    return maps


@pytest.mark.parametrize("size", [(4, 9), (7, 7), (1, 3)])  # with sides that are shorter than the square, too
def test_the_gated_crf_is_its_sum_over_all_pairs(maps: Maps, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    p, image = rng.dirichlet((1, 1, 1), (2, *size)).transpose(0, 3, 1, 2), rng.random((2, 2, *size))

    found = pairs(maps)("gated_crf", p.astype(np.float32), image.astype(np.float32), KERNELS, 3)

    assert found == pytest.approx(sum_over_pairs(p, image, 3) / (2 * np.prod(size)), rel=1e-4)


def sum_over_pairs(p: np.ndarray, image: np.ndarray, radius: int) -> float:
    """Go through all pairs (Obukhov et al. 2019); outside, features and probabilities are 0."""
    n, _, h, w = p.shape
    steps = [d for d in np.ndindex(2 * radius + 1, 2 * radius + 1) if d != (radius, radius)]
    total = 0.0
    for case, y, x in np.ndindex(n, h, w):
        for down, right in steps:
            j, i = y + down - radius, x + right - radius
            is_inside = 0 <= j < h and 0 <= i < w
            grey = image[case, :, j, i] if is_inside else 0 * image[case, :, 0, 0]
            place = np.subtract((y, x), (j, i) if is_inside else (0, 0))
            apart = ((image[case, :, y, x] - grey) ** 2).sum() / 0.1**2
            weight = np.exp(-0.5 * ((place / 5) ** 2).sum() - 0.5 * apart) + np.exp(-0.5 * ((place / 3) ** 2).sum())
            total += weight * (1 - (p[case, :, y, x] @ p[case, :, j, i] if is_inside else 0))
    return total


def test_the_slope_of_the_gated_crf_is_that_of_finite_differences() -> None:
    torch = pytest.importorskip("torch")
    from zoo.common.methods.gated_crf.pairs_torch import gated_crf

    rng = np.random.default_rng(0)
    p = torch.from_numpy(rng.random((1, 2, 4, 5))).requires_grad_()
    image = torch.from_numpy(rng.random((1, 1, 4, 5)))

    (slope,) = torch.autograd.grad(gated_crf(p, image, KERNELS, 2), p)

    step = torch.zeros_like(p)
    step[0, 1, 2, 3] = 1e-5
    with torch.no_grad():
        up, down = (gated_crf(p + sign * step, image, KERNELS, 2) for sign in (1, -1))
    assert float(slope[0, 1, 2, 3]) == pytest.approx(float(up - down) / 2e-5, rel=1e-4)


def test_softened_labels_are_the_known_answer(maps: Maps) -> None:
    p, g = maps("probabilities", logits("loss_logits")), logits("loss_onehot")
    doubted = known_answers.array("loss_pixw")[:, 0] > 0.5

    some, none = (maps("smoothed_cross_entropy", p, g, d, 0.25).mean() for d in (doubted, np.zeros_like(doubted)))

    assert some == pytest.approx(expected("SLSRLoss + pixel_weight (loss_pixw > 0.5)"), rel=1e-4)
    assert none == pytest.approx(expected("SLSRLoss"), rel=1e-4)


def test_borders_are_as_long_in_whatever_order_classes_come(maps: Maps) -> None:
    p = maps("probabilities", logits("loss_logits"))

    assert maps("total_variation", p[:, [2, 0, 1]].copy()) == pytest.approx(maps("total_variation", p), rel=1e-6)


def test_volumes_have_borders_along_all_axes(maps: Maps) -> None:
    cube = np.zeros((1, 2, 5, 5, 5), np.float32)
    cube[:, 1, 2, 2, 2] = 1
    cube[:, 0] = 1 - cube[:, 1]
    flat = np.repeat(cube[:, :, 2:3], 5, axis=2)

    assert maps("total_variation", cube) > 0
    assert maps("total_variation", flat) != pytest.approx(float(maps("total_variation", cube)))


LOSSES = {
    "cross-entropy": "CrossEntropyLoss",
    "dice": "DiceLoss",
    "foreground-dice": "GroupDiceLoss",
    "focal-dice": "FocalDiceLoss",
    "noise-robust-dice": "NoiseRobustDiceLoss",
    "gce": "GeneralizedCELoss",
    "mae": "MAELoss",
    "mse": "MSELoss",
    "exp-log": "ExpLogLoss",
}


WEIGHTED = {  # PyMIC averages over the pixels, not over their weights
    "dice": "DiceLoss + class_weight [1,2,0.5]",
    "cross-entropy": "CrossEntropyLoss + class_weight [1,2,0.5]",
    "gce": "GeneralizedCELoss + class_weight [1,2,0.5]",
}


def loss(framework: str, function: str, *given: object) -> float:
    module = importlib.import_module(f"zoo.common.segmentation.options_{framework}")
    tensor = Maps(framework).tensor
    wrapped = [
        {k: tensor(v) for k, v in value.items()} if isinstance(value, dict) else
        tensor(value) if isinstance(value, np.ndarray) else value
        for value in given
    ]  # fmt: skip
    found = getattr(module, function)(*wrapped)
    return float(sum(found.values()) if isinstance(found, dict) else found)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_loss_is_the_known_answer_and_does_not_see_unknown_pixels(framework: str, name: str) -> None:
    z, mask = logits("loss_logits"), known_answers.array("loss_label").astype(np.int32)
    wider = {"logits": np.concatenate([z, 7 * z], axis=2)}, {"mask": np.concatenate([mask, 0 * mask + UNKNOWN], axis=1)}

    found = loss(framework, "option_losses", {"logits": z}, {"mask": mask}, name)

    if name in LOSSES:
        assert found == pytest.approx(expected(LOSSES[name]), rel=1e-4)
    if name != "adaptive-tversky":  # its patches are another part of a wider picture
        assert loss(framework, "option_losses", *wider, name) == pytest.approx(found, rel=1e-4)


@pytest.mark.parametrize("name", WEIGHTED)
def test_classes_count_by_their_weights_as_in_the_known_answers(framework: str, name: str) -> None:
    found = loss(framework, "option_losses", *drawn_batch(), name, (1.0, 2.0, 0.5))

    known = known_answers.case("losses", "3 classes")["expected"][WEIGHTED[name]]
    assert found == pytest.approx(known, rel=1e-4)


@pytest.mark.parametrize("name", OPTIONS)
def test_only_the_proportions_of_weights_of_classes_matter_to_regions_and_equal_ones_change_nothing(name: str) -> None:
    plain = loss("torch", "option_losses", *drawn_batch(), name)

    assert loss("torch", "option_losses", *drawn_batch(), name, (1.0, 1.0, 1.0)) == plain
    assert loss("torch", "option_losses", *drawn_batch(), name, (0.1, 3.0, 0.2)) != plain or name == "joined-dice"


IVADOMED = {  # name: (of ivadomed, what it adds to ours); its Dice is negative
    "tversky": ("TverskyLoss", 1),
    "focal-tversky": ("FocalTverskyLoss", 0),
    "generalised-dice": ("GeneralizedDiceLoss no background", 1),
    "pooled-dice": ("DiceLoss (flattened over classes)", 1),
}


@pytest.mark.parametrize("name", IVADOMED)
def test_a_loss_is_that_of_ivadomed(framework: str, name: str) -> None:
    found = known_answers.case("losses", "3 classes, ivadomed losses on softmax")["observed"]
    theirs, more = IVADOMED[name]

    ours = loss(framework, "option_losses", *drawn_batch(), name)

    assert ours - more == pytest.approx(found[f"ivadomed {theirs}"]["ivadomed 2.9.10"], rel=1e-4)


def drawn_batch() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    return {"logits": logits("loss_logits")}, {"mask": known_answers.array("loss_label").astype(np.int32)}


def test_focal_and_binary_cross_entropy_are_their_formulas(framework: str) -> None:
    z = np.array([[[[2.0, -1.0]]]], np.float32)  # one pixel that is there, one that is not
    batch = {"logits": z}, {"mask": np.array([[[1, 0]]], np.int32)}
    hit, alarm = 1 / (1 + np.exp(-2.0)), 1 / (1 + np.exp(1.0))

    plain, focal = (loss(framework, "option_losses", *batch, name) for name in ("binary-cross-entropy", "focal"))

    assert plain == pytest.approx((-np.log(hit) - np.log(1 - alarm)) / 2, rel=1e-4)
    weighed = -0.25 * (1 - hit) ** 2 * np.log(hit) - 0.75 * alarm**2 * np.log(1 - alarm)
    assert focal == pytest.approx(weighed / 2, rel=1e-4)
    both = loss(framework, "option_losses", *batch, "log-focal-dice")
    assert both == pytest.approx(np.log(weighed / 2) - np.log((2 * hit + 1) / (hit + alarm + 2)), rel=1e-4)


@pytest.mark.parametrize("there", [0.0, 1.0])
def test_the_adaptive_wing_is_steep_near_the_mask_and_without_a_step(framework: str, there: float) -> None:
    apart = np.array([0.1, 0.4999, 0.5001, 1.0], np.float32)
    p, power = np.abs(there - apart).astype(np.float32), 2.1 - there

    found = [
        loss(framework, "wing", np.full((1, 1, 1, 1), value, np.float32), np.full((1, 1, 1, 1), there, np.float32))
        for value in p
    ]

    assert found[0] == pytest.approx(14 * np.log(1 + 0.1**power), rel=1e-4)
    assert found[1] == pytest.approx(found[2], rel=2e-3)
    slope = 14 * power * 0.5 ** (power - 1) / (1 + 0.5**power)
    assert found[3] - found[2] == pytest.approx(slope * 0.4999, rel=1e-3)


def test_a_border_of_one_pixel_counts_with_the_mask_of_an_adaptive_wing(framework: str) -> None:
    mask = np.zeros((1, 7, 7), np.int32)
    mask[0, 3, 3] = 1
    found = {}
    for place in ((3, 4), (3, 5)):  # a false alarm at the border, and one beyond it
        z = np.full((1, 1, 7, 7), -20.0, np.float32)
        z[0, 0, 3, 3], z[0, 0][place] = 20, 20
        found[place] = loss(framework, "option_losses", {"logits": z}, {"mask": mask}, "adaptive-wing")

    assert found[3, 4] == pytest.approx(11 * found[3, 5], rel=1e-3)


def test_adaptive_tversky_in_patches_is_the_known_answer(framework: str) -> None:
    p, g = Maps(framework)("probabilities", logits("loss_logits")), logits("loss_onehot")

    found = loss(framework, "patch_tversky", p, g, np.ones((2, 6, 5), np.float32), (3, 5), np.ones(3, np.float32))

    assert found == pytest.approx(expected("ARSTverskyLoss"), rel=1e-4)


def test_the_mean_teachers_difference_is_the_known_answer(maps: Maps) -> None:
    p, q = (maps("probabilities", logits(name)) for name in ("loss_logits", "loss_logits2"))

    assert maps("squared_difference", p, q) == pytest.approx(expected("CCT softmax_mse"), rel=1e-4)


def test_a_single_map_counts_as_two_classes(maps: Maps) -> None:
    p = maps("probabilities", np.full((1, 1, 2, 2), 2.0, np.float32))

    np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-2.0)), rtol=1e-5)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-6)


def test_a_rise_is_the_known_answer() -> None:
    found = known_answers.case("windows_and_ramps", "ramps start=100,end=500")["expected"]

    ramp = [sigmoid_ramp(step / 1000, (0.1, 0.5)) for step in (0, 100, 200, 300, 400, 500, 900)]

    known_answers.assert_close(ramp, next(value for name, value in found.items() if name.startswith("rampup_sigmoid")))
