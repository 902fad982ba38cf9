"""The property that names each method, told by its weights and terms."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.batches import stack
from zoo.common.errors import ZooWarning
from zoo.common.labels import UNKNOWN
from zoo.common.methods.cct.method import CrossConsistency
from zoo.common.methods.contract import Moment
from zoo.common.methods.selection import believed, cheapest, suspects

from .harness import PLAIN, begin, draw_batch, open_model, take


def length(weights: dict[str, np.ndarray]) -> float:
    return float(np.sqrt(sum(float((value.astype(np.float64) ** 2).sum()) for value in weights.values())))


@pytest.mark.parametrize("name", ["mean-teacher", "uamt", "ustm"])
def test_the_teacher_is_as_long_as_its_student(name: str) -> None:
    model = open_model("torch")
    begin(model, name)

    take(model, draw_batch(model, name, 1), 12, rate=1e-3)

    student, teacher = model.engine.weights(), model.engine.companion("teacher")
    learned = [key for key in student if "running" not in key]
    assert length({k: teacher[k] for k in learned}) == pytest.approx(length({k: student[k] for k in learned}), rel=0.01)


def test_the_average_of_equal_networks_is_that_network(framework: str) -> None:
    model = open_model(framework)
    before = model.engine.weights()
    begin(model, "mean-teacher")

    take(model, draw_batch(model, "mean-teacher", 1), 3, rate=0.0)

    teacher = model.engine.companion("teacher")
    assert all(np.allclose(teacher[key], before[key], atol=1e-7) for key in before if "running" not in key)


@pytest.mark.parametrize("name", ["mean-teacher", "urpc", "cct", "cps", "entropy-minimisation", "uamt", "mc-net"])
def test_an_image_without_a_mask_changes_weights_through_the_term_of_the_method_alone(
    framework: str, name: str
) -> None:
    found = []
    for other in (100, 200):
        model = open_model(framework)
        begin(model, name, weight=0.0)
        (inputs, targets, rows) = draw_batch(model, name)
        image = inputs["image"].copy()
        image[rows:] = 3 * np.random.default_rng(other).normal(size=image[rows:].shape)
        take(model, ({"image": image}, targets, rows), 1)
        found.append({key: value for key, value in model.engine.weights().items() if "running" not in key})

    first, second = found
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_a_pixel_that_is_unknown_has_no_gradient(framework: str) -> None:
    rng = np.random.default_rng(0)
    logits, mask = rng.normal(size=(2, 3, 4, 4)).astype(np.float32), rng.integers(0, 3, (2, 4, 4))
    mask[:, :2] = UNKNOWN

    slopes = gradient(framework, logits, mask.astype(np.int32))

    assert not slopes[:, :, :2].any()
    assert np.abs(slopes[:, :, 2:]).min() > 0


def gradient(framework: str, logits: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the gradient of cross-entropy and Dice in the logits."""
    if framework == "torch":
        import torch

        from zoo.common.segmentation.losses_torch import cross_entropy, soft_dice

        z = torch.from_numpy(logits).requires_grad_()
        (cross_entropy(z, torch.from_numpy(mask)) + soft_dice(z, torch.from_numpy(mask))).backward()
        return z.grad.numpy()
    import mindspore as ms

    from zoo.common.segmentation.losses_mindspore import cross_entropy, soft_dice

    labels = ms.Tensor(mask)
    return ms.grad(lambda z: cross_entropy(z, labels) + soft_dice(z, labels))(ms.Tensor(logits)).asnumpy()


def test_both_networks_of_cps_start_apart_and_learn() -> None:
    model = open_model("torch")
    begin(model, "cps")
    first, before = model.engine.weights(), model.engine.companion("partner1")

    take(model, draw_batch(model, "cps"), 1)

    assert not np.array_equal(before["unet.head.weight"], first["unet.head.weight"])
    assert not np.array_equal(before["unet.head.weight"], model.engine.companion("partner1")["unet.head.weight"])


def test_the_average_of_the_network_holds_no_other(framework: str) -> None:
    model = open_model(framework)
    begin(model, "mc-net", replace(PLAIN, ema_decay=0.9))

    take(model, draw_batch(model, "mc-net", 1), 1)

    assert {key: value.shape for key, value in model.engine.weights(averaged=True).items()} == model.engine.shapes()


def test_a_partner_starts_from_a_checkpoint_whatever_that_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    open_model("torch", seed=3).save("random-start.safetensors")
    model = zoo.load("2D-UNet", backend="torch", checkpoint="random-start.safetensors")

    begin(model, "cps")

    own, partner = model.engine.weights(), model.engine.companion("partner1")
    alike = {key for key, value in own.items() if np.array_equal(value, partner[key])}
    assert {*own} - alike == {"unet.head.weight"}


def test_co_teaching_exchanges_its_choice() -> None:
    costs = {"first": np.array([[[1.0, 2.0, 3.0, 4.0]]]), "second": np.array([[[4.0, 3.0, 2.0, 1.0]]])}
    kept = {name: cheapest(cost, 0.5, np.ones((1, 1, 4), bool)) for name, cost in costs.items()}

    model = open_model("torch")
    inputs, targets, rows = draw_batch(model, "co-teaching")
    begin(model, "co-teaching", noise_share=0.5)
    early, late = (model.engine.step(inputs, targets, 0.0, 0, Moment(0, share, rows)) for share in (0.0, 1.0))

    assert kept["first"].tolist() == [[[1, 1, 0, 0]]] and kept["second"].tolist() == [[[0, 0, 1, 1]]]
    assert (early.told["kept_share"], late.told["kept_share"]) == pytest.approx((1 - 0.5 * np.exp(-5), 0.5))
    assert np.mean([late.terms[n] > 0 for n in late.terms]) == 1
    own = exchanged(model, inputs, targets)
    assert late.terms["cross_entropy"] == pytest.approx(own["exchanged"], rel=1e-3)
    assert late.terms["cross_entropy"] > own["kept"]  # its own choice would be cheaper


def exchanged(model, inputs, targets) -> dict[str, float]:
    """Return the first network's cost of the other one's choice, and of its own."""
    import torch

    from zoo.common.methods.maps_torch import class_logits
    from zoo.common.segmentation.losses_torch import pixel_cross_entropy

    mask = torch.from_numpy(targets["mask"])
    nets = [model.engine.net, model.engine._companions.all["partner1"]]
    for net in nets:
        net.train()
    with torch.no_grad():
        logits = [net(torch.from_numpy(inputs["image"]))["logits"] for net in nets]
        costs = [pixel_cross_entropy(class_logits(z), mask).numpy() for z in logits]
    own, other = (cheapest(cost, 0.5, np.ones(cost.shape, bool)) > 0 for cost in costs)
    return {"kept": float(costs[0][own].mean()), "exchanged": float(costs[0][other].mean())}


def test_a_noise_share_that_takes_a_small_object_for_noise_is_told() -> None:
    mask, told = np.zeros((1, 10, 10)), dict[str, float]()
    mask[:, :1, :5], mask[:, 9] = 1, 255  # 5 of 90 known pixels are an object, and cost most at first
    costs = [np.where(mask == 1, 2.0, np.linspace(0.0, 1.0, 100).reshape(1, 10, 10)) for _ in range(2)]

    with pytest.warns(ZooWarning, match="noise_share counts all pixels"):
        believed(costs, mask, 0.9, told)
    assert told == {"kept_of_objects": 0}

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        believed(costs, mask, 0.98, told)
    assert told["kept_of_objects"] == 1  # equal costs are kept together


def test_each_disturbance_is_of_the_same_features() -> None:
    features = np.abs(np.random.default_rng(0).normal(size=(2, 3, 4, 4))).astype(np.float32)
    before = features.copy()

    channels, places, noise = CrossConsistency().disturbances(features, np.random.default_rng(1))

    assert np.array_equal(features, before)
    assert set(np.unique(channels)) <= {0, 2} and channels.shape == (2, 3, 1, 1)
    assert set(np.unique(places)) == {0, 1} and np.abs(noise - 1).max() <= 0.3
    active = features.mean(axis=1, keepdims=True)
    assert not places[active == active.max(axis=(1, 2, 3), keepdims=True)].any()  # the most active place is dropped


def test_a_confident_judge_suspects_the_labels_that_are_wrong() -> None:
    labels = np.zeros((1, 4, 4), int)
    labels[0, :, 2:] = 1
    p = np.stack([np.where(labels == 0, 0.9, 0.1), np.where(labels == 1, 0.9, 0.1)], axis=1)
    wrong = labels.copy()
    wrong[0, 0, 0] = 1

    found = suspects(p, wrong, {})["suspected"]

    assert np.argwhere(found).tolist() == [[0, 0, 0]]


def test_the_judge_of_confident_learning_stands_still_in_the_second_half() -> None:
    model = open_model("torch")
    batch = draw_batch(model, "confident-learning")
    begin(model, "confident-learning")
    take(model, batch, 2, share=0.2)
    followed = model.engine.companion("teacher")
    equal = all(np.allclose(followed[key], value, atol=1e-6) for key, value in model.engine.weights().items())

    step = take(model, batch, 2, share=0.7)[-1]

    later = model.engine.companion("teacher")
    learned = [key for key in later if "running" not in key]
    assert equal and all(np.array_equal(followed[key], later[key]) for key in learned)
    assert 0 <= step.told["doubted_share"] < 1


def test_the_adversary_moves_an_answer_further_than_chance_at_the_same_length(both_frameworks: tuple[str, ...]) -> None:
    rng = np.random.default_rng(0)
    features, matrix = rng.normal(size=(2, 6, 4, 4)).astype(np.float32), rng.normal(size=(3, 6)).astype(np.float32)
    starts = rng.uniform(-0.5, 0.5, (20, *features.shape)).astype(np.float32)
    found = {framework: disturb(framework, features, matrix, starts[0]) for framework in both_frameworks}

    def moved(change: np.ndarray) -> np.ndarray:
        answers = [np.exp(np.einsum("kc,nchw->nkhw", matrix, x)) for x in (features, features + change)]
        p, q = (x / x.sum(axis=1, keepdims=True) for x in answers)
        return (p * np.log(p / q)).sum((1, 2, 3))

    lengths = np.sqrt((features**2).sum((1, 2, 3), keepdims=True))
    by_chance = [0.1 * lengths * s / np.sqrt((s**2).sum((1, 2, 3), keepdims=True)) for s in starts]
    for change in found.values():
        np.testing.assert_allclose(np.sqrt((change**2).sum((1, 2, 3))), 0.1 * lengths.ravel(), rtol=1e-4)
        assert (moved(change) > 1.5 * np.max([moved(other) for other in by_chance], axis=0)).all()
        np.testing.assert_allclose(change, found["torch"], atol=1e-3)


def disturb(framework: str, features: np.ndarray, matrix: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return what the adversary adds to features of which a matrix makes logits."""
    if framework == "torch":
        import torch

        from zoo.common.methods.cct.adversary_torch import adversary

        one = torch.from_numpy(matrix)
        ask = lambda x: torch.softmax(torch.einsum("kc,nchw->nkhw", one, x), 1)  # noqa: E731
        return adversary(ask, torch.from_numpy(features), torch.from_numpy(start), 0.1).numpy()
    import mindspore as ms
    from mindspore import ops

    from zoo.common.methods.cct.adversary_mindspore import adversary as by_mindspore

    kernel = ms.Tensor(matrix[:, :, None, None])
    ask = lambda x: ops.softmax(ops.conv2d(x, kernel), 1)  # noqa: E731
    return by_mindspore(ask, ms.Tensor(features), ms.Tensor(start), 0.1).asnumpy()


@pytest.mark.parametrize("name", ["urpc", "cct", "mc-net", "dmpls", "psseg", "dast", "vox2vec"])
@pytest.mark.parametrize("deep", [False, True])
def test_a_volume_network_serves_methods_with_decoders(name: str, deep: bool) -> None:
    model = open_volumes("torch", deep_supervision=deep)
    begin(model, name)

    step = take(model, draw_volumes(model), 1)[0]

    assert np.isfinite(step.grad_norm) and step.grad_norm > 0


@pytest.mark.parametrize("name", ["urpc", "mc-net"])
def test_further_decoders_of_volumes_are_alike_in_both_frameworks(name: str, both_frameworks: tuple[str, ...]) -> None:
    found = []
    for framework in both_frameworks:
        model = open_volumes(framework)
        begin(model, name, weight=1.0)
        found.append(take(model, draw_volumes(model), 2, rate=1e-4))

    for expected, step in zip(*found, strict=True):
        assert step.terms == pytest.approx(expected.terms, rel=1e-2, abs=1e-4)


def open_volumes(framework: str, **options: object) -> zoo.Model:
    return zoo.load("3D-UNet", backend=framework, checkpoint=None, variant="tiny", **options)


def draw_volumes(model: zoo.Model):
    samples = [type(model.algorithm).example(model.config, np.random.default_rng(seed)) for seed in range(2)]
    moved = [model.algorithm.augment(sample, np.random.default_rng(0)) for sample in samples]
    inputs = stack([model.algorithm.preprocess(sample.image) for sample in moved])
    return inputs, stack([model.algorithm.targets(sample) for sample in moved]), 1


def test_an_own_term_weighs_less_at_the_beginning_of_a_run() -> None:
    model = open_model("torch")
    begin(model, "entropy-minimisation")
    inputs, targets, rows = draw_batch(model, "entropy-minimisation")

    early, late = (model.engine.step(inputs, targets, 0.0, 0, Moment(0, share, rows)) for share in (0.0, 1.0))

    assert early.terms["entropy"] == pytest.approx(late.terms["entropy"] * np.exp(-5), rel=1e-4)
    assert (early.told["ramp"], late.told["ramp"]) == pytest.approx((np.exp(-5), 1.0))
