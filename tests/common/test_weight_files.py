"""Weight files: what was hashed is what is used, every type is read right, and what cannot be a weight is refused."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import CheckpointError, ConfigError, WeightsError
from zoo.common.records import build_record, later
from zoo.common.weights import read_weights, sound_weights, write_checkpoint, write_weights
from zoo.common.weights.in_memory import WeightFile, checked_header, read_file

RNG = np.random.default_rng(0)
WEIGHTS = {
    "conv.weight": RNG.normal(size=(3, 2, 3, 3)).astype(np.float32),
    "bn.running_var": RNG.uniform(size=3).astype(np.float32),
    "scale": np.array(2.0, np.float32),
    "none": np.zeros((0, 4), np.float32),
}


@dataclass(frozen=True)
class Example:
    """A configuration with a field that came later."""

    width: int = 1
    stem: tuple[int, int] = (1, 1)
    depth: int = later(3)


def raw_file(entries: dict[str, tuple[str, list[int], bytes]], pad: int = 0) -> bytes:
    header, body = {}, b""
    for name, (dtype, shape, data) in entries.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode() + b" " * pad
    return struct.pack("<Q", len(text)) + text + body


def test_reading_gives_back_what_was_written(tmp_path: Path) -> None:
    write_weights(tmp_path / "w.safetensors", WEIGHTS, {"a": "b"})

    arrays, metadata = read_weights(tmp_path / "w.safetensors")

    assert metadata == {"a": "b"}
    assert arrays.keys() == WEIGHTS.keys()
    for name, value in WEIGHTS.items():
        assert arrays[name].dtype == value.dtype
        np.testing.assert_array_equal(arrays[name], value)


def test_every_type_is_read_as_the_library_reads_it(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    kinds = ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?")
    path = tmp_path / "w.safetensors"
    save_file({kind: RNG.integers(0, 2, (2, 3)).astype(kind) for kind in kinds}, path)

    arrays = read_file(path).arrays()

    for kind, value in load_file(path).items():
        assert arrays[kind].dtype == value.dtype
        np.testing.assert_array_equal(arrays[kind], value)


def test_bfloat16_is_read_as_pytorch_reads_it(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    values = torch.tensor([0.0, -0.0, 1.0, 3.140625, -1e30, 1e-40, 2.0**127]).to(torch.bfloat16)
    save_file({"w": values}, tmp_path / "w.safetensors")

    (found,) = sound_weights(read_file(tmp_path / "w.safetensors").arrays(), "w").values()

    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, values.float().numpy())


@pytest.mark.parametrize("pad", range(4))
def test_a_body_at_any_byte_is_read(pad: int) -> None:
    data = np.arange(3, dtype="<f4")
    content = bytearray(raw_file({"a": ("U8", [1], b"x"), "b": ("F32", [3], data.tobytes())}, pad))

    found = WeightFile(content, "w").arrays()["b"]

    assert found.flags.aligned
    np.testing.assert_array_equal(found, data)


def test_the_tensors_are_views_of_the_bytes_that_were_hashed(tmp_path: Path) -> None:
    write_weights(tmp_path / "w.safetensors", WEIGHTS, {})
    file = read_file(tmp_path / "w.safetensors")
    before = file.sha256

    file.arrays()["conv.weight"][0, 0, 0, 0] += 1

    assert WeightFile(file.content, "again").sha256 != before


def test_a_header_is_accepted_exactly_when_the_library_accepts_it() -> None:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    base = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    base["b"] = {"dtype": "U8", "shape": [4], "data_offsets": [8, 12]}
    rng = np.random.default_rng(1)
    seen = {True: 0, False: 0}
    for _ in range(400):
        header = json.loads(json.dumps(base))
        for _ in range(rng.integers(0, 2)):
            entry = header[rng.choice(["a", "b"])]
            entry["data_offsets"][rng.integers(2)] = int(rng.integers(0, 13))
            entry["shape"] = [int(n) for n in rng.integers(0, 5, rng.integers(0, 3))]
        text = json.dumps(header).encode()
        try:
            load(struct.pack("<Q", len(text)) + text + bytes(12))
            sound = True
        except (SafetensorError, ValueError):
            sound = False
        seen[sound] += 1
        if sound:
            checked_header(text, 12, "w")
        else:
            with pytest.raises(CheckpointError):
                checked_header(text, 12, "w")
    assert min(seen.values()) > 50


def one(name: str, value: float, dtype: type = np.float32) -> dict[str, np.ndarray]:
    changed = WEIGHTS[name].astype(dtype)
    changed.reshape(-1)[0] = value
    return {**WEIGHTS, name: changed}


BAD = {
    "NaN": one("conv.weight", float("nan")),
    "infinity": one("conv.weight", float("-inf")),
    "NaN in half": one("conv.weight", float("nan"), np.float16),
    "negative variance": one("bn.running_var", -1e-6),
    "beyond float32": one("conv.weight", -1e39, np.float64),
    "int8": {**WEIGHTS, "conv.weight": WEIGHTS["conv.weight"].astype(np.int8)},
    "bool": {**WEIGHTS, "conv.weight": WEIGHTS["conv.weight"] > 0},
    "complex": {**WEIGHTS, "conv.weight": WEIGHTS["conv.weight"] * 1j},
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_a_weight_is_refused_by_the_name_of_its_tensor(kind: str, tmp_path: Path) -> None:
    name = "bn.running_var" if "variance" in kind else "conv.weight"

    with pytest.raises(WeightsError, match=rf"w: {name} holds "):
        sound_weights(BAD[kind], "w")
    with pytest.raises(WeightsError, match=name):
        write_checkpoint(tmp_path / "w.safetensors", BAD[kind], {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_floats_of_other_widths_become_float32(dtype: type) -> None:
    found = sound_weights({"w": np.array([0.5, -2.0], dtype)}, "w")["w"]

    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [0.5, -2.0])


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.safetensors"
    write_weights(path, {"w": np.zeros(100_000, np.float32)}, {})
    checked = checked_header

    def shrink(raw: bytes, body_bytes: int, source: str) -> object:
        with path.open("r+b") as file:
            file.truncate(1000)
        return checked(raw, body_bytes, source)

    monkeypatch.setattr("zoo.common.weights.in_memory.checked_header", shrink)

    with pytest.raises(CheckpointError, match="changed meanwhile"):
        read_file(path)


def test_a_record_out_of_a_file_has_to_be_complete() -> None:
    with pytest.raises(ConfigError, match="lacks width, stem"):
        build_record(Example, {}, "w", complete=True)
    assert build_record(Example, {"width": 2, "stem": [1, 2]}, "w", complete=True) == Example(2, (1, 2), 3)
    assert build_record(Example, {}, "w") == Example()


@pytest.mark.parametrize(
    "values",
    [{"width": 1.5}, {"width": True}, {"width": "2"}, {"stem": ["a", "b"]}, {"stem": [1, 2, 3]}, {"stem": [[1], [2]]}],
)
def test_a_value_of_another_type_is_refused_by_its_field(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"w: {next(iter(values))} is"):
        build_record(Example, values, "w")
