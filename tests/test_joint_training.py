"""Training on several devices: two processes take the steps that one takes with the joined batch."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.conftest import skip_without
from zoo.common.batches import stack
from zoo.common.errors import BackendError, TrainingError
from zoo.common.weights import read_weights
from zoo.training.together import together

NAMES = {"torch": ("2D-UNet", "Covid-ResNet", "UNETR"), "mindspore": ("2D-UNet", "Covid-ResNet")}
STEPS = (5, 4, 1, 5)  # rows of each batch: 3 + 2, 2 + 2, one for both, 3 + 2
SCRIPT = """
import sys
from pathlib import Path
from tests.test_joint_training import NAMES, run_steps, open_model
from zoo.training.together import together

for name in NAMES[sys.argv[2]]:
    model = open_model(name, sys.argv[2])
    with together(model) as leads:
        if leads:
            run_steps(model, Path(sys.argv[1]) / name)
"""


def open_model(name: str, backend: str = "torch", seed: int = 0) -> zoo.Model:
    return zoo.load(name, backend=backend, device="cpu", checkpoint=None, variant="tiny", seed=seed)


def batch(model: zoo.Model, rows: int, seed: int) -> tuple[Any, Any]:
    algorithm = model.algorithm
    samples = [type(algorithm).example(model.config, np.random.default_rng([seed, i])) for i in range(rows)]
    inputs = [algorithm.preprocess(algorithm.enter(sample.image)) for sample in samples]
    return stack(inputs), stack([algorithm.targets(sample) for sample in samples])


def run_steps(model: zoo.Model, out: Path) -> None:
    """Take some steps, one that must not be taken, and go on in another engine; write what came of each."""
    algorithm, engine = model.algorithm, model.engine
    recipe = algorithm_recipe(model)
    settings = algorithm.head, algorithm.undecayed, algorithm.phases
    engine.start_training(recipe, *settings)
    told = [engine.step(*batch(model, rows, i), 0.001, 7).record() for i, rows in enumerate(STEPS)]
    before = engine.weights()
    inputs, targets = batch(model, 5, 9)
    broken = {key: np.concatenate([value[:-1], np.full_like(value[-1:], np.nan)]) for key, value in inputs.items()}
    refused = engine.step(broken, targets, 0.001, 7)
    kept = all(np.array_equal(before[key], value) for key, value in engine.weights().items() if "running" not in key)
    engine.load(before)  # without what the norms saw of it
    state = engine.training_state()
    other = open_model(model.name, model.backend, seed=5).engine
    other.start_training(recipe, *settings)
    other.load(before)
    other.load_training_state(state)
    told += [other.step(*batch(model, 4, 20), 0.001, 8).record()]
    out.mkdir(parents=True)
    np.savez(out / "weights.npz", **other.weights(averaged=True))
    told.append({"refused": float(np.isnan(refused.grad_norm)), "kept": float(kept)})
    (out / "told.json").write_text(json.dumps(told))


def algorithm_recipe(model: zoo.Model) -> Any:
    return model.recipe(optimiser="sgd", momentum=0.9, ema_decay=0.5, mixed_precision=False)


def launch(backend: str, logs: Path, *arguments: str) -> str:
    """Run two processes by the launcher of a framework; return what they said."""
    root, scripts = Path(__file__).parents[1], Path(sys.executable).parent
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *arguments]
    if backend == "mindspore":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        asked = (
            f"--worker_num=2 --local_worker_num=2 --master_port={port} --log_dir={logs} --join=True --bind_core=False"
        )
        command = [sys.executable, "-m", "mindspore.parallel.cluster.run", *asked.split(), *arguments]
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"  # msrun starts whatever python it finds first
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root)}
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=500, env=environment)
    logs_told = "".join(path.read_text(errors="replace")[-2000:] for path in sorted(logs.glob("worker_*.log")))
    assert ran.returncode == 0, f"{ran.stdout}{ran.stderr[-2000:]}{logs_told}"
    return ran.stdout + ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "mindspore"])
def test_two_processes_take_the_steps_of_one_with_the_joined_batch(backend: str, tmp_path: Path) -> None:
    skip_without(backend)
    script = tmp_path / "steps.py"
    script.write_text(SCRIPT)

    launch(backend, tmp_path / "logs", str(script), str(tmp_path / "two"), backend)

    for name in NAMES[backend]:
        run_steps(open_model(name, backend), tmp_path / "one" / name)
        one, two = (json.loads((tmp_path / who / name / "told.json").read_text()) for who in ("one", "two"))
        assert one[-1] == two[-1] == {"refused": 1.0, "kept": 1.0}
        for a, b in zip(one[:-1], two[:-1], strict=True):
            assert b == pytest.approx(a, rel=1e-4, abs=1e-6), name
        weights = [np.load(tmp_path / who / name / "weights.npz") for who in ("one", "two")]
        for key, value in weights[0].items():
            scale = max(1.0, float(np.abs(value).max(initial=0)))
            np.testing.assert_allclose(weights[1][key], value, rtol=0, atol=3e-6 * scale, err_msg=f"{name} {key}")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "mindspore"])
def test_a_launcher_trains_as_one_process_and_resumes(backend: str, tmp_path: Path) -> None:
    skip_without(backend)
    from PIL import Image as Pillow

    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2)):
        for level, label in enumerate(("normal", "covid")):
            (tmp_path / "data" / split / label).mkdir(parents=True)
            for i in range(count):
                pixels = (rng.integers(0, 100, (40, 40)) + 70 * level).astype(np.uint8)
                Pillow.fromarray(pixels).save(tmp_path / "data" / split / label / f"{split}{label}{i}.png")
    settings = ["--variant", "tiny", "--checkpoint", "none", "--data", str(tmp_path / "data"), "--batch-size", "4"]
    program = ["python", "-m", "zoo"] if backend == "mindspore" else ["-m", "zoo"]
    common = ["train", "Covid-ResNet", *settings, "--backend", backend, "--optimiser", "sgd"]

    for epochs, more in (("1", []), ("2", ["--resume"])):
        asked = [*common, "--epochs", epochs, "--out", str(tmp_path / "two"), *more]
        told = launch(backend, tmp_path / f"logs{epochs}", *program, *asked)
        alone = [sys.executable, "-m", "zoo", *common, "--epochs", epochs, "--out", str(tmp_path / "one"), *more]
        subprocess.run(alone, check=True, capture_output=True, timeout=300)

    one, two = (read_weights(tmp_path / who / "state.safetensors")[0] for who in ("one", "two"))
    assert one.keys() == two.keys()
    for key, value in one.items():
        scale = max(1.0, float(np.abs(value).max(initial=0)))
        np.testing.assert_allclose(two[key], value, rtol=0, atol=1e-5 * scale, err_msg=key)
    assert told.count("best after epoch") == 1  # the first one tells alone


def test_what_cannot_be_joined_is_refused_by_name() -> None:
    skip_without("torch")
    from zoo.engines.joint import check_equal, check_joint

    check_joint(False, False)
    with pytest.raises(BackendError, match="needs the network itself"):
        check_joint(True, False)
    check_equal({"a": np.ones(2)}, {"a": np.ones(2)}, 1)
    with pytest.raises(TrainingError, match="such as a, differ"):
        check_equal({"a": np.ones(2)}, {"a": np.array([1, 1 + 1e-7])}, 1)


TORCHRUN = {"TORCHELASTIC_RUN_ID": "x", "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2"}
MSRUN = {"MS_ROLE": "MS_WORKER", "RANK_ID": "1", "DEVICE_ID": "1", "MS_WORKER_NUM": "2"}


@pytest.mark.parametrize(("started", "other"), [(TORCHRUN, "mindspore"), (MSRUN, "torch")])
def test_a_launcher_of_the_other_framework_says_what_is_expected(
    started: dict[str, str], other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without("torch")
    model = open_model("2D-UNet")
    for name, value in started.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(type(model), "backend", other)

    launcher, expected = ("torchrun", "torch") if other == "mindspore" else ("msrun", "mindspore")
    with pytest.raises(BackendError, match=f"by {launcher}; expected --backend {expected}"), together(model):
        pass


def test_a_process_by_itself_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without("torch")
    monkeypatch.setenv("WORLD_SIZE", "8")  # of some scheduler, not of torchrun

    with together(open_model("2D-UNet")) as leads:
        assert leads
