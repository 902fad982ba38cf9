"""The shell's word on a batch in which some series are broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import zoo
from zoo.cli import app

from .test_clinical import patient as patient

pytestmark = pytest.mark.filterwarnings("ignore")  # of pydicom, about values that our tiny files leave empty


def test_two_broken_series_of_ten_end_in_exit_code_one_and_eight_results(patient: Path, tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    tiny = zoo.load("3D-UNet", checkpoint=None, variant="tiny", backend="torch").save(tmp_path / "w.safetensors")
    asked = ["predict", "3D-UNet", patient, "--out", tmp_path / "out", "--checkpoint", tiny, "--backend", "torch"]
    objects = ["--mask-format", "dcm", "--report", "--rtstruct", "--no-overlays"]

    told = CliRunner().invoke(app, [str(each) for each in (*asked, *objects)])

    assert told.exit_code == 1, told.output
    entries = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    assert sorted(Path(e["name"]).name for e in entries if "error" in e) == ["series_4", "series_7"]
    assert "8 of 10 images predicted" in told.output
    for folder in ("masks", "reports", "structures"):
        assert len(list((tmp_path / "out" / folder).iterdir())) == 8
