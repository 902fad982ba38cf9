"""OpenVINO and ONNX Runtime: the same interface, the same answers, and what they refuse."""

from __future__ import annotations

import importlib.util
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.errors import BackendError, CheckpointError, ConfigError, InputError, ZooError
from zoo.graphs import check, key, store
from zoo.graphs.graph import SIDECAR, read_sidecar
from zoo.graphs.key import network_key, network_sources
from zoo.registry.package import Package

pytest.importorskip("torch")
RUNTIMES = ("openvino", "onnxruntime")
NAME = "Covid-ResNet"
THREADS = 16
ANSWER = """
import zoo, numpy as np
model = zoo.load("Covid-ResNet", backend=sys.argv[1], checkpoint=None, variant="tiny", seed=int(sys.argv[2]))
print(model.predict(np.zeros((64, 64), np.uint8)).probabilities.tolist(), {"torch", "onnx"} & sys.modules.keys())
"""
WITHOUT_TORCH = """
import importlib.machinery, sys
class Without(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in ("torch", "onnx") else super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Without
"""
FORK = """
import multiprocessing, os, sys
import numpy as np, zoo

fork = multiprocessing.get_context("fork")
answers = fork.Queue()
image = np.zeros((64, 64), np.uint8)
model = zoo.load("Covid-ResNet", backend=sys.argv[1], checkpoint=None, variant="tiny")
model.predict(image)

def work():
    try:
        model.predict(image)
        answers.put("answered")
    except zoo.ZooError as error:
        answers.put("refused, use spawn" if "spawn" in str(error) else str(error))

child = fork.Process(target=work)
child.start()
print(answers.get(timeout=100))
child.kill()
sys.stdout.flush()
os._exit(0)
"""

LET_GO = """
import gc, signal, sys, threading
import numpy as np
import zoo
signal.signal(signal.SIGUSR1, lambda *_: print("heard"))
held = [zoo.load("2D-UNet", backend=sys.argv[1], checkpoint=None, variant="tiny")]
held[0].predict(np.zeros((64, 64), np.uint8))
thread = threading.Thread(target=lambda: (held.clear(), gc.collect()))
thread.start()
thread.join()
signal.raise_signal(signal.SIGUSR1)
"""


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(request.param)
    return str(request.param)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (70, 70)).astype(np.uint8)


def tiny(backend: str, name: str = NAME, **options: object) -> zoo.Model:
    return zoo.load(name, backend=backend, checkpoint=None, variant="tiny", **options)


def run_python(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_model_says_what_computes_it_and_answers_as_pytorch_does(runtime: str, image: np.ndarray) -> None:
    model = tiny(runtime)

    answer, expected = model.predict(image), tiny("torch").predict(image)

    assert (model.backend, model.device, model.precision) == (runtime, "cpu", "f32")
    assert (answer.made_by.framework, runtime in repr(model)) == (runtime, True)
    np.testing.assert_allclose(answer.probabilities, expected.probabilities, atol=1e-5)


@pytest.mark.parametrize("asked", ["train", "save", "net"])
def test_what_a_runtime_cannot_do_names_the_backends_that_can(asked: str, runtime: str, tmp_path: Path) -> None:
    model = tiny(runtime)
    acts = {
        "train": lambda: model.train(tmp_path, out=tmp_path / "run"),
        "save": lambda: model.save(tmp_path / "weights.safetensors"),
        "net": lambda: model.net,
    }

    with pytest.raises(ZooError, match=f"{runtime} predicts and .*load the model with one of: torch, mindspore"):
        acts[asked]()
    assert not list(tmp_path.iterdir())


def test_a_graph_that_is_there_needs_no_pytorch(runtime: str) -> None:
    expected = tiny(runtime, seed=3).predict(np.zeros((64, 64), np.uint8))

    assert run_python(WITHOUT_TORCH + ANSWER, runtime, "3") == f"{expected.probabilities.tolist()} set()"


def test_a_graph_that_is_there_imports_nothing_that_makes_graphs(runtime: str) -> None:
    tiny(runtime, seed=3)

    assert run_python(f"import sys{ANSWER}", runtime, "3").endswith(" set()")


def test_a_signal_is_heard_after_a_model_was_let_go_of_in_another_thread(runtime: str) -> None:
    assert run_python(LET_GO, runtime).endswith("heard")


def test_a_graph_that_is_not_there_is_refused_without_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo.graphs import obtain

    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(obtain, "exporter", lambda: None)

    with pytest.raises(BackendError, match=r"no graph of Covid-ResNet .* PyTorch, which makes it, is not installed"):
        tiny("onnxruntime", seed=12345)


def test_pytorch_without_the_package_that_it_writes_graphs_with_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from zoo.graphs import obtain

    pytest.importorskip("onnxruntime")
    find = importlib.util.find_spec
    monkeypatch.setattr(obtain.importlib.util, "find_spec", lambda name: None if name == "onnx" else find(name))

    with pytest.raises(
        BackendError, match=r"the package onnx, .* is not installed; pip install 'openmedia-zoo\[export\]'"
    ):
        tiny("onnxruntime", seed=12346)


def test_many_threads_get_the_answers_of_one(runtime: str) -> None:
    engine = tiny(runtime).engine
    batches = [
        {"image": np.random.default_rng(i).normal(size=(1 + i % 2, 1, 64, 64)).astype(np.float32)}
        for i in range(THREADS)
    ]
    expected = [engine.forward(batch) for batch in batches]

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(engine.forward, batches))

    for answer, one in zip(answers, expected, strict=True):
        for name, value in one.items():
            np.testing.assert_allclose(answer[name], value, atol=1e-5 * np.abs(value).max())


@pytest.mark.parametrize(("backend", "answer"), [("openvino", "refused, use spawn"), ("onnxruntime", "answered")])
def test_a_child_made_by_fork_answers_or_is_refused_and_never_hangs(backend: str, answer: str) -> None:
    pytest.importorskip(backend)

    assert run_python(FORK, backend) == answer


def test_another_process_gets_the_same_model(runtime: str, image: np.ndarray) -> None:
    model = tiny(runtime)

    twin = pickle.loads(pickle.dumps(model))

    assert (twin.backend, twin.precision) == (model.backend, model.precision)
    np.testing.assert_array_equal(twin.predict(image).probabilities, model.predict(image).probabilities)


def test_inputs_of_another_size_than_the_graphs_are_refused(runtime: str) -> None:
    with pytest.raises(InputError, match=r"takes \{'image': \(1, 64, 64\)\}"):
        tiny(runtime).engine.forward({"image": np.zeros((1, 1, 32, 32), np.float32)})


def test_turned_views_of_a_graph_for_oblong_windows_are_refused_before_any_image() -> None:
    model = tiny("onnxruntime", "CD-Net", window_size=(32, 64))
    field = np.zeros((40, 70, 3), np.uint8)

    with pytest.raises(ConfigError, match=r"32 x 64 px alone.*window_size=\(64, 64\)"):
        model.predict([field, field], tta=True)
    assert model.predict(field).image.size == (40, 70)


def test_a_precision_that_a_backend_lacks_is_refused() -> None:
    with pytest.raises(BackendError, match=r"torch computes in f32; bf16 has: openvino"):
        tiny("torch", precision="bf16")


def test_a_graph_that_computes_something_else_is_refused_by_the_name_of_the_output(
    runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = check.refer
    monkeypatch.setattr(
        check,
        "refer",
        lambda forward, algorithm: truth(
            lambda x: {k: v + (k == "cam") * 0.01 * abs(v).max() for k, v in forward(x).items()}, algorithm
        ),
    )
    monkeypatch.setattr("zoo.graphs.export_torch.refer", check.refer)

    with pytest.raises(BackendError, match=r"does not compute what PyTorch does: cam by"):
        tiny(runtime, seed=77 + RUNTIMES.index(runtime))


def test_graphs_of_other_weights_and_of_other_sources_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    package, config = Package(zoo.info(NAME)), tiny("torch").config
    before = network_key(package, config)

    (name, path), *rest = network_sources(package)
    monkeypatch.setattr("zoo.graphs.key.network_sources", lambda _: [(name, Path(__file__)), *rest])

    assert network_key(package, config) != before
    names = {module for module, _ in [(name, path), *rest]}
    assert {f"{package.module}.net_torch", "zoo.common.networks.resnet_torch"} <= names
    others = {n for n in names if not n.startswith(("zoo.common", "zoo.models")) and n not in ("zoo", *key.EXPORTER)}
    assert others == set(), "a change elsewhere would make every graph anew"


@pytest.fixture
def graph_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    tiny("onnxruntime")
    (sidecar,) = tmp_path.rglob(SIDECAR)
    yield sidecar.parent


def test_a_graph_lies_whole_beside_what_it_is(graph_folder: Path) -> None:
    graph = read_sidecar(graph_folder)

    assert dict(graph.inputs) == {"image": (1, 64, 64)}
    assert (graph.outputs, graph.window, graph.opset) == (("logits", "cam"), None, 18)
    assert graph.versions["torch"] and len(graph.weights) == 64
    assert [path.name for path in store.graphs_home().iterdir() if path.name.startswith(".")] == []


def test_a_graph_that_changed_on_the_disk_is_made_anew_or_refused(
    graph_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = graph_folder / "net.onnx"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])

    with pytest.raises(CheckpointError, match=r"net\.onnx changed on the disk"):
        read_sidecar(graph_folder)
    tiny("onnxruntime")
    assert len(file.read_bytes()) == len(whole)


def test_an_export_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))

    def fail(folder: Path) -> None:
        (folder / "net.onnx").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put("key", "torch-0", fail)
    assert store.find("key", None) is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    shutil.rmtree(tmp_path / "graphs")
