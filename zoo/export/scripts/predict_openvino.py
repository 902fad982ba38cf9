"""Run this network: python predict.py [PICTURE.png or INPUTS.npz [OUTPUTS.npz]]; needs NumPy and OpenVINO only.

A picture is read by Pillow, an array in a .npy file by NumPy; preprocessing.json says what becomes of it.
"""

import json
import pathlib
import sys

import numpy as np
import openvino
from prepare import read  # type: ignore[import-not-found]  # beside it in the folder


def main(here: pathlib.Path, inputs: str | None = None, outputs: str | None = None) -> None:
    """Compute; inputs: a picture, or arrays by the names in graph.json, with a batch axis."""
    about = json.loads((here / "graph.json").read_text())
    given = read(here, inputs)
    arrays = [given[name].astype(np.float32) for name in about["inputs"]]
    # left alone, it computes in bfloat16 where the processor can
    hint = {"INFERENCE_PRECISION_HINT": "bf16" if about["precision"] == "bf16" else "f32"}
    network = openvino.Core().compile_model(here / about["network"], "CPU", hint)
    found = [np.array(value) for value in network(arrays).values()]
    for name, value in zip(about["outputs"], found, strict=True):
        told = ""
        if f"expected {name}" in given:
            known = given[f"expected {name}"]
            told = f", differs by {np.abs(value - known).max() / np.abs(known).max():.1e} of the largest value"
        print(f"{name} {value.shape}: {value.min():.6g} to {value.max():.6g}{told}")
    if outputs:
        np.savez(outputs, **dict(zip(about["outputs"], found, strict=True)))


if __name__ == "__main__":
    main(pathlib.Path(__file__).resolve().parent, *sys.argv[1:])
