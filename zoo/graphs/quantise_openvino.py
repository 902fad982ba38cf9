"""Make 8-bit integers of a graph's weights and activations, calibrated on training images, by NNCF."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import passes

from zoo.common.types import Arrays
from zoo.graphs.graph import Graph

FILE = "int8.xml"  # beside the graph's own; its weights in int8.bin


def quantise(graph: Graph, batches: Sequence[Arrays], folder: Path) -> Path:
    """Write the graph of one stage in 8 bits into a folder; batches: inputs of training images, one image each."""
    import nncf

    (stage,) = graph.stages
    core = ov.Core()
    model = core.read_model(graph.path(stage))
    folding = passes.Manager()
    folding.register_pass(passes.ConstantFolding())  # NNCF takes what gathers a constant for a layer with weights
    folding.run_passes(model)
    arrays = [[np.ascontiguousarray(value) for value in batch.values()] for batch in batches]
    with contextlib.redirect_stdout(sys.stderr):  # it shows its progress
        quantised = nncf.quantize(
            model,
            nncf.Dataset(arrays),
            subset_size=len(arrays),
            preset=nncf.QuantizationPreset.MIXED,
            fast_bias_correction=False,  # the fast one shifts regressed sizes: head circumferences by 2 mm
        )
    ov.save_model(quantised, str(folder / FILE), compress_to_fp16=False)
    return folder / FILE
