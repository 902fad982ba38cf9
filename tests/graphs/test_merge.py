"""What doubles a grid, merged into the convolution behind it: the same answers from fewer products."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from torch import nn  # noqa: E402

from zoo.graphs.merge_onnx import at_borders, merge_kernels, merge_ups  # noqa: E402


class Decoder(nn.Module):
    """One step of a decoder: the coarse grid doubled, beside what was skipped."""

    def __init__(self, axes: int, bias: bool, kernel: int, up_first: bool, shortcut: bool = False) -> None:
        super().__init__()
        up, convolution = (nn.ConvTranspose2d, nn.Conv2d) if axes == 2 else (nn.ConvTranspose3d, nn.Conv3d)
        self.up = up(5, 4, 2, stride=2, bias=bias)
        self.conv = convolution(7, 6, kernel, padding=kernel // 2)
        self.shortcut = convolution(7, 6, 1) if shortcut else None
        self.up_first = up_first

    def forward(self, coarse: torch.Tensor, skipped: torch.Tensor) -> torch.Tensor:
        parts = [skipped, self.up(coarse)]
        joined = torch.cat(parts[::-1] if self.up_first else parts, dim=1)
        found = torch.relu(self.conv(joined))
        return found if self.shortcut is None else found + self.shortcut(joined)


def written(net: nn.Module, path: Path, side: tuple[int, ...]) -> list[np.ndarray]:
    """Write a step as a graph for any number of images; return inputs for two."""
    torch.manual_seed(0)
    coarse, skipped = torch.randn(2, 5, *side), torch.randn(2, 3, *(2 * n for n in side))
    free = {"coarse": {0: "n"}, "skipped": {0: "n"}, "found": {0: "n"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(),
            (coarse, skipped),
            str(path),
            dynamo=False,
            opset_version=18,
            input_names=["coarse", "skipped"],
            output_names=["found"],
            dynamic_axes=free,
        )
    return [coarse.numpy(), skipped.numpy()]


def run(path: Path, inputs: list[np.ndarray]) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, dict(zip(("coarse", "skipped"), inputs, strict=True)))[0])


@pytest.mark.parametrize("side", [(3, 4), (1, 2), (2, 3, 1)])
@pytest.mark.parametrize(("bias", "kernel", "up_first"), [(True, 3, False), (False, 3, True), (True, 1, True)])
def test_a_merged_step_answers_as_before(
    side: tuple[int, ...], bias: bool, kernel: int, up_first: bool, tmp_path: Path
) -> None:
    path = tmp_path / "net.onnx"
    inputs = written(Decoder(len(side), bias, kernel, up_first), path, side)
    expected = run(path, inputs)

    assert merge_ups(path) == 1
    np.testing.assert_allclose(run(path, inputs), expected, atol=1e-6)
    assert "Concat" not in {node.op_type for node in onnx.load(str(path)).graph.node}


def test_a_join_that_a_shortcut_sees_as_well_stays(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    written(Decoder(2, True, 3, up_first=False, shortcut=True), path, (3, 4))
    before = path.read_bytes()

    assert merge_ups(path) == 0
    assert path.read_bytes() == before


def test_ones_doubled_and_added_up_are_the_products_of_both_kernels() -> None:
    merged = merge_kernels(np.ones((1, 1, 2, 2)), np.ones((1, 1, 3, 3)))[0, 0]

    np.testing.assert_array_equal(merged, np.outer([1, 2, 2, 1], [1, 2, 2, 1]))


def test_taps_beyond_the_border_do_not_count() -> None:
    np.testing.assert_array_equal(at_borders(np.array([[1.0, 10.0, 100.0]])), [[110, 111, 11]])
