"""Covid-Detection-Transformer: its plain network and losses are those of transformers; chosen queries forget places."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

import zoo
from zoo.common.batches import stack
from zoo.models.covid_detection_transformer.config import VARIANTS
from zoo.models.covid_detection_transformer.convert import convert
from zoo.models.covid_detection_transformer.positions import sine_positions
from zoo.models.covid_detection_transformer.targets import REGIONS

from ..oracles import open_transformers
from .harness import samples_of

PAPER, TINY = VARIANTS["paper"], VARIANTS["tiny"]
SHALLOW = replace(PAPER, encoder_layers=2, decoder_layers=2, feedforward=64, queries=9)
TOLERANCE = 1e-5
HEAD = {"weight": "class_labels_classifier.weight", "bias": "class_labels_classifier.bias"}


def theirs_of(config, x, own_body: bool = False):
    """Build transformers' network of the same size; its weights make every query answer something else to x."""
    import torch

    transformers = open_transformers()
    body = transformers.ResNetConfig(out_features=["stage4"]) if own_body else None
    settings = transformers.DetrConfig(
        num_labels=len(config.classes),
        num_queries=config.queries,
        encoder_layers=config.encoder_layers,
        decoder_layers=config.decoder_layers,
        encoder_ffn_dim=config.feedforward,
        decoder_ffn_dim=config.feedforward,
        use_timm_backbone=not own_body,
        backbone_config=body,
    )
    torch.manual_seed(0)
    net = transformers.DetrForObjectDetection(settings).eval()
    generator = torch.Generator().manual_seed(1)
    for name, parameter in net.named_parameters():
        spread = 3.0 if "query_position" in name else 0.1 if "backbone" not in name else 0.0
        parameter.data += spread * torch.randn(parameter.shape, generator=generator)
    for name, buffer in net.named_buffers():
        if "running" in name or "norm" in name or "bn" in name:
            buffer += 0.1 * torch.rand(buffer.shape, generator=generator)
    with torch.no_grad():
        features = net.model.backbone(x, torch.ones(len(x), *x.shape[2:]))[-1][0]
        kernel = net.model.input_projection.weight
        kernel /= features.std(dim=(0, 2, 3)).mean()  # tokens differ from each other as much as from zero
        net.model.input_projection.bias.copy_(-(kernel[:, :, 0, 0] @ features.mean(dim=(0, 2, 3))))
    return net


def ours_of(net, config, folder):
    """Save transformers' network as transformers does, and open the file in ours."""
    import torch
    from safetensors.numpy import load_file

    from zoo.models.covid_detection_transformer.net_torch import Net

    net.save_pretrained(folder)
    stored = load_file(folder / "model.safetensors")
    weights = convert(stored, config) | {f"detr.labels.{leaf}": stored[name] for leaf, name in HEAD.items()}
    ours = Net(config).eval()
    ours.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
    return ours


@pytest.mark.parametrize(
    ("config", "own_body"),
    [(SHALLOW, False), (SHALLOW, True), pytest.param(PAPER, False, marks=pytest.mark.slow)],
    ids=["timm", "own body", "whole"],
)
def test_network_is_that_of_transformers(config, own_body, tmp_path):
    torch = pytest.importorskip("torch")
    x = torch.randn(2, 3, 96, 128, generator=torch.Generator().manual_seed(2))
    theirs = theirs_of(config, x, own_body)
    ours = ours_of(theirs, config, tmp_path)

    with torch.no_grad():  # in double precision: single leaves some 1e-5, more or less on other processors
        expected, found = theirs.double()(x.double()), ours.double()(x.double())

    assert expected.pred_boxes.std(dim=1).mean() > 100 * TOLERANCE  # the queries differ
    torch.testing.assert_close(found["logits"][:, -1], expected.logits, atol=TOLERANCE, rtol=TOLERANCE)
    torch.testing.assert_close(found["boxes"][:, -1], expected.pred_boxes, atol=TOLERANCE, rtol=TOLERANCE)


def test_losses_are_those_of_transformers(framework):
    torch = pytest.importorskip("torch")
    theirs = open_transformers().loss.loss_for_object_detection
    rng = np.random.default_rng(0)
    config = replace(PAPER, classes=("first", "second", "third"), decoder_layers=3, queries=20)
    logits = rng.standard_normal((4, 3, 20, 4)).astype(np.float32)
    boxes = rng.uniform(0.05, 0.6, (4, 3, 20, 4)).astype(np.float32)
    labels, places = np.full((4, 20), -1, np.int32), np.zeros((4, 20, 4), np.float32)
    objects = []
    for i, count in enumerate((5, 0, 1, 20)):
        labels[i, :count], places[i, :count] = rng.integers(3, size=count), rng.uniform(0.05, 0.6, (count, 4))
        kinds, where = torch.from_numpy(labels[i, :count].astype(np.int64)), torch.from_numpy(places[i, :count])
        objects.append({"class_labels": kinds, "boxes": where})
    layers = [(torch.from_numpy(logits[:, i]), torch.from_numpy(boxes[:, i])) for i in range(3)]
    settings = open_transformers().DetrConfig(num_labels=3, auxiliary_loss=True, decoder_layers=3)
    by_layer = ([pair[0] for pair in layers], [pair[1] for pair in layers])

    total, _, _ = theirs.ForObjectDetectionLoss(layers[-1][0], objects, "cpu", layers[-1][1], settings, *by_layer)

    module = import_module(f"zoo.models.covid_detection_transformer.loss_{framework}")
    wrap = torch.from_numpy
    if framework == "mindspore":
        import_module("zoo.engines.backends_mindspore").prepare("cpu")
        wrap = import_module("mindspore").Tensor
    targets = {"labels": labels, "places": places, "aside": np.zeros((4, REGIONS, 4), np.float32)}
    terms = module.losses(
        {"logits": wrap(logits), "boxes": wrap(boxes)}, {name: wrap(value) for name, value in targets.items()}, config
    )
    assert sum(float(value) for value in terms.values()) == pytest.approx(float(total), rel=1e-5)


def test_positions_have_the_published_values():
    first = sine_positions(16, 16, 256)[0]

    np.testing.assert_allclose(first[:4], [0.3827, 0.9239, 0.3335, 0.9427], atol=5e-5)
    np.testing.assert_allclose(first[128:132], first[:4], atol=1e-7)


def test_positions_tell_rows_in_the_first_half_and_columns_in_the_second():
    table = sine_positions(3, 5, 8).reshape(3, 5, 8)

    assert (np.ptp(table[..., :4], axis=1) == 0).all()
    assert (np.ptp(table[..., 4:], axis=0) == 0).all()


def test_placed_attention_does_not_know_where_in_the_picture_it_is(framework):
    if framework == "torch":
        wrap = import_module("torch").from_numpy
    else:
        import_module("zoo.engines.backends_mindspore").prepare("cpu")
        wrap = import_module("mindspore").Tensor
    module = import_module(f"zoo.models.covid_detection_transformer.chosen_{framework}")
    model = zoo.load("Covid-Detection-Transformer", backend=framework, checkpoint=None, variant="tiny")
    attention = model.engine.net.detr.decoder[0].across
    assert isinstance(attention, module.PlacedAttention)
    rng = np.random.default_rng(0)
    x, memory = (rng.standard_normal((1, k, TINY.dim)).astype(np.float32) for k in (3, 20))
    boxes, centres = (rng.uniform(0.5, 1, shape).astype(np.float32) for shape in ((1, 3, 4), (1, 20, 2)))
    moved = boxes + np.float32((2, -1, 0, 0))

    here = attention(wrap(x), wrap(memory), wrap(boxes), wrap(centres), 0.1)
    there = attention(wrap(x), wrap(memory), wrap(moved), wrap(centres + np.float32((2, -1))), 0.1)

    first, second = (value.detach().numpy() if framework == "torch" else value.asnumpy() for value in (here, there))
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_one_step_moves_every_weight_that_matters(framework):
    model = zoo.load("Covid-Detection-Transformer", backend=framework, checkpoint=None, variant="tiny")
    changed = [model.algorithm.augment(s, np.random.default_rng(i)) for i, s in enumerate(samples_of(model, 4))]
    inputs = stack([model.algorithm.preprocess(sample.image) for sample in changed])
    targets = stack([model.algorithm.targets(sample) for sample in changed])
    before = model.engine.weights()
    model.engine.start_training(model.recipe(), model.algorithm.head)

    for seed in range(3):  # the boxes' last layers start at zero and stop the gradient once
        model.engine.step(inputs, targets, 1e-3, seed)

    after = model.engine.weights()
    still = {name for name in before if np.array_equal(before[name], after[name])}
    assert {name for name in still if not name.endswith("key.bias")} == set()  # a softmax does not see what all share


@pytest.mark.parametrize("variant", ["paper", "small"])
def test_first_boxes_are_those_of_the_start(variant, framework):
    config = replace(VARIANTS[variant], input_size=(64, 64))
    fields = {"input_size": (64, 64)}
    model = zoo.load("Covid-Detection-Transformer", backend=framework, checkpoint=None, variant=variant, **fields)

    outputs = model.engine.forward({"image": np.zeros((1, config.input_channels, 64, 64), np.float32)})

    assert np.isfinite(outputs["boxes"]).all()
    assert (outputs["boxes"][..., 2:] > 0).all()
