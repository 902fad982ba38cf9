"""Files whose values are numbers of classes or objects: read in their own type, so that none is rounded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.common.io import READERS as IMAGE_READERS
from zoo.common.io import pictures, read_with, stored_array
from zoo.common.io.images import check_size
from zoo.common.types import Image


@dataclass(frozen=True, eq=False)
class Numbers:
    """What a file of numbers holds.

    values: (h, w) or (d, h, w), with an axis behind for several numbers a pixel; in the file's own type.
    alpha: (h, w), 1 where opaque, of a picture that has it. image: whose place the numbers have, of a volume.
    """

    values: np.ndarray
    alpha: np.ndarray | None = None
    image: Image | None = None


def read_numbers(path: str | Path) -> Numbers:
    """Read one file; unlike by read_image(), a palette gives its numbers and not its colours, and alpha is apart."""
    return read_with(Path(path), READERS, _unchanged)


def _unchanged(numbers: Numbers) -> Numbers:
    return numbers


def _of_picture(path: Path) -> Numbers:
    return Numbers(*pictures.read_numbers(path))


def _of_array(path: Path) -> Numbers:
    values = stored_array(path)
    check_size(values.shape, path.name)
    return Numbers(np.array(values))


def _of_image(reader: Callable[[Path], Image]) -> Callable[[Path], Numbers]:
    """Take what a reader gives before it becomes float32."""

    def read(path: Path) -> Numbers:
        image = reader(path)
        array = image.array
        check_size(array.shape, path.name)
        return Numbers(array[0] if len(array) == 1 else np.moveaxis(array, 0, -1), None, image)

    return read


READERS: dict[str, Callable[[Path], Numbers]] = {
    **{suffix: _of_image(reader) for suffix, reader in IMAGE_READERS.items()},
    **dict.fromkeys(pictures.SUFFIXES, _of_picture),
    ".npy": _of_array,
}
