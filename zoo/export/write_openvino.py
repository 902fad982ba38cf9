"""Write OpenVINO's own files, in full precision or in 8 bits; bfloat16 is a matter of how they are run."""

from __future__ import annotations

import shutil
from pathlib import Path

import openvino as ov

from zoo.engines.runner_openvino import OpenVinoRunner, quantised
from zoo.export.formats import Written
from zoo.model import Model
from zoo.registry.package import Package

FILES = ["net.xml", "net.bin"]


def write(model: Model, folder: Path, precision: str) -> Written:
    """Write the graph; OpenVINO says what it computes."""
    runner = OpenVinoRunner(Package(model.entry), model.config, "cpu", precision)
    runner.load(model.engine.weights())
    (stage,) = runner.graph.stages
    path = runner.graph.path(stage)
    if precision == "int8":
        for name in FILES:
            shutil.copyfile(quantised(path).with_suffix(Path(name).suffix), folder / name)
    else:
        ov.save_model(ov.Core().read_model(path), str(folder / FILES[0]), compress_to_fp16=False)
    return FILES, runner.forward
