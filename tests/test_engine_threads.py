"""Predictions from several threads, beside training, and in processes made by fork."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import zoo
from zoo.engines.turns import Turns

THREADS = 8
FORK = """
import multiprocessing, os, sys, warnings
import numpy as np, zoo

framework, when = sys.argv[1:3]
image = np.zeros((100, 100), np.uint8)
fork = multiprocessing.get_context("fork")
answers = fork.Queue()

def load():
    return zoo.load("EllipseNet", backend=framework, device="cpu", checkpoint=None, variant="tiny")

def work(model):
    try:
        (model or load()).predict(image)
        answers.put("answered")
    except zoo.common.errors.BackendError as error:
        answers.put("refused, use spawn" if "spawn" in str(error) else str(error))

model = load() if when == "after" else None
if model: model.predict(image)
child = fork.Process(target=work, args=(model,))
child.start(); child.join(60)
print("hangs" if child.is_alive() else answers.get())
child.kill()
sys.stdout.flush()
os._exit(0)
"""


def tiny(framework: str, name: str = "Covid-ResNet") -> zoo.Model:
    """Open a tiny network with random weights."""
    return zoo.load(name, backend=framework, device="cpu", checkpoint=None, variant="tiny")


def batch_for(model: zoo.Model) -> dict[str, np.ndarray]:
    """Draw one input."""
    size = model.config.input_size
    sides = (size, size) if isinstance(size, int) else size
    return {"image": np.random.default_rng(0).normal(size=(1, model.config.input_channels, *sides)).astype(np.float32)}


def at_once(work: Callable[[int], object]) -> list[object]:
    """Start the same work in several threads at one moment."""
    gate = threading.Barrier(THREADS)

    def start(index: int) -> object:
        gate.wait()
        return work(index)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(start, range(THREADS)))


def test_first_predictions_of_several_threads_are_right(framework: str) -> None:
    expected = tiny(framework).engine.forward(batch := batch_for(model := tiny(framework)))

    answers = at_once(lambda index: model.engine.forward(batch))

    for answer in answers:
        for name, value in expected.items():
            np.testing.assert_array_equal(answer[name], value)  # type: ignore[index]


def test_other_networks_of_the_process_run_meanwhile() -> None:
    torch = pytest.importorskip("torch")
    model = tiny("torch")
    batch = batch_for(model)

    def work(index: int) -> object:
        if index % 2:
            return model.engine.forward(batch)
        for _ in range(20):
            layers = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3), torch.nn.ReLU())
            assert type(layers(torch.ones(2, 3))) is torch.Tensor
        return None

    at_once(work)

    assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).shape == (1, 2)


def test_a_prediction_sees_the_weights_before_or_after_a_change(framework: str) -> None:
    model = tiny(framework)
    batch = batch_for(model)
    first = model.engine.weights()
    second = {name: np.float32(0.5) * value for name, value in first.items()}
    known = []
    for weights in (first, second):
        model.engine.load(weights)
        known.append(model.engine.forward(batch)["logits"])

    def work(index: int) -> object:
        if index:
            return [model.engine.forward(batch)["logits"] for _ in range(5)]
        for _ in range(5):
            model.engine.load(first)
            model.engine.load(second)
        return []

    for answers in at_once(work):
        for answer in answers:  # type: ignore[attr-defined]
            assert any(np.array_equal(answer, one) for one in known)


def test_training_goes_on_exactly_while_others_predict(framework: str) -> None:
    targets = {"label": np.zeros(2, np.int64)}

    def train(model: zoo.Model) -> dict[str, np.ndarray]:
        inputs = {"image": np.concatenate([batch_for(model)["image"]] * 2)}
        model.engine.start_training(model.recipe(), model.algorithm.head)
        for seed in range(3):
            model.engine.step(inputs, dict(targets), 1e-2, seed)
        return model.engine.weights()

    alone, shared = tiny(framework), tiny(framework)
    sample = type(alone.algorithm).example(alone.config, np.random.default_rng(0))
    targets = {name: np.stack([value] * 2) for name, value in alone.algorithm.targets(sample).items()}
    expected = train(alone)

    found, *_ = at_once(lambda index: shared.engine.forward(batch_for(shared)) if index else train(shared))

    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)  # type: ignore[index]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("framework", "when", "expected"),
    [
        ("torch", "before", "answered"),
        ("torch", "after", "answered"),
        ("mindspore", "before", "answered"),
        ("mindspore", "after", "refused, use spawn"),
    ],
    indirect=["framework"],
)
def test_a_forked_process_answers_or_says_to_spawn(framework: str, when: str, expected: str) -> None:
    command = [sys.executable, "-c", FORK, framework, when]

    done = subprocess.run(command, capture_output=True, text=True, timeout=200)

    assert done.stdout.split("\n")[-2] == expected


def test_a_writer_waits_for_readers_and_keeps_new_ones_out() -> None:
    turns, order = Turns(), []
    inside, leave = threading.Event(), threading.Event()

    def read() -> None:
        with turns.together():
            inside.set()
            leave.wait()
            order.append("read")

    def write() -> None:
        with turns.alone():
            order.append("written")

    reader, writer = threading.Thread(target=read), threading.Thread(target=write)
    reader.start()
    inside.wait()
    writer.start()
    leave.set()
    reader.join()
    writer.join()

    assert order == ["read", "written"]
