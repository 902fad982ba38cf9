"""The formats: who writes each, who runs it, and what must be installed to do so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from zoo.common.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from zoo.common.types import Arrays

PREPARE = "prepare"  # in zoo/export/scripts: turns a picture into what the network takes

Forward = Callable[["Arrays"], "Mapping[str, np.ndarray]"]
Written = tuple[list[str], Forward]  # names of the files, the network itself first; what they compute


@dataclass(frozen=True)
class Format:
    """One row of the table."""

    title: str
    module: str  # has write(model, folder, precision) -> Written
    network: str  # the framework whose network it is made of
    script: str  # in zoo/export/scripts: the program beside the files
    precisions: tuple[str, ...] = ("f32",)
    tolerance: float = 1e-4  # of the largest value, against the engine of `network`


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "onnx": Format("ONNX, opset 18", "zoo.export.write_onnxruntime", "torch", "predict_onnxruntime"),
        "openvino": Format(
            "OpenVINO IR", "zoo.export.write_openvino", "torch", "predict_openvino", precisions=("f32", "bf16", "int8")
        ),
        "torchscript": Format("TorchScript", "zoo.export.write_torch", "torch", "predict_torch"),
        "pt2": Format("torch.export", "zoo.export.write_pt2_torch", "torch", "predict_pt2_torch"),
        # a graph sums in another order here and there: TS-CAM's logits miss by 1e-6, most networks by nothing
        "mindir": Format("MindIR", "zoo.export.write_mindspore", "mindspore", "predict_mindspore", tolerance=1e-5),
    }
)


def checked_format(name: str, precision: str) -> Format:
    """Return a row of the table; ConfigError names the known ones."""
    if name not in FORMATS:
        raise ConfigError(f"format={name!r} given; expected one of {', '.join(FORMATS)}")
    chosen = FORMATS[name]
    if precision not in chosen.precisions:
        raise ConfigError(
            f"precision={precision!r} given; {chosen.title} is written in {', '.join(chosen.precisions)}. "
            "OpenVINO has bf16 and int8"
        )
    return chosen


def script_of(name: str) -> Path:
    """Return where a program lies that is copied beside the files."""
    return Path(__file__).parent / "scripts" / f"{name}.py"
