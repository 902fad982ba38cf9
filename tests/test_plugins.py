"""An algorithm of another installed package is listed, loaded, trained, saved and evaluated like the zoo's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import zoo
from zoo.cli import app
from zoo.common.errors import PluginWarning, RegistryError, WeightsError
from zoo.registry import load_registry, read_registry

from .toy.install import ENTRY, install_plugin, write_data

OWN = list(read_registry().models)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield tmp_path / "site"
    for name in [n for n in sys.modules if n.split(".")[0] in ("toy_zoo", "other_zoo")]:
        del sys.modules[name]


def test_without_plugins_only_the_zoos_own_are_listed(site: Path) -> None:
    assert zoo.list_models() == OWN


def test_a_plugin_is_listed_without_being_imported(site: Path) -> None:
    install_plugin(site)

    assert zoo.list_models() == [*OWN, "Toy-Spots"]
    assert zoo.list_models(task="spot-finding") == ["Toy-Spots"]
    assert zoo.info("toy spots").frameworks == ("torch", "mindspore")
    assert "toy_zoo" not in sys.modules


def test_a_plugin_is_trained_saved_loaded_and_evaluated(site: Path, tmp_path: Path, framework: str) -> None:
    install_plugin(site)
    data = write_data(tmp_path / "data")
    model = zoo.load("Toy-Spots", backend=framework, checkpoint=None, variant="tiny")

    report = model.train(data, out=tmp_path / "run", epochs=25)
    again = zoo.load("Toy-Spots", backend=framework, checkpoint=model.save(tmp_path / "toy.safetensors"))
    result = again.evaluate(data)

    assert type(model.algorithm).__module__ == "toy_zoo.spots.algorithm"
    assert result.metrics == report.test.metrics
    assert result.metrics["dice"] > result.baseline["dice"]
    assert set(result.rows[0]) == {"name", "group", "right"}
    assert again.predict(data / "images" / "p0.png").to_dict()["pixels"] >= 0


def test_a_run_that_diverged_leaves_no_weights(site: Path, tmp_path: Path, monkeypatch: Any, framework: str) -> None:
    install_plugin(site)
    model = zoo.load("Toy-Spots", backend=framework, checkpoint=None, variant="tiny")
    diverged = {**model.engine.weights(), "norm.running_var": np.array([1, 1, np.inf, 1], np.float32)}
    monkeypatch.setattr(model.engine, "weights", lambda **options: diverged)

    with pytest.raises(WeightsError, match=r"norm\.running_var holds infinity"):
        model.train(write_data(tmp_path / "data"), out=tmp_path / "run", epochs=1)

    assert list((tmp_path / "run").glob("*.safetensors")) == []


@pytest.mark.slow
def test_a_plugin_works_from_the_shell(site: Path, tmp_path: Path, framework: str) -> None:
    install_plugin(site)
    data, run = write_data(tmp_path / "data"), tmp_path / "run"
    weights = ["--checkpoint", str(run / "best.safetensors"), "--backend", framework]

    listed = shell(site, "list")()
    shell(site, "train", "Toy-Spots", "--checkpoint", "none", "--variant", "tiny", "--backend", framework)(
        "--data", data, "--out", run, "--epochs", "2"
    )
    scores = shell(site, "evaluate", "Toy-Spots", *weights, "--json")("--data", data)
    found = shell(site, "predict", "Toy-Spots", *weights, "--json")(data / "images")

    assert "Toy-Spots" in listed
    assert json.loads(scores)["cases"] == 3
    assert len(json.loads(found)["predictions"]) == 12


def shell(site: Path, *first: str):
    """Run `zoo` with the plug-in installed."""

    def run(*more: object) -> str:
        command = [sys.executable, "-m", "zoo", *first, *map(str, more)]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(site)}, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


BROKEN = {
    "no file": (None, "registry.yaml"),
    "no YAML": ("models: [", "line"),
    "an unknown field": (f"models:{ENTRY.format(name='Toy')}    colour: red\n", "colour"),
    "an origin of its own": (f"models:{ENTRY.format(name='Toy')}    origin: {{module: os}}\n", "origin"),
    "a known task, misspelt": (
        f"models:{ENTRY.format(name='Toy')}".replace("spot-finding", "clasification"),
        "did you",
    ),
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_plugin_is_named_and_the_rest_is_listed(site: Path, text: str) -> None:
    content, reason = BROKEN[text]
    home = install_plugin(site, registry=content or "x")
    install_plugin(site, "other_zoo", "Other-Spots")
    if content is None:
        (home / "registry.yaml").unlink()

    with pytest.warns(PluginWarning, match=rf"toy-zoo.*{reason}"):
        assert zoo.list_models() == [*OWN, "Other-Spots"]


def test_a_broken_plugin_does_not_break_the_list_in_the_shell(site: Path) -> None:
    install_plugin(site, registry="models: [")

    done = CliRunner().invoke(app, ["list", "--json"])

    assert done.exit_code == 0
    assert [entry["name"] for entry in json.loads(done.stdout)] == OWN
    assert "toy-zoo is left out" in done.stderr


def test_an_entry_point_to_nowhere_is_named(site: Path) -> None:
    install_plugin(site)
    (site / "toy_zoo-1.0.dist-info" / "entry_points.txt").write_text("[openmedia_zoo.algorithms]\na = no_such_zoo\n")

    with pytest.warns(PluginWarning, match="toy-zoo.*no_such_zoo"):
        assert zoo.list_models() == OWN


def test_a_name_of_the_zoo_cannot_be_taken(site: Path) -> None:
    install_plugin(site, name="2d-unet")

    with pytest.warns(PluginWarning, match="2d-unet of the plug-in toy-zoo is left out: the zoo"):
        assert load_registry()["2D-UNet"].origin.plugin is None
    with pytest.warns(PluginWarning):
        assert zoo.info("2d_unet").package == "unet2d"


def test_a_name_of_another_plugin_cannot_be_taken(site: Path) -> None:
    install_plugin(site)
    install_plugin(site, "other_zoo", "ToySpots")

    with pytest.warns(PluginWarning, match="Toy-Spots of the plug-in toy-zoo is left out: the plug-in other-zoo"):
        assert zoo.list_models() == [*OWN, "ToySpots"]


def test_a_plugin_that_cannot_be_imported_says_whose_it_is(site: Path) -> None:
    home = install_plugin(site)
    (home / "spots" / "algorithm.py").write_text("import no_such_library\n")

    with pytest.raises(RegistryError, match=r"Toy-Spots.*plug-in toy-zoo.*no_such_library"):
        zoo.load("Toy-Spots", checkpoint=None)


def test_a_class_of_another_task_than_the_entry_is_refused(site: Path) -> None:
    install_plugin(site, registry=f"models:{ENTRY.format(name='Toy')}".replace("spot-finding", "sorting"))

    with pytest.raises(RegistryError, match=r"spot-finding.*sorting"):
        zoo.load("Toy", checkpoint=None)


def test_two_packages_of_one_name_do_not_meet(site: Path) -> None:
    install_plugin(site)
    install_plugin(site, "other_zoo", "Other-Spots")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = (zoo.load(n, checkpoint=None, variant="tiny") for n in ("Toy-Spots", "Other-Spots"))

    assert [type(m.algorithm).__module__.split(".")[0] for m in (first, second)] == ["toy_zoo", "other_zoo"]
