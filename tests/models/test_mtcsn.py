"""MTCSN: the specified network, its two links, the answer with both tasks, simulated frames."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

import zoo
from zoo.common.answers.frames import ClassifiedSegmentation
from zoo.common.datasets import open_dataset
from zoo.common.errors import ConfigError, DataError, InputError
from zoo.common.io import read_image
from zoo.common.types import Image, Sample
from zoo.models.mtcsn.algorithm import MTCSN
from zoo.models.mtcsn.config import VARIANTS
from zoo.models.mtcsn.endoscope import LESION, MUCOSA, OBSCURED, OUTSIDE, clearness, draw_frame

PAPER, SMALL, TINY = VARIANTS["paper"], VARIANTS["small"], VARIANTS["tiny"]
PARAMETERS = [
    (PAPER, 33_195_335),
    (VARIANTS["resnet34"], 24_717_383),
    (VARIANTS["resnet18"], 14_609_223),
    (SMALL, 3_623_719),
    (replace(SMALL, width=16), 1_272_215),
]


def net_of(config):
    pytest.importorskip("torch")
    from zoo.models.mtcsn.net_torch import Net

    return Net(config).eval()


def answer(labels: np.ndarray, probabilities: tuple[float, ...] = (0.7, 0.2, 0.1), **options) -> ClassifiedSegmentation:
    """Build an answer of a frame with the four tissues; the field of view is what is not outside."""
    image = Image(np.full((3, *labels.shape), 120, np.float32), name="frame.png")
    return ClassifiedSegmentation(
        image, TINY.classes, np.array(probabilities), None, TINY.tissues, labels, labels != OUTSIDE, "mucosa", **options
    )


@pytest.mark.parametrize(("config", "count"), PARAMETERS)
def test_parameters_are_as_many_as_specified(config, count):
    assert sum(p.numel() for p in net_of(config).parameters()) == count


def test_parts_of_the_published_network_are_as_large_as_specified():
    net = net_of(PAPER)
    size = lambda *parts: sum(p.numel() for part in parts for p in part.parameters())  # noqa: E731

    assert size(net.encoder) == 23_508_032
    assert size(net.decoder, net.seg_head) == 9_012_996
    assert size(net.embed, net.gate, net.cd_hidden, net.cd_head) == 674_307


def test_maps_have_the_specified_sizes():
    torch = pytest.importorskip("torch")
    net = net_of(VARIANTS["resnet18"])
    x = torch.zeros(1, 3, 128, 128)

    with torch.no_grad():
        maps, outputs = net.encoder(x), net(x)

    assert [tuple(m.shape[1:]) for m in maps] == [(64, 64, 64), (64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]
    assert tuple(outputs["logits"].shape) == (1, 3)
    assert tuple(outputs["segmentation"].shape) == (1, 4, 128, 128)


@pytest.mark.parametrize(
    ("link", "source", "reached"), [("cd_to_tss", "embed", "segmentation"), ("tss_to_cd", "seg_head", "logits")]
)
def test_a_link_carries_what_it_names_and_can_be_cut(link, source, reached):
    torch = pytest.importorskip("torch")
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for linked in (True, False):
        torch.manual_seed(0)
        net = net_of(replace(TINY, **{link: linked}))
        with torch.no_grad():
            before = net(x)[reached]
            getattr(net, source).bias += 5 * torch.arange(len(getattr(net, source).bias))
            changed = not torch.equal(net(x)[reached], before)

        assert changed is linked


def test_pixels_that_are_not_judged_cost_nothing(framework):
    model = zoo.load("MTCSN", backend=framework, checkpoint=None, variant="tiny", dropout=0.0)
    sample = MTCSN.example(model.config, np.random.default_rng(0))
    inputs = {"image": np.stack([model.algorithm.preprocess(sample.image)["image"]] * 2)}
    mask = np.stack([model.algorithm.targets(sample)["mask"]] * 2)
    label, ignored = np.array([0, 1]), mask.copy()
    ignored[:, :, 32:] = 255
    terms = []
    for other in (0, 3):
        model.engine.start_training(model.recipe(), model.algorithm.head)
        changed = np.where(ignored == 255, 255, mask)
        changed[:, :8, 40:] = 255 if other == 0 else 77  # no number of a tissue
        terms.append(model.engine.step(inputs, {"label": label, "mask": changed}, 0.0, 0).terms["mask_cross_entropy"])

    assert terms[0] == pytest.approx(terms[1], rel=1e-3)


def test_perfect_outputs_give_back_both_labels():
    algorithm, rows = MTCSN(TINY), []
    for seed in range(6):
        sample = MTCSN.example(TINY, np.random.default_rng(seed))
        outputs = algorithm.perfect_outputs(sample)
        rows.append(algorithm.score(algorithm.postprocess(outputs, sample.image), sample))

    scores = algorithm.summarise(rows)

    assert scores["accuracy"] == scores["miou"] == scores["dice"] == 1


def test_a_frame_of_any_size_comes_back_in_its_own():
    model = zoo.load("MTCSN", backend="torch", checkpoint=None, variant="tiny")

    found = model.predict(Image(np.full((3, 50, 91), 90, np.float32), name="wide.png"))

    assert found.labels.shape == (50, 91)


# --- the answer ------------------------------------------------------------------------------------------------------


def test_visible_share_counts_the_field_of_view_alone():
    labels = np.full((10, 10), OUTSIDE)
    labels[2:8, 2:8] = MUCOSA
    labels[2:5, 2:5] = OBSCURED

    found = answer(labels)

    assert found.visible_share == pytest.approx(27 / 36)
    assert found.shares["obscured"] == pytest.approx(9 / 36) and found.shares["lesion"] == 0


def test_a_black_frame_has_no_share_and_valid_files(tmp_path):
    found = answer(np.full((10, 10), OUTSIDE))

    plain = json.loads(found.save(tmp_path / "a.json").read_text())

    assert np.isnan(found.visible_share) and plain["visible_mucosa"] is None
    assert found.plot().size[0] > 100


def test_one_answer_has_both_tasks_in_one_picture_one_file_and_one_row(tmp_path):
    labels = np.full((12, 12), MUCOSA, np.uint8)
    labels[3:6, 3:6] = LESION
    found = answer(labels)

    plain = json.loads(found.save(tmp_path / "a.json").read_text())
    with found.save(tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    mask = read_image(found.save(tmp_path / "a.png")).array[0]

    assert plain["label"] == rows[0]["label"] == "clear" and len(rows) == 1
    assert plain["visible_mucosa"] == pytest.approx(float(rows[0]["visible_mucosa"])) == pytest.approx(135 / 144)
    assert len(np.unique(mask)) == 2
    np.testing.assert_array_equal(found.mask("lesion"), labels == LESION)


def test_unknown_tissue_is_refused_by_name():
    with pytest.raises(ConfigError, match="lesion"):
        answer(np.zeros((4, 4), np.uint8)).mask("polyp")
    sample = Sample(Image(np.zeros((3, 8, 8), np.float32)), {"label": np.array(0), "mask": np.full((8, 8), 7)})
    with pytest.raises(DataError, match=r"tissue 7; expected 0\.\.3"):
        MTCSN(TINY).targets(sample)


def test_a_volume_is_refused():
    with pytest.raises(InputError, match="expects a picture"):
        MTCSN(TINY).preprocess(Image(np.zeros((1, 4, 64, 64), np.float32)))


@pytest.mark.parametrize("change", [{"tissues": ("a",)}, {"input_size": (60, 64)}, {"classes": ("a",)}])
def test_a_wrong_configuration_is_refused(change):
    with pytest.raises(ConfigError, match="expected"):
        MTCSN(replace(TINY, **change))


# --- frames ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hidden", "blur", "grade"), [(0.0, 0.0, 0), (0.2, 0.0, 1), (0.0, 0.05, 1), (0.6, 0.0, 2), (0.2, 0.1, 2)]
)
def test_clearness_follows_the_worse_of_both_reasons(hidden, blur, grade):
    assert clearness(hidden, blur) == grade


def test_simulated_frames_show_every_grade_and_tissue():
    frames = [draw_frame((64, 64), 3, 4, 3, np.random.default_rng(seed)) for seed in range(40)]

    assert {int(frame.labels["label"]) for frame in frames} == {0, 1, 2}
    assert set(np.unique([frame.labels["mask"] for frame in frames])) == {OUTSIDE, MUCOSA, OBSCURED, LESION}


def test_frames_are_read_in_the_layout_they_are_drawn_in(tmp_path, monkeypatch):
    import runpy
    import sys
    from pathlib import Path

    script = Path(__file__).resolve().parents[2] / "ci" / "draw_endoscope.py"
    module = runpy.run_path(str(script))
    module["main"].__globals__.update(SPLITS={"train": 3, "val": 1, "test": 1}, SIZE=(48, 48))
    monkeypatch.setattr(sys, "argv", ["draw", str(tmp_path / "frames")])

    module["main"]()

    data = open_dataset(tmp_path / "frames", ("label", "mask"))
    expected = draw_frame((48, 48), 3, 4, 3, np.random.default_rng(0))
    assert [len(data.split(name)) for name in ("train", "val", "test")] == [3, 1, 1]
    np.testing.assert_array_equal(data[0].labels["mask"], expected.labels["mask"])
    assert int(data[0].labels["label"]) == int(expected.labels["label"])
    assert data.classes == TINY.classes


def test_trivial_predictor_learns_colour_and_place():
    algorithm = MTCSN(TINY)
    frames = [draw_frame((48, 48), 3, 4, 3, np.random.default_rng(seed)) for seed in range(30)]

    predict = algorithm.baseline(frames[:20])
    scores = algorithm.summarise([algorithm.score(predict(f.image), f) for f in frames[20:]])

    assert scores["dice_mucosa"] > 0.5 and scores["dice_lesion"] == 0
