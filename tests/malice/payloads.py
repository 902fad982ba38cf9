"""Files that try to run code or to exhaust the reader: name -> content."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np


class Exploit:
    """Makes a file when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"open({str(self.canary)!r}, 'w')",)


def weight_files(canary: Path) -> dict[str, bytes]:
    """Build what somebody may hand over as a weight file."""
    return {**_pickles(canary), **_lying_lengths(), **_lying_entries(), **_lying_json()}


def registries(canary: Path) -> dict[str, bytes]:
    """Build what somebody may hand over as registry.yaml."""
    command = f"open({str(canary)!r}, 'w')"
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
    texts = {
        "apply": f'hub: !!python/object/apply:builtins.exec ["{command}"]',
        "apply_long_tag": f'hub: !<tag:yaml.org,2002:python/object/apply:builtins.exec> ["{command}"]',
        "directive": f'%TAG !q! tag:yaml.org,2002:python/\n---\na: !q!object/apply:builtins.exec ["{command}"]',
        "new": f'hub: !!python/object/new:builtins.exec ["{command}"]',
        "object": "hub: !!python/object:zoo.registry.Entry {}",
        "name": "hub: !!python/name:os.system",
        "module": "hub: !!python/module:os",
        "tuple": "hub: !!python/tuple [a, b]",
        "as_key": f'? !!python/object/apply:builtins.exec ["{command}"]\n: 1',
        "own_tag": "hub: !canary x",
        "binary": "hub: !!binary aGVsbG8=",
        "set": "hub: !!set {a, b}",
        "laughs": laughs,
        "cycle": "hub: &a [*a]",
        "merge": "hub: {<<: {a: 1}}",
        "deep_lists": "hub: " + "[" * 200_000,
        "deep_maps": "{a: " * 200_000,
        "deep_blocks": "".join(" " * i + "a:\n" for i in range(1200)),
        "huge": "hub: " + "x" * 20_000_000,
        "many_keys": "\n".join(f"k{i}: 1" for i in range(50_000)),
        "two_documents": "hub: a/b\n---\nhub: c/d",
        "nul": "hub: a\0b",
        "long_number": "hub: " + "9" * 500_000,
        "jinja": "hub: '{{ ''.__class__.__mro__ }}'\nmodels: {}",
    }
    utf16 = {"utf16": 'hub: !!python/name:os.system ""'.encode("utf-16")}
    return {f"{name}.yaml": text.encode() for name, text in texts.items()} | {f"{n}.yaml": b for n, b in utf16.items()}


def _pickles(canary: Path) -> dict[str, bytes]:
    raw = pickle.dumps(Exploit(canary))
    array = np.array([Exploit(canary)], dtype=object)
    npy, npz = io.BytesIO(), io.BytesIO()
    np.save(npy, array, allow_pickle=True)
    np.savez(npz, weight=array)
    suffixes = ("pt", "pth", "ckpt", "bin", "pkl", "pickle", "joblib", "model", "safetensors", "json", "yaml")
    return {
        **{f"pickle.{suffix}": raw for suffix in suffixes},
        **{f"protocol{p}.pt": pickle.dumps(Exploit(canary), protocol=p) for p in range(6)},
        "zip.pt": _zipped({"archive/data.pkl": raw, "archive/version": b"3\n"}),
        "zip_in_zip.pt": _zipped({"archive/data.pkl": _zipped({"data.pkl": raw})}),
        "torchscript.pt": _zipped({"a/code/__torch__.py": b"import os", "a/data.pkl": raw, "a/constants.pkl": raw}),
        "legacy.tar.pth": _tarred({"pickle": raw, "tensors": raw, "storages": raw}),
        "traversal.tar.pth": _tarred({"../../canary": b"x"}),
        "legacy_magic.pth": b"".join(pickle.dumps(x) for x in (0x1950A86A20F9469CFC6C, 1001, {}, Exploit(canary))),
        "objects.npy": npy.getvalue(),
        "objects.npz": npz.getvalue(),
        "compressed.pkl.gz": gzip.compress(raw),
        "bomb.safetensors": _zipped({"x": bytes(50_000_000)}),
        "pickle_after_length.safetensors": struct.pack("<Q", len(raw)) + raw,
        "pickle_as_body.safetensors": _file({"w": _entry("U8", [len(raw) + 1], 0, len(raw))}, raw),
        "protobuf.ckpt": b"\x0a\xff\xff\xff\xff\x0f" + bytes(64),
        "hdf5.h5": b"\x89HDF\r\n\x1a\n" + bytes(100),
        "script.py": f"open({str(canary)!r}, 'w')".encode(),
        "empty.safetensors": b"",
    }


def _lying_lengths() -> dict[str, bytes]:
    lengths = {"huge": 2**63, "all_ones": 2**64 - 1, "zero": 0, "one": 1, "beyond": 1000, "hundred_mb": 100_000_000}
    files = {f"length_{name}.safetensors": struct.pack("<Q", n) + b"{}" + bytes(100) for name, n in lengths.items()}
    spaces = b"{}".ljust(100_000_000)
    return {
        **files,
        "header_of_100_mb.safetensors": struct.pack("<Q", len(spaces)) + spaces,
        "seven_bytes.safetensors": b"\x02\0\0\0\0\0\0",
    }


def _lying_entries() -> dict[str, bytes]:
    four = _entry("F32", [1], 0, 4)
    headers: dict[str, dict[str, Any]] = {
        "overlap": {"a": four, "b": four},
        "partial_overlap": {"a": _entry("F32", [2], 0, 8), "b": _entry("F32", [1], 4, 8)},
        "hole": {"a": four, "b": _entry("F32", [1], 8, 12)},
        "uncovered": {"a": four},
        "huge_offsets": {"a": _entry("F32", [2**60], 0, 2**62)},
        "offsets_at_2_64": {"a": _entry("F32", [1], 2**64 - 4, 2**64)},
        "reversed": {"a": _entry("F32", [1], 4, 0)},
        "negative": {"a": _entry("F32", [1], -4, 0)},
        "fractional": {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0.0, 4.0]}},
        "true_offsets": {"a": {"dtype": "U8", "shape": [1], "data_offsets": [False, True]}},
        "three_offsets": {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}},
        "text_offsets": {"a": {"dtype": "F32", "shape": [1], "data_offsets": "04"}},
        "no_offsets": {"a": {"dtype": "F32", "shape": [1]}},
        "wider_dtype": {"a": _entry("F64", [1], 0, 4)},
        "unknown_dtype": {"a": _entry("PICKLE", [1], 0, 4)},
        "object_dtype": {"a": _entry("O", [1], 0, 4)},
        "dtype_is_a_list": {"a": _entry(["F32"], [1], 0, 4)},
        "dtype_is_a_table": {"a": _entry({"F32": 1}, [1], 0, 4)},
        "huge_shape": {"a": _entry("F32", [2**40], 0, 4)},
        "overflowing_shape": {"a": _entry("F32", [2**32, 2**32, 0], 0, 4)},
        "wrapping_shape": {"a": _entry("U8", [2**33, 2**31 + 1], 0, 4)},
        "negative_shape": {"a": _entry("F32", [-1], 0, 4)},
        "text_shape": {"a": _entry("F32", ["1"], 0, 4)},
        "shape_is_text": {"a": _entry("F32", "1", 0, 4)},
        "no_shape": {"a": {"dtype": "F32", "data_offsets": [0, 4]}},
        "endless_shape": {"a": _entry("F32", [1] * 100_000, 0, 4)},
        "entry_is_a_list": {"a": [1]},
        "entry_is_null": {"a": None},
        "metadata_is_a_list": {"__metadata__": [], "a": _entry("F32", [4], 0, 16)},
        "metadata_is_null": {"__metadata__": None, "a": _entry("F32", [4], 0, 16)},
        "metadata_value_is_a_table": {"__metadata__": {"a": {"b": 1}}, "a": _entry("F32", [4], 0, 16)},
    }
    nothing = json.dumps(_entry("U8", [0], 0, 0))
    million = "{" + ",".join(f'"{i}":{nothing}' for i in range(1_000_000)) + "}"  # ten times faster than json.dumps
    files = {f"entry_{name}.safetensors": _file(header, bytes(16)) for name, header in headers.items()}
    return {**files, "entry_million_tensors.safetensors": struct.pack("<Q", len(million)) + million.encode()}


def _lying_json() -> dict[str, bytes]:
    entry = json.dumps(_entry("F32", [4], 0, 16))
    texts = {
        "list": "[1, 2]",
        "text": '"text"',
        "duplicate": f'{{"a": {entry}, "a": {entry}}}',
        "duplicate_inside": '{"a": {"dtype": "F32", "dtype": "U8", "shape": [4], "data_offsets": [0, 16]}}',
        "cut": '{"a": {"dtype"',
        "trailing": f'{{"a": {entry}}} and more',
        "deep_lists": "[" * 1_000_000,
        "deep_tables": '{"a":' * 500_000,
        "long_number": f'{{"a": {"9" * 1_000_000}}}',
        "not_a_number": '{"a": NaN}',
        "yaml": "a: !!python/name:os.system",
        "python": "__import__('os').system('true')",
    }
    raw = {"not_utf8": b"\xff\xfe{}", "utf16": '{"a": 1}'.encode("utf-16"), "nul": b"{\0}"}
    contents = {name: text.encode() for name, text in texts.items()} | raw
    return {f"json_{n}.safetensors": struct.pack("<Q", len(c)) + c + bytes(16) for n, c in contents.items()}


def _entry(dtype: Any, shape: Any, start: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def _file(header: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def _zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _tarred(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()
