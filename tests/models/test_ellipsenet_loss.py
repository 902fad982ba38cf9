"""EllipseNet's loss: known values in each framework, gradients that point the right way, both frameworks alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from zoo.common.batches import stack
from zoo.common.peaks import draw_gaussian
from zoo.models.ellipsenet.algorithm import EllipseNet
from zoo.models.ellipsenet.config import VARIANTS, Config

from ..conftest import skip_without

TINY = VARIANTS["tiny"]
LAYOUTS = {
    f"{heads} {enclosing}": replace(TINY, heads=heads, enclosing=enclosing)
    for heads in ("per_class", "official")
    for enclosing in ("axis_aligned", "smallest")
}
# rectangles cx, cy, width, height, angle; IoU; DIoU loss with the smallest enclosing rectangle
PAIRS = {
    "equal": ((50, 50, 40, 20, 0), (50, 50, 40, 20, 0), 1, 0),
    "crossed": ((50, 50, 40, 20, 0), (50, 50, 40, 20, np.pi / 2), 0.333333, 0.666667),
    "turned": ((50, 50, 40, 20, 0.3), (55, 47, 36, 24, 0.5), 0.576769, 0.435309),
    "small": ((0, 0, 2, 3, np.pi / 6), (1, 1, 4, 4, -np.pi / 4), 0.280501, 0.771129),
    "apart": ((50, 50, 40, 20, 0.3), (200, 200, 40, 20, 0.3), 0, 1.668750),
}


class Backend:
    """The loss of one framework behind NumPy arrays."""

    def __init__(self, framework: str) -> None:
        skip_without(framework)
        if framework == "mindspore":
            import_module("zoo.engines.backends_mindspore").prepare("cpu")
        self.framework = import_module(framework)
        self.loss: Any = import_module(f"zoo.models.ellipsenet.loss_{framework}")
        self.rotated: Any = import_module(f"zoo.models.ellipsenet.rotated_iou_{framework}")

    def call(self, function: Callable[..., Any], *arrays: Any, **options: Any) -> np.ndarray:
        value = function(*(self.tensor(array) for array in arrays), **options)
        return np.asarray(value.asnumpy() if hasattr(value, "asnumpy") else value.numpy())

    def tensor(self, array: Any) -> Any:
        return self.framework.tensor(np.asarray(array, np.float32))

    def terms(self, outputs: Any, targets: Any, config: Config) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Return the terms and the gradient of their sum with respect to every output that has one."""
        names = list(outputs)
        goals = {name: self.framework.tensor(value) for name, value in targets.items()}
        if self.framework.__name__ == "torch":
            leaves = {name: self.tensor(value).requires_grad_() for name, value in outputs.items()}
            terms = self.loss.losses(leaves, goals, config)
            sum(terms.values()).backward()
            slopes = {name: leaf.grad.numpy() for name, leaf in leaves.items() if leaf.grad is not None}
            return {name: value.item() for name, value in terms.items()}, slopes

        def total(*values: Any) -> Any:
            terms = self.loss.losses(dict(zip(names, values, strict=True)), goals, config)
            return sum(terms.values()), terms

        differentiate = self.framework.value_and_grad(total, tuple(range(len(names))), has_aux=True)
        (_, terms), found = differentiate(*(self.tensor(value) for value in outputs.values()))
        slopes = {name: value.asnumpy() for name, value in zip(names, found, strict=True)}
        return {name: float(value.asnumpy()) for name, value in terms.items()}, slopes


@pytest.fixture
def backend(framework: str) -> Backend:
    return Backend(framework)


@pytest.mark.parametrize(("logit", "expected"), [(0.0, 3.977070), (-2.19, 1.880726)])
def test_focal_loss_of_one_peak(backend: Backend, logit: float, expected: float) -> None:
    heat_map = np.zeros((1, 1, 5, 5), np.float32)
    draw_gaussian(heat_map[0, 0], (2, 2), 1)

    loss = backend.call(backend.loss.focal_loss, np.full_like(heat_map, logit), heat_map)

    assert loss == pytest.approx(expected, abs=4e-6)  # float32: 1e-6 of the value


def test_focal_loss_without_a_peak_is_not_divided(backend: Backend) -> None:
    empty = np.zeros((1, 1, 5, 5))

    assert backend.call(backend.loss.focal_loss, empty - 2.19, empty) == pytest.approx(0.026868, abs=1e-6)


def test_masked_l1_averages_over_what_is_there(backend: Backend) -> None:
    values, truth = [[[12, 37], [5, 5]]], [[[10, 40], [0, 0]]]

    assert backend.call(backend.loss.masked_l1, values, truth, [[1, 0]]) == pytest.approx(2.499875, abs=1e-6)
    assert backend.call(backend.loss.masked_l1, values, truth, [[0, 0]]) == 0


@pytest.mark.parametrize(("found", "true", "expected"), [(0.49, -0.49, 0.062832), (0.2, -0.1, 0.942478)])
def test_angle_loss_wraps_around(backend: Backend, found: float, true: float, expected: float) -> None:
    loss = backend.call(backend.loss.angle_loss, [[np.pi * found]], [[np.pi * true]], [[1]])

    assert loss == pytest.approx(expected / (1 + 1e-4), abs=1e-6)


@pytest.mark.parametrize("case", PAIRS)
def test_iou_and_distance_of_known_rectangles(backend: Backend, case: str) -> None:
    first, second, iou, loss = PAIRS[case]

    found = backend.call(backend.rotated.rotated_iou, [first], [second])
    penalty = backend.call(backend.rotated.distance_penalty, [first], [second], enclosing="smallest")

    assert found[0] == pytest.approx(iou, abs=1e-6)
    assert 1 - found[0] + penalty[0] == pytest.approx(loss, abs=1e-6)


def test_axis_aligned_enclosing_box(backend: Backend) -> None:
    boxes = [[10, 10, 4, 2, 0]], [[14, 13, 2, 4, np.pi / 2]]  # sides 8..16 and 9..14

    penalty = backend.call(backend.rotated.distance_penalty, *boxes, enclosing="axis_aligned")

    assert penalty[0] == pytest.approx((4**2 + 3**2) / (8**2 + 5**2))


def test_equal_rectangles_overlap_fully_whatever_their_shape(backend: Backend) -> None:
    rng = np.random.default_rng(0)
    boxes = np.column_stack([rng.uniform(0, 800, (2000, 2)), rng.uniform(1, 300, (2000, 2)), rng.uniform(-3, 3, 2000)])
    turned = boxes + np.array([0, 0, 0, 0, np.pi])

    # corners of slivers (300:1) a rounding error apart: float32 keeps five digits of the area
    np.testing.assert_allclose(backend.call(backend.rotated.rotated_iou, boxes, boxes), 1, atol=5e-5)
    np.testing.assert_allclose(backend.call(backend.rotated.rotated_iou, boxes, turned), 1, atol=5e-4)


def test_iou_agrees_with_clipped_polygons(backend: Backend) -> None:
    from zoo.common.metrics.ellipses import rectangle_iou

    rng = np.random.default_rng(1)
    first, second = (
        np.column_stack([rng.uniform(20, 40, (300, 2)), rng.uniform(4, 40, (300, 2)), rng.uniform(-3, 3, 300)])
        for _ in range(2)
    )
    halved = [np.column_stack([np.zeros(300), b[:, :2], b[:, 2:4] / 2, b[:, 4]]) for b in (first, second)]

    expected = [rectangle_iou(a, b) for a, b in zip(*halved, strict=True)]

    np.testing.assert_allclose(backend.call(backend.rotated.rotated_iou, first, second), expected, atol=2e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_true_maps_leave_no_loss_but_the_heat_map(backend: Backend, layout: str) -> None:
    config = LAYOUTS[layout]
    targets = batch(config, 2)
    if config.heads == "official":  # its maps cannot hold two classes in one cell
        targets = {name: value[:1] for name, value in targets.items()}

    terms, _ = backend.terms(true_maps(targets, config), targets, config)

    assert terms.pop("hm") < 0.01
    assert terms == pytest.approx(dict.fromkeys(terms, 0), abs=1e-4)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_frameworks_agree_on_terms_and_gradients(both_frameworks: tuple[str, ...], layout: str) -> None:
    config = LAYOUTS[layout]
    targets = batch(config, 4)
    targets["mask"][0, 1] = 0
    outputs = disturbed(true_maps(targets, config))

    first, second = (Backend(name).terms(outputs, targets, config) for name in both_frameworks)

    assert second[0] == pytest.approx(first[0], rel=1e-6, abs=1e-6)
    for name, slope in first[1].items():
        np.testing.assert_allclose(second[1][name], slope, atol=1e-5 * max(1, np.abs(slope).max()), err_msg=name)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_gradients_agree_with_differences(layout: str) -> None:
    backend, config = Backend("torch"), LAYOUTS[layout]
    targets = batch(config, 1)
    outputs = disturbed(true_maps(targets, config))
    _, slopes = backend.terms(outputs, targets, config)
    name = "theta" if config.heads == "official" else "angle"
    place = np.unravel_index(np.abs(slopes[name]).argmax(), slopes[name].shape)

    def total(shift: float) -> float:
        moved = {key: value.copy() for key, value in outputs.items()}
        moved[name][place] += shift
        return sum(backend.terms(moved, targets, config)[0].values())

    assert (total(1e-2) - total(-1e-2)) / 2e-2 == pytest.approx(slopes[name][place], rel=0.05, abs=0.02)


def test_absent_classes_have_no_say(backend: Backend) -> None:
    targets = batch(TINY, 2)
    targets["mask"][:, 1] = 0
    outputs = disturbed(true_maps(targets, TINY))

    _, slopes = backend.terms(outputs, targets, TINY)

    assert all(np.isfinite(slope).all() for slope in slopes.values())
    assert not slopes["l"][:, 1].any()
    assert slopes["l"][:, 0].any()


def test_untrained_network_has_a_finite_loss(backend: Backend) -> None:
    """Lengths of zero or below are boxes without area."""
    targets = batch(TINY, 2)
    for level in (0.0, -3.0):
        outputs = {name: np.full((2, count, 16, 16), level, np.float32) for name, count in TINY.outputs.items()}

        terms, slopes = backend.terms(outputs, targets, TINY)

        assert np.isfinite(list(terms.values())).all()
        assert all(np.isfinite(slope).all() for slope in slopes.values())


def batch(config: Config, count: int) -> dict[str, np.ndarray]:
    """Encode synthetic samples."""
    algorithm = EllipseNet(config)
    samples = [EllipseNet.example(config, np.random.default_rng(seed)) for seed in range(count)]
    return stack([algorithm.targets(sample) for sample in samples])


def true_maps(targets: dict[str, np.ndarray], config: Config) -> dict[str, np.ndarray]:
    """Build the outputs of a perfect network."""
    n, k, h, w = targets["hm"].shape
    maps = {name: np.zeros((n, count, h * w), np.float32) for name, count in config.outputs.items()}
    maps["hm"] = np.where(targets["hm"] == 1, 9, -9).reshape(n, k, -1).astype(np.float32)
    for name, values in maps.items():
        if name in ("hm", "sincos"):
            continue
        truth = targets[name.removeprefix("ratio_")].reshape(n, k, -1)
        width = truth.shape[2]
        for i in range(n):
            for c in range(k):
                first = 0 if config.heads == "official" else c * width
                values[i, first : first + width, targets["index"][i, c]] = truth[i, c]
    return {name: values.reshape(n, -1, h, w) for name, values in maps.items()}


def disturbed(outputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Add errors as of a half-trained network; ratios stay positive."""
    rng = np.random.default_rng(7)
    noisy = {name: (value + rng.normal(0, 0.1, value.shape)).astype(np.float32) for name, value in outputs.items()}
    noisy["hm"] = (noisy["hm"] / 4).astype(np.float32)
    return {name: np.abs(value) + 0.05 if name[-2:] in ("al", "bl") else value for name, value in noisy.items()}
