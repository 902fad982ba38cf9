"""Parts of a batch: disjoint, complete, and together what one run gives."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from pydicom.uid import generate_uid
from typer.testing import CliRunner

import zoo
from tests.conftest import skip_without
from zoo.cli import app
from zoo.common.errors import ConfigError, OutputError
from zoo.common.types import Image
from zoo.prediction.shards import Shard, merge
from zoo.prediction.sources import Images, Item

from .common.dicom_files import VALUES, positions, write_slice
from .test_studies import add_series


def named(count: int) -> Images:
    return Images([Item(f"{i}.png", lambda: Image(np.zeros((1, 4, 4), np.float32))) for i in range(count)])


@given(st.integers(0, 40), st.integers(1, 12))
def test_parts_are_disjoint_complete_and_of_equal_size(images: int, count: int) -> None:
    parts = [Shard(number, count).part(named(images)).names() for number in range(1, count + 1)]

    assert sorted(name for part in parts for name in part) == sorted(named(images).names())
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_generator_gives_every_nth_unread() -> None:
    read: list[str] = []

    def items() -> Any:
        for i in range(7):
            yield Item(f"{i}", lambda i=i: read.append(f"{i}") or Image(np.zeros((1, 4, 4), np.float32)))  # type: ignore[misc]

    assert [name for name, _ in Shard(2, 3).part(Images(items()))] == read == ["1", "4"]


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", ""])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="1/8 to 8/8"):
        Shard.read(text)


@pytest.fixture(scope="module")
def model() -> zoo.Model:
    skip_without("torch")
    return zoo.load("2D-UNet", backend="torch", checkpoint=None, variant="tiny")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(7):
        (tmp_path / "in" / f"{i % 2}").mkdir(parents=True, exist_ok=True)
        array = np.random.default_rng(i).integers(0, 255, (32, 32), np.uint8)
        Pillow.fromarray(array).save(tmp_path / "in" / f"{i % 2}" / f"{i}.png")
    (tmp_path / "in" / "1" / "3.png").write_bytes(b"no picture")
    return tmp_path / "in"


def told(out: Path) -> tuple[dict[str, Any], list[dict[str, str]], dict[str, Any]]:
    """Return document, rows and lines, without where masks and overlays lie."""
    document = json.loads((out / "predictions.json").read_text())
    rows = list(csv.DictReader((out / "predictions.csv").open()))
    lines = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    for entry in (*document["predictions"], *rows, *lines):
        for kind in ("mask", "overlay", "report"):
            if path := entry.pop(kind, None):
                assert (out / path).is_file()
    document["predictions"].sort(key=lambda entry: entry["name"])
    return document, sorted(rows, key=lambda row: row["name"]), {line["name"]: line for line in lines}


def order_in(out: Path) -> list[str]:
    return [entry["name"] for entry in json.loads((out / "predictions.json").read_text())["predictions"]]


def test_the_parts_together_are_what_one_run_gives(model: zoo.Model, folder: Path, tmp_path: Path) -> None:
    given = sorted(folder.rglob("*.png"), reverse=True)
    model.predict_into(tmp_path / "whole", given)
    for number in (3, 1, 2):
        model.predict_into(tmp_path / "parts", given, shard=f"{number}/3")

    merge(tmp_path / "parts")

    assert told(tmp_path / "parts") == told(tmp_path / "whole")
    assert order_in(tmp_path / "parts") == order_in(tmp_path / "whole")
    assert len(list((tmp_path / "parts").glob("shard-*-of-3"))) == 3
    with pytest.raises(OutputError, match="overwrite"):
        merge(tmp_path / "parts")
    merge(tmp_path / "parts", overwrite=True)


def test_more_parts_than_images_leave_some_empty(model: zoo.Model, folder: Path, tmp_path: Path) -> None:
    for number in range(1, 10):
        model.predict_into(tmp_path / "parts", folder, shard=f"{number}/9", overlays=False)

    assert len(told(merge(tmp_path / "parts"))[0]["predictions"]) == 6


def test_a_part_that_is_missing_or_cut_off_or_of_other_images_is_named(
    model: zoo.Model, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "parts"
    with pytest.raises(OutputError, match="none there"):
        merge(out)
    model.predict_into(out, folder, shard="1/2", overlays=False)
    with pytest.raises(OutputError, match=r"run --shard 2/2"):
        merge(out)
    (folder / "0" / "6.png").unlink()
    model.predict_into(out, folder, shard="2/2", overlays=False)
    with pytest.raises(OutputError, match=r"shard-2-of-2: other images than in part 1"):
        merge(out)
    with pytest.raises(OutputError, match="continued with other settings"):
        model.predict_into(out, folder, shard="1/2", overlays=False, skip_existing=True)
    document = out / "shard-1-of-2" / "predictions.json"
    document.write_text(document.read_text().replace('"complete": true', '"complete": false'))
    with pytest.raises(OutputError, match=r"go on with --shard 1/2 --skip-existing"):
        merge(out)


def test_a_part_goes_on_where_it_ended(model: zoo.Model, folder: Path, tmp_path: Path) -> None:
    model.predict_into(tmp_path / "parts", folder, shard="1/2", overlays=False)

    again: Any = model.predict_into(tmp_path / "parts", folder, shard="1/2", overlays=False, skip_existing=True)

    assert again.skipped == 4 and len(again.kept) == 4


@pytest.mark.parametrize("changed", ["weights", "configuration", "spacing"])
def test_other_answers_are_not_mixed_with_those_that_are_there(
    model: zoo.Model, folder: Path, tmp_path: Path, changed: str
) -> None:
    weights, asked = model.engine.weights(), {"overlays": False, "spacing_mm": 0.5}
    for out in (tmp_path / "whole", tmp_path / "parts"):
        model.predict_into(out, folder, **asked, shard="1/2" if out.name == "parts" else "")
    chosen: dict[str, Any] = {"intensities": (0.0, 255.0)} if changed == "configuration" else {}
    other = zoo.load("2D-UNet", backend="torch", checkpoint=None, variant="tiny", state_dict=weights, **chosen)
    if changed == "weights":
        other.engine.load({name: value + 1 for name, value in weights.items()})
    asked |= {"spacing_mm": 0.4} if changed == "spacing" else {}

    with pytest.raises(OutputError, match=rf"continued with other settings \(.*{changed[:6]}"):
        other.predict_into(tmp_path / "whole", folder, skip_existing=True, **asked)
    other.predict_into(tmp_path / "parts", folder, shard="2/2", **asked)
    with pytest.raises(OutputError, match=r"other .*than in part 1"):
        merge(tmp_path / "parts")


def test_the_command_line_predicts_and_merges_parts(folder: Path, tmp_path: Path) -> None:
    skip_without("torch")
    common = ["predict", "2D-UNet", str(folder), "--checkpoint", "none", "--no-overlays"]
    for part in ("1/2", "2/2"):
        ran = CliRunner().invoke(app, [*common, "--out", str(tmp_path / "out"), "--shard", part])
        assert ran.exit_code in (0, 1), ran.output
    merged = CliRunner().invoke(app, ["merge", str(tmp_path / "out")])

    assert merged.exit_code == 0, merged.output
    assert len(told(tmp_path / "out")[0]["predictions"]) == 6
    assert CliRunner().invoke(app, [*common, "--shard", "3/2"]).exit_code == 1


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw a patient of three series in one folder and one in a folder of its own, with what is no image between."""
    pytest.importorskip("highdicom")
    patient = tmp_path_factory.mktemp("patient")
    for number in (2, 3, 4):
        add_series(patient, f"1.2.826.0.1.{number}", number)
    add_series(patient / "earlier", "1.2.826.0.1.9", 9)
    write_slice(patient / "report.dcm", VALUES[0], positions()[0], Modality="SR", SeriesInstanceUID=generate_uid())
    (patient / "broken.dcm").write_text("no DICOM")
    return patient


@pytest.mark.parametrize(
    "asked",
    [{}, {"name_by": "series", "mask_format": "dcm", "report": True}, {"deidentify": "basic", "mask_format": "dcm"}],
    ids=["plain", "series and objects", "pseudonyms"],
)
def test_the_series_of_a_patient_are_shared_out_whole(study: Path, tmp_path: Path, asked: dict[str, Any]) -> None:
    skip_without("torch")
    model = zoo.load("3D-UNet", backend="torch", checkpoint=None, variant="tiny")
    model.predict_into(tmp_path / "whole", study, overlays=False, **asked)
    parts = [
        model.predict_into(tmp_path / "parts", study, overlays=False, shard=f"{number}/3", **asked)
        for number in (2, 1, 3)
    ]

    merge(tmp_path / "parts")

    whole, merged = told(tmp_path / "whole"), told(tmp_path / "parts")
    assert merged[0] == whole[0] and len(whole[0]["predictions"]) == 4 and len(whole[0]["left_out"]) == 1
    assert merged == whole
    assert [len(part.left_out) for part in parts] == [0, 1, 0]  # told by the first part alone
    for entry in json.loads((tmp_path / "parts" / "predictions.json").read_text())["predictions"]:
        assert all((tmp_path / "parts" / entry[kind]).is_file() for kind in ("mask", "report") if kind in entry)
