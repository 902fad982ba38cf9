"""What holds for a step of every method: both frameworks take it alike, and a resumed run goes on exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zoo.common.errors import ConfigError
from zoo.common.methods import find_method, list_methods
from zoo.common.methods.contract import NETWORK
from zoo.common.methods.data import chosen_method
from zoo.common.recipe import Recipe

from .harness import PLAIN, begin, draw_batch, open_model, take

NAMES = [name for name in list_methods() if not find_method(name).is_plain]
STEPS = {"uamt": 6, "gated-crf": 6, "co-teaching": 6, "vox2vec": 6}  # one of each kind
FEW_STEPS = 2  # the second has momentum, a teacher that moved and what the first one left in memory
WEIGHTY = {"weight": 1.0}  # of the method's own term, so that it is seen


def options_of(name: str) -> dict[str, object]:
    quick = {"radius": 2, "passes": 2}
    return {key: value for key, value in {**WEIGHTY, **quick}.items() if hasattr(find_method(name), key)}


@pytest.mark.parametrize("name", NAMES)
def test_steps_are_alike_in_both_frameworks(name: str, both_frameworks: tuple[str, ...]) -> None:
    models = [open_model(framework) for framework in both_frameworks]
    before = models[0].engine.weights()
    batch = draw_batch(models[0], name)

    for model in models:
        begin(model, name, **options_of(name))
    steps = [take(model, batch, STEPS.get(name, FEW_STEPS), rate=1e-4) for model in models]

    for expected, found in zip(*steps, strict=True):
        assert found.terms == pytest.approx(expected.terms, rel=1e-2, abs=1e-4)
        assert found.told == pytest.approx(expected.told, rel=1e-2, abs=1e-3)
        assert np.isfinite(expected.grad_norm)
    first, second = (model.engine.weights() for model in models)
    moved = [np.concatenate([(w[key] - before[key]).ravel() for key in before]) for w in (first, second)]
    assert np.linalg.norm(moved[0]) > 0
    assert np.linalg.norm(moved[0] - moved[1]) < 0.05 * np.linalg.norm(moved[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_run_goes_on_exactly(name: str) -> None:
    check_resumed(name, "torch")


# one of each kind: a teacher, decoders, a second network, a choice that remembers the steps before it, two views
@pytest.mark.parametrize("name", ["mean-teacher", "dmpls", "co-teaching", "dast", "confident-learning", "vox2vec"])
@pytest.mark.slow
def test_a_resumed_run_goes_on_exactly_in_mindspore(name: str) -> None:
    pytest.importorskip("mindspore")

    check_resumed(name, "mindspore")


def check_resumed(name: str, framework: str) -> None:
    """Take four steps at once, and two and two in another engine; all that a run holds has to be the same."""
    whole, resumed = open_model(framework), open_model(framework)
    batch = draw_batch(whole, name)
    begin(whole, name)
    take(whole, batch, 2)
    state = whole.engine.training_state()
    resumed.engine.load(whole.engine.weights())
    take(whole, batch, 2, first=2)

    begin(resumed, name)
    resumed.engine.load_training_state(state)
    take(resumed, batch, 2, first=2)

    expected = {**whole.engine.weights(), **whole.engine.training_state()}
    found = {**resumed.engine.weights(), **resumed.engine.training_state()}
    assert expected.keys() == found.keys()
    assert all(np.array_equal(value, found[key]) for key, value in expected.items())


@pytest.mark.parametrize("name", [name for name in NAMES if find_method(name).uses_unlabelled])
def test_an_image_without_a_mask_changes_weights_only_by_the_methods_own_term(name: str) -> None:
    moved = []
    for rows_without in (1, 2):  # which images they are may not matter while the term weighs nothing
        model = open_model("torch", norm="none")
        inputs, targets, rows = draw_batch(model, name, 2)
        kept = slice(0, rows + rows_without)
        begin(model, name, weight=0.0)
        take(model, ({k: v[kept] for k, v in inputs.items()}, {k: v[kept] for k, v in targets.items()}, rows), 1)
        moved.append(model.engine.weights())

    assert all(np.allclose(value, moved[1][key], atol=1e-7) for key, value in moved[0].items())


@pytest.mark.parametrize("name", [name for name in NAMES if find_method(name).uses_partial])
def test_what_is_under_an_unknown_pixel_does_not_matter(name: str) -> None:
    model = open_model("torch")
    inputs, targets, rows = draw_batch(model, name)
    begin(model, name)

    whole = take(model, (inputs, targets, rows), 1, rate=0.0)[0]
    emptier = {"mask": np.where(np.arange(targets["mask"].size).reshape(targets["mask"].shape) % 2, 255, 255)}
    nothing = take(model, (inputs, emptier, rows), 1, rate=0.0)[0]

    assert whole.terms["cross_entropy"] > 0
    assert nothing.terms["cross_entropy"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_method_compares_masks_by_the_loss_that_is_chosen_or_refuses_it(name: str) -> None:
    model = open_model("torch")
    recipe = replace(PLAIN, loss="mse")
    if not find_method(name).takes_loss:
        with pytest.raises(ConfigError, match="a loss of its own"):
            chosen_method(name, None, recipe, model.algorithm, model.name)
        return
    begin(model, name, recipe)

    terms = take(model, draw_batch(model, name), 1, share=0.1)[0].terms

    assert any("mse" in term for term in terms)
    assert "cross_entropy" not in terms


@pytest.mark.parametrize("name", NAMES)
def test_a_run_holds_the_networks_that_its_method_names_and_no_more(name: str) -> None:
    model, method = open_model("torch"), find_method(name)
    network = sum(value.size for value in model.engine.weights().values())
    begin(model, name, Recipe(optimiser="adamw"))
    take(model, draw_batch(model, name), 1)

    state = model.engine.training_state()

    learned = {key: value.size for key, value in state.items() if key.startswith("exp_avg.")}
    followed = [key for key in state if key.startswith("companion.teacher/")]
    others = sum(size for key, size in learned.items() if "partner" in key)
    networks = sum(kind == NETWORK for kind in method.companions)
    decoders = len(method.companions) - networks
    assert others <= networks * network + decoders * 0.5 * network  # a decoder is less than half of a U-Net
    assert bool(followed) == method.has_teacher
    assert not [key for key in learned if "teacher" in key]  # what follows needs no memory of gradients
    assert (
        sum(value.size for value in state.values()) <= (2 + 3 * networks + 2 * decoders + method.has_teacher) * network
    )
