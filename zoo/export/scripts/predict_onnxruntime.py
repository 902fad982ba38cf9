"""Run this network: python predict.py [PICTURE.png or INPUTS.npz [OUTPUTS.npz]]; needs NumPy and ONNX Runtime only.

A picture is read by Pillow, an array in a .npy file by NumPy; preprocessing.json says what becomes of it.
"""

import json
import pathlib
import sys

import numpy as np
import onnxruntime
from prepare import read  # type: ignore[import-not-found]  # beside it in the folder


def main(here: pathlib.Path, inputs: str | None = None, outputs: str | None = None) -> None:
    """Compute; inputs: a picture, or arrays by the names in graph.json, with a batch axis."""
    about = json.loads((here / "graph.json").read_text())
    given = read(here, inputs)
    arrays = [given[name].astype(np.float32) for name in about["inputs"]]
    session = onnxruntime.InferenceSession(str(here / about["network"]), providers=["CPUExecutionProvider"])
    names = [place.name for place in session.get_inputs()]
    found = session.run(None, dict(zip(names, arrays, strict=True)))
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
