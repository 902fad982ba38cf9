"""A service with tiny networks of random weights, and pictures to send to it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image as Pillow

import zoo
from zoo.serve.jobs import Target
from zoo.serve.settings import Bounds, Settings
from zoo.serve.shelf import Shelf

TINY = {"backend": "torch"}


class TinyShelf(Shelf):
    """Loads tiny variants with random weights in place of the shipped ones; counts what it loaded."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.loads: list[Target] = []

    def load(self, target: Target) -> Any:
        self.loads.append(target)
        return zoo.load(target.algorithm, backend=target.framework, device="cpu", checkpoint=None, variant="tiny")


@contextmanager
def service(backend: str = "torch", **settings: Any) -> Iterator[Any]:
    """Open a client of a service in this process."""
    from starlette.testclient import TestClient

    from zoo.serve.app import create_app

    bounds = Bounds(**settings.pop("bounds", {}))
    chosen = Settings(backend=backend, device="cpu", bounds=bounds, **settings)
    shelf = TinyShelf(chosen)
    app = create_app(chosen, shelf)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        client.shelf = shelf
        yield client


def picture(seed: int = 0, h: int = 24, w: int = 32) -> np.ndarray:
    """Draw grey noise (h, w) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (h, w), dtype=np.uint8)


def png(values: np.ndarray) -> bytes:
    """Write a picture as PNG."""
    buffer = io.BytesIO()
    Pillow.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def npy(values: np.ndarray) -> bytes:
    """Write an array as .npy."""
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def volume(seed: int = 0, shape: tuple[int, int, int] = (6, 20, 24)) -> bytes:
    """Write a volume of noise as MetaImage."""
    values = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    sizes = " ".join(str(n) for n in shape[::-1])
    head = f"ObjectType = Image\nNDims = 3\nDimSize = {sizes}\nElementType = MET_UCHAR\nElementSpacing = 1 1 2\n"
    return f"{head}ElementDataFile = LOCAL\n".encode() + values.tobytes()


def sent(content: bytes, name: str = "scan.png") -> dict[str, Any]:
    """Return the argument of a client that sends one file."""
    return {"files": {"file": (name, content, "application/octet-stream")}}


def unpacked(view: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a view as the page does: the header, and the arrays by name."""
    size = int.from_bytes(view[:4], "little")
    header = json.loads(view[4 : 4 + size])
    arrays, place = {}, 4 + size
    for told in header["arrays"]:
        count = int(np.prod(told["shape"]))
        array = np.frombuffer(view, told["type"], count, place).reshape(told["shape"])
        arrays[told["name"]] = array
        place += array.nbytes + -array.nbytes % 8
    return header, arrays
