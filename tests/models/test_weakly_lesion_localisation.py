"""WeaklyLesionLocalisation: published networks and rules, the penalty, pairs, phases, the answer, runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import zoo
from zoo.common.errors import ConfigError, DataError, TrainingError
from zoo.common.pairs import Pairs
from zoo.common.types import Image, Sample
from zoo.common.weights import read_weights
from zoo.models.weakly_lesion_localisation.algorithm import WeaklyLesionLocalisation, calm_level, regions_above
from zoo.models.weakly_lesion_localisation.config import VARIANTS, Config
from zoo.models.weakly_lesion_localisation.maps import edge_weights, own_map, published_map
from zoo.models.weakly_lesion_localisation.pairs import rows_of_pairs
from zoo.training import loop

from .harness import batch_of, samples_of, start_training

SMALL, TINY, PAPER = VARIANTS["small"], VARIANTS["tiny"], VARIANTS["paper"]
FEW = replace(PAPER, filters=4, critic=(4, 8, 8), depth=3, input_size=(32, 32))  # the published design, small
torch = pytest.importorskip("torch")


def opened(framework: str, config: Config) -> zoo.Model:
    changes = {field: getattr(config, field) for field in config.__dataclass_fields__}
    return zoo.load("WLL", backend=framework, checkpoint=None, variant="tiny", **changes)


def paired_batch(model: zoo.Model, pairs: int = 2):
    samples = samples_of(model, 12)
    kinds = [[s for s in samples if int(s.labels["label"]) == label][:pairs] for label in (1, 0)]
    return batch_of(model, [*kinds[0], *kinds[1]])


# --- networks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "generator", "critic"),
    [("paper", 46_353_538, 8_635_329), ("paper-tied", 34_165_058, 8_635_329), ("small", 31_129, 138_061)],
)
def test_parameters_are_as_many_as_specified(variant, generator, critic):
    from zoo.models.weakly_lesion_localisation.net_torch import Net

    with torch.device("meta"):
        net = Net(VARIANTS[variant])

    assert sum(p.numel() for p in net.generator.parameters()) == generator
    assert sum(p.numel() for p in net.critic.parameters()) == critic


def test_published_maps_have_the_published_sizes():
    from zoo.models.weakly_lesion_localisation.net_torch import Net

    with torch.device("meta"):
        net, x = Net(PAPER), torch.zeros(1, 1, 256, 256)
        seen = {}
        for name, part in net.named_modules():

            def hear(_part, _given, out, name=name):
                seen[name] = tuple(getattr(out, "shape", ()))

            part.register_forward_hook(hear)
        net(x, x, x)
        net.critic(x, x)

    levels = [seen[f"generator.encoder.{i}"][1:] for i in range(5)]
    assert levels == [(64, 256, 256), (128, 128, 128), (256, 64, 64), (512, 32, 32), (1024, 16, 16)]
    climbed = [seen[f"generator.lesion.blocks.{i}"][1:] for i in range(4)]
    assert climbed == levels[3::-1]
    judged = [seen[f"critic.blocks.{i}"][1:] for i in range(7)]
    assert judged == [(64, 128, 128), (128, 64, 64), (256, 32, 32), *[(512, 16, 16)] * 4]


def test_the_small_generator_takes_away_and_never_below_the_median(framework):
    model = opened(framework, SMALL)
    inputs, _ = paired_batch(model)

    outputs = model.engine.forward(inputs)

    x, lung, level = inputs["image"], inputs["lung"], inputs["level"]
    np.testing.assert_allclose(outputs["healthy"] + outputs["lesion"], x, atol=1e-6)
    assert outputs["lesion"].min() >= 0 and outputs["lesion"].max() > 0
    assert (outputs["lesion"][lung == 0] == 0).all()
    assert (outputs["healthy"] >= np.minimum(x, level) - 1e-6).all()


# --- the penalty -----------------------------------------------------------------------------------------------------


def critic_of(framework, config, weights):
    """Open a critic and give it weights."""
    if framework == "torch":
        from zoo.models.weakly_lesion_localisation.critic_torch import Critic

        critic = Critic(config).train()
        critic.load_state_dict({n: torch.from_numpy(v) for n, v in weights.items()}, strict=False)
        return critic
    import mindspore

    from zoo.models.weakly_lesion_localisation.critic_mindspore import Critic

    critic = Critic(config)
    critic.set_train(True)
    for parameter in critic.get_parameters():
        if parameter.name in weights:
            parameter.set_data(mindspore.Tensor(weights[parameter.name]))
    return critic


def drawn_critic(config, rng):
    from zoo.models.weakly_lesion_localisation.critic_torch import Critic

    shapes = {n: tuple(p.shape) for n, p in Critic(config).named_parameters()}
    return {n: rng.normal(1.0 * ("norm.weight" in n), 0.3, s).astype(np.float32) for n, s in shapes.items()}


def slices(rng, side=32):
    lung = np.zeros((3, 1, side, side), np.float32)
    lung[:, :, 6:26, 4:28] = 1
    return (rng.random(lung.shape).astype(np.float32) * lung), lung  # black around, where a leak has no derivative


@pytest.mark.parametrize(("config", "centre"), [(TINY, 0.0), (TINY, 1.0), (FEW, 0.0), (FEW, 1.0)])
def test_penalty_and_its_gradient_are_equal_in_both_frameworks(config, centre, both_frameworks):
    import mindspore

    from zoo.models.weakly_lesion_localisation import penalty_mindspore, penalty_torch

    rng = np.random.default_rng(0)
    weights, (x, lung) = drawn_critic(config, rng), slices(rng)
    first, second = (critic_of(framework, config, weights) for framework in both_frameworks)
    expected = penalty_torch.gradient_penalty(first, torch.from_numpy(x), torch.from_numpy(lung), centre)
    expected.backward()
    trained = [p for p in second.get_parameters() if p.requires_grad]
    tensors = mindspore.Tensor(x), mindspore.Tensor(lung)

    found, gradients = mindspore.value_and_grad(
        lambda *given: penalty_mindspore.gradient_penalty(second, *given, centre),
        None,
        mindspore.ParameterTuple(trained),
    )(*tensors)

    wanted = {n: 0 * p.detach().numpy() if p.grad is None else p.grad.numpy() for n, p in first.named_parameters()}
    assert float(found.asnumpy()) == pytest.approx(float(expected.detach()), rel=1e-5)
    largest = max(np.abs(value).max() for value in wanted.values())
    assert largest > 1e-4
    for parameter, gradient in zip(trained, gradients, strict=True):
        np.testing.assert_allclose(
            gradient.asnumpy(), wanted[parameter.name], atol=1e-6 * max(1, largest), err_msg=parameter.name
        )


@pytest.mark.parametrize(("config", "centre"), [(TINY, 0.0), (FEW, 1.0)])
def test_penalty_is_the_square_of_what_differences_measure(config, centre):
    from zoo.models.weakly_lesion_localisation.penalty_torch import gradient_penalty

    rng = np.random.default_rng(1)
    weights, (x, lung) = drawn_critic(config, rng), slices(rng, 32)
    critic = critic_of("torch", config, weights).double()
    x, lung = torch.from_numpy(x).double() + 0.01, torch.from_numpy(lung).double()
    value = float(gradient_penalty(critic, x, lung, centre).detach())

    with torch.no_grad():
        step, lengths = 1e-6, []
        for i in range(len(x)):
            squares = 0.0
            for place in np.ndindex(x.shape[2:]):
                moved = [x.clone(), x.clone()]
                moved[0][(i, 0, *place)] += step
                moved[1][(i, 0, *place)] -= step
                up, down = (float(critic(m, lung).sum()) for m in moved)
                squares += ((up - down) / (2 * step)) ** 2
            lengths.append(np.sqrt(squares))

    assert value == pytest.approx(np.mean((np.array(lengths) - centre) ** 2), rel=1e-4)


@pytest.mark.parametrize(("config", "centre"), [(TINY, 0.0), (FEW, 1.0)])
def test_gradient_of_the_penalty_is_what_differences_measure(config, centre):
    from zoo.models.weakly_lesion_localisation.penalty_torch import gradient_penalty

    rng = np.random.default_rng(2)
    weights, (x, lung) = drawn_critic(config, rng), slices(rng)
    critic = critic_of("torch", config, weights).double()
    given = torch.from_numpy(x).double() + 0.01, torch.from_numpy(lung).double(), centre
    gradient_penalty(critic, *given).backward()

    for name in ("score.weight", "blocks.1.conv.weight"):
        parameter = dict(critic.named_parameters())[name]
        place = np.unravel_index(int(parameter.grad.abs().argmax()), parameter.shape)
        found = float(parameter.grad[place])
        values = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                parameter[place] += step
            values.append(float(gradient_penalty(critic, *given).detach()))
            with torch.no_grad():
                parameter[place] -= step
        assert found == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-3), name


# --- losses and phases -----------------------------------------------------------------------------------------------


def test_published_losses_are_those_of_the_formulas():
    model = opened("torch", FEW)
    inputs, targets = paired_batch(model)
    both = {n: torch.from_numpy(v) for n, v in inputs.items()}, {n: torch.from_numpy(v) for n, v in targets.items()}
    net = model.engine.net.eval()
    objective = model.engine._objective

    with torch.no_grad():
        painted = net.generator(both[0]["image"], both[0]["lung"], both[0]["level"])
        verdicts = net.critic(painted[0][:2], both[0]["lung"][:2]).numpy()
        normal = net.critic(both[0]["image"][2:], both[0]["lung"][2:]).numpy()
        generator = objective(net, *both, FEW, "generator", np.random.default_rng(0))
    critic = objective(net, *both, FEW, "critic", np.random.default_rng(0))

    x, w = inputs["image"], targets["edges"][:, None]
    h, lesion = (p.numpy() for p in painted)
    assert float(generator["fooled"]) == pytest.approx(-0.01 * verdicts.mean(), rel=1e-4)
    sums = (w * np.abs(h + lesion - x))[2:].mean() + (w * np.abs(h - x))[2:].mean()
    assert float(generator["normal"]) == pytest.approx(200 * sums, rel=1e-4)
    assert float(generator["lesion"]) == pytest.approx(200 * (w * np.abs(h + lesion - x))[:2].mean(), rel=1e-4)
    assert float(critic["judged_normal"].detach()) == pytest.approx(-0.01 * normal.mean(), rel=1e-4)
    assert float(critic["judged_painted"].detach()) == pytest.approx(0.01 * verdicts.mean(), rel=1e-4)


def test_edges_weigh_up_to_four_times():
    step = np.zeros((8, 8))
    step[:, 4:] = 255

    weights = edge_weights(step)

    assert weights[4, 0] == 1
    assert weights[4, 4] == pytest.approx((1 + 128 / 255) ** 2)  # one gradient is cut at 255, the other is none: 127.5
    assert edge_weights(np.eye(8) * 255).max() <= 4


@pytest.mark.parametrize("config", [TINY, FEW])
def test_the_loss_of_one_phase_moves_no_weight_of_the_other(config, framework):
    for frozen, moving in (("critic.", "generator."), ("generator.", "critic.")):
        model = opened(framework, config)
        batch, before = paired_batch(model), model.engine.weights()
        start_training(model, replace(model.recipe(), freeze=(frozen,)))

        model.engine.step(*batch, 1e-3, 0)

        after = model.engine.weights()
        changed = {n for n in before if not np.array_equal(before[n], after[n]) and "running" not in n}
        assert changed and all(name.startswith(moving) for name in changed)


def test_the_gradient_of_one_phase_reaches_no_weight_of_the_other():
    model = opened("torch", TINY)
    inputs, targets = ({n: torch.from_numpy(v) for n, v in part.items()} for part in paired_batch(model))
    net = model.engine.net.train()

    terms = model.engine._objective(net, inputs, targets, TINY, "critic", np.random.default_rng(0))
    torch.stack(list(terms.values())).sum().backward()

    assert all(p.grad is None for p in net.generator.parameters())
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0 for n, p in net.critic.named_parameters() if "score.bias" not in n
    )


# --- pairs -----------------------------------------------------------------------------------------------------------


def test_pairs_are_near_each_other_and_differ_every_epoch():
    rng = np.random.default_rng(0)
    areas = rng.random(60)
    pairs = Pairs(np.arange(20), np.arange(20, 60), areas[:20], areas[20:], ranks=5)

    epochs = [pairs(4, 1, np.random.default_rng([0, epoch])) for epoch in range(6)]

    ranks = np.argsort(np.argsort(areas[20:]))
    for batches in epochs:
        assert len(batches) == 5 and sorted(i for b in batches for i in b[:4]) == list(range(20))
        for batch in batches:
            for first, second in zip(batch[:4], batch[4:], strict=True):
                place = np.searchsorted(np.sort(areas[20:]), areas[first])
                assert second >= 20 and abs(int(ranks[second - 20]) - place) <= 5
    assert epochs[0] != epochs[1]
    assert pairs(4, 1, np.random.default_rng([0, 3])) == epochs[3]


def test_every_normal_sample_is_used_whatever_the_numbers():
    for firsts, seconds in ((20, 50), (50, 20)):
        pairs = Pairs(np.arange(firsts), np.arange(100, 100 + seconds), np.zeros(firsts), np.zeros(seconds))

        drawn = [i for epoch in range(24) for b in pairs(5, 1, np.random.default_rng(epoch)) for i in b[5:]]

        assert set(drawn) == set(range(100, 100 + seconds))


def test_repeats_draw_every_sample_so_often():
    pairs = Pairs(np.arange(6), np.arange(6, 9), np.zeros(6), np.zeros(3))

    drawn = [i for b in pairs(4, 2, np.random.default_rng(0)) for i in b[:4]]

    assert sorted(drawn) == sorted([*range(6), *range(6)])


def test_one_kind_alone_makes_no_pairs():
    with pytest.raises(DataError, match="with and without a finding"):
        Pairs(np.arange(3), np.zeros(0, int), np.zeros(3), np.zeros(0))
    with pytest.raises(TrainingError, match="with and without"):
        rows_of_pairs(np.zeros(4), TINY)


def test_a_batch_of_unequal_numbers_begins_again_with_the_fewer():
    finding, normal = rows_of_pairs(np.array([1, 0, 1, 1]), TINY)

    assert finding.tolist() == [0, 2, 3] and normal.tolist() == [1, 1, 1]
    turned = rows_of_pairs(np.array([1, 0, 1, 1]), replace(TINY, classes=("covid", "normal")))
    assert turned[0].tolist() == [1, 1, 1] and turned[1].tolist() == [0, 2, 3]


# --- the map and the answer ------------------------------------------------------------------------------------------


def test_published_rule_compares_slices_of_eight_bits():
    x = np.array([[100.9, 140.0, 10.0]], np.float32) / 255
    healthy = np.array([[60.2, 100.5, 30.0]], np.float32) / 255

    levels = np.floor(published_map("difference", x, healthy, x) * 255)

    assert levels.tolist() == [[40, 40, 20]]
    mask, _, _ = regions_above(published_map("difference", x, healthy, x), 39.5 / 255, 1)
    assert mask.tolist() == [[True, True, False]]
    assert np.floor(published_map("brighter", x, healthy, x) * 255).tolist() == [[40, 40, 0]]


def test_every_level_of_eight_bits_comes_back_from_the_map():
    x = np.arange(256, dtype=np.float32)[None] / 255 + 1e-4

    levels = np.floor(published_map("difference", x, np.zeros_like(x), x).astype(np.float64) * 255)

    np.testing.assert_array_equal(levels[0], np.arange(256))


def test_own_map_smooths_within_the_lung_and_keeps_the_order():
    taken, lung = np.zeros((64, 64), np.float32), np.zeros((64, 64), bool)
    lung[10:50, 10:50] = True
    taken[20:24, 20:24], taken[40:42, 40:42] = 0.1, 0.05

    smooth, sharp = own_map(taken, lung, SMALL), own_map(taken, lung, replace(SMALL, smooth_px=0.0))

    assert (smooth[~lung] == 0).all() and smooth[26, 22] > 0 and sharp[26, 22] == 0
    assert sharp[21, 21] == pytest.approx(np.sqrt(0.1 / SMALL.map_scale))
    assert sharp[21, 21] > sharp[41, 41] > 0


def answer_of(changes=None, label=1):
    config = replace(TINY, **(changes or {}))
    algorithm = WeaklyLesionLocalisation(config)
    samples = [WeaklyLesionLocalisation.example(config, np.random.default_rng(seed)) for seed in range(12)]
    sample = next(s for s in samples if int(s.labels["label"]) == label)
    return algorithm.postprocess(algorithm.perfect_outputs(sample), sample.image), sample


def test_healthy_slice_and_lesion_add_up_to_the_slice():
    for variant, apart in ((TINY, 1e-3), (FEW, 5.0)):  # the published one is not as sharp as the slice
        answer, sample = answer_of({field: getattr(variant, field) for field in variant.__dataclass_fields__})
        mask = sample.labels["mask"] > 0
        assert np.abs(answer.healthy + answer.lesion - sample.image.array[0]).mean() < apart
        assert answer.lesion[mask].mean() > 10 * max(answer.lesion[~mask].mean(), 0.1)


def test_a_normal_slice_has_no_mask_by_the_zoos_rule():
    answer, _ = answer_of({"slice_level": 100.0})

    assert answer.label == "normal" and answer.heat_map.max() > 0
    assert not answer.mask.any() and len(answer.boxes) == 0


@pytest.mark.parametrize("what", ["map", "difference", "brighter", "lesion"])
def test_options_change_what_is_shown(what):
    changes = {"map": what} if what != "map" else {"rule": "published", "roi": "lung"}

    answer, sample = answer_of(changes)

    assert answer.mask.any() and (answer.mask & (sample.labels["mask"] > 0)).sum() > 0.5 * answer.mask.sum()


def test_every_picture_is_saved_and_read_again(tmp_path):
    answer, _ = answer_of()

    for what, values in (("healthy", answer.healthy), ("lesion", answer.lesion), ("map", answer.heat_map * 255)):
        picture = np.asarray(Pillow.open(answer.save(tmp_path / f"{what}.png", what)))
        np.testing.assert_allclose(picture, values.clip(0, 255), atol=0.51)
        numbers = np.load(answer.save(tmp_path / f"{what}.npy", what))
        np.testing.assert_allclose(numbers, answer.heat_map if what == "map" else values, atol=1e-5)
    assert np.asarray(Pillow.open(answer.save(tmp_path / "mask.png"))).astype(bool).sum() == answer.mask.sum()
    assert answer.plot(tmp_path / "overlay.png").size[0] > 3 * answer.plot().size[1]
    with pytest.raises(ConfigError, match="healthy"):
        answer.save(tmp_path / "x.png", "ill")


def test_the_thresholds_are_chosen_by_the_labels_of_slices():
    counts = np.zeros(256, int)
    counts[:100], counts[100], counts[200] = 10, 9, 1  # 10 of 1010 may lie above

    assert calm_level(counts) * 255 == pytest.approx(99, abs=0.1)
    algorithm = WeaklyLesionLocalisation(TINY)
    samples = [WeaklyLesionLocalisation.example(TINY, np.random.default_rng(seed)) for seed in range(8)]
    cases = [algorithm.score(algorithm.postprocess(algorithm.perfect_outputs(s), s.image), s) for s in samples]
    chosen = algorithm.operating_point(cases)
    blind = [Sample(s.image, {**s.labels, "mask": np.zeros_like(s.labels["mask"])}, s.group) for s in samples]
    again = [
        algorithm.score(algorithm.postprocess(algorithm.perfect_outputs(s), s.image), b)
        for s, b in zip(samples, blind, strict=True)
    ]
    assert set(chosen) == {"threshold", "map_threshold"} and algorithm.operating_point(again) == chosen


def test_training_sees_no_mask():
    sample = WeaklyLesionLocalisation.example(TINY, np.random.default_rng(3))

    assert list(WeaklyLesionLocalisation(TINY).targets(sample)) == ["label"]
    assert list(WeaklyLesionLocalisation(FEW).targets(sample)) == ["label", "edges"]


def test_level_is_the_median_of_the_lung_and_nothing_is_out_of_range():
    array = np.zeros((1, 64, 64), np.float32)
    array[:, 20:40, 10:50] = 90
    array[:, 20:24, 10:50] = 255

    inputs = WeaklyLesionLocalisation(TINY).preprocess(Image(array))

    assert inputs["image"].min() >= 0 and inputs["image"].max() <= 1
    assert float(inputs["level"].item()) == pytest.approx(90 / 255, abs=0.02)
    assert set(np.unique(inputs["lung"])) == {0.0, 1.0}


# --- runs ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Drawn slices in folders of classes, of unequal numbers; masks are not needed to train."""
    root = tmp_path_factory.mktemp("slices")
    (root / "images").mkdir()
    lines = ["image,label,slice_id,split,mask"]
    counts = {"train": {0: 7, 1: 4}, "val": {0: 2, 1: 2}, "test": {0: 2, 1: 2}}
    seed = 0
    for split, wanted in counts.items():
        left = dict(wanted)
        while any(left.values()):
            seed += 1
            sample = WeaklyLesionLocalisation.example(TINY, np.random.default_rng(seed))
            label = int(sample.labels["label"])
            if not left[label]:
                continue
            left[label] -= 1
            for folder, values in (("images", sample.image.array[0]), ("masks", sample.labels["mask"] * 255)):
                (root / folder).mkdir(exist_ok=True)
                Pillow.fromarray(values.astype(np.uint8)).save(root / folder / f"s{seed}.png")
            lines.append(f"images/s{seed}.png,{label},{seed},{split},masks/s{seed}.png")
    (root / "split.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.mark.slow
def test_a_run_logs_both_networks_and_ships_the_generator_of_its_last_epoch(data, tmp_path, framework):
    model = zoo.load("WLL", backend=framework, checkpoint=None, variant="tiny")

    report = model.train(data, out=tmp_path / "run", epochs=2)

    records = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    epochs = [record for record in records if record["event"] == "epoch"]
    assert set(epochs[0]["training"]) == {
        "judged_normal",
        "judged_painted",
        "penalty",
        "fooled",
        "normal",
        "lesion",
        "grad_norm",
    }
    for name in ("healthy_mean", "healthy_std", "lesion_mean", "lesion_std"):
        assert np.isfinite(epochs[0]["validation"][name])
    assert report.best_epoch == 2
    assert all(name.startswith("generator.") for name in read_weights(report.best)[0])
    again = zoo.load("WLL", backend=framework, checkpoint=report.best)
    assert again.evaluate(data).metrics == report.test.metrics


@pytest.mark.slow
def test_a_resumed_run_ends_as_one_that_was_not_stopped(data, tmp_path, framework, monkeypatch):
    def run(out, **options):
        model = zoo.load("WLL", backend=framework, checkpoint=None, variant="tiny")
        return model.train(data, out=out, epochs=2, ema_decay=0.9, **options)

    whole = run(tmp_path / "whole")
    save = loop.Trainer._save

    def save_and_stop(trainer, weights=None):
        save(trainer, weights)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "_save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "stopped")
    resumed = run(tmp_path / "stopped", resume=True)

    assert resumed.test.metrics == whole.test.metrics
    first, second = (read_weights(tmp_path / name / "state.safetensors")[0] for name in ("whole", "stopped"))
    assert any("critic" in name for name in first)
    assert first.keys() == second.keys() and all(np.array_equal(v, second[n]) for n, v in first.items())


@pytest.mark.parametrize(("collapsed", "reason"), [("healthy", "collapsed"), ("lesion", "vanished")])
def test_a_collapsed_run_stops_with_its_reason(data, tmp_path, monkeypatch, collapsed, reason):
    model = zoo.load("WLL", backend="torch", checkpoint=None, variant="tiny")
    monkeypatch.setattr(WeaklyLesionLocalisation, "_in_frame", _flat(collapsed))
    with pytest.raises(TrainingError, match=rf"epoch 1: .*{reason}"):
        model.train(data, out=tmp_path / "run", epochs=3)

    records = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [record["event"] for record in records] == ["start", "epoch", "stopped"]
    assert reason in records[-1]["reason"]
    assert not (tmp_path / "run" / "best.safetensors").exists()


def _flat(collapsed):
    """Return a network's pictures of which one is of one grey."""
    flat = {"healthy": lambda x: (np.full_like(x, 0.3), x - 0.3), "lesion": lambda x: (x, np.zeros_like(x))}[collapsed]
    return lambda self, outputs, image, x: flat(x)


WRONG = [
    ({"classes": ("normal", "covid", "other")}, "classes"),
    ({"input_size": (30, 30)}, "input_size"),
    ({"filters": 6}, "filters"),
    ({"rule": "theirs"}, "rule"),
    ({"map": "guess"}, "map"),
    ({"roi": "heart"}, "roi"),
    ({"design": "other"}, "design"),
    ({"map_threshold": 1.0}, "map_threshold"),
    ({"crop": "heart"}, "crop"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG)
def test_wrong_options_are_refused_by_name(changes, field):
    with pytest.raises(ConfigError, match=field):
        WeaklyLesionLocalisation(replace(SMALL, **changes))
