"""Cut pictures and volumes into windows, for training and prediction, and put the answers together again.

The weights of the windows over each voxel are scaled axis by axis to sum to one, which a grid of windows allows. So
there is no map of counts and no division, and the network's identity comes back to float32 rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Any, Protocol, TypeAlias

import numpy as np

from zoo.common.errors import ConfigError, InputError

Network: TypeAlias = Callable[[np.ndarray], np.ndarray]  # (n, c, *window) -> (n, k, *window)
Size: TypeAlias = tuple[int, ...]
WEIGHTINGS = ("gaussian", "constant")
CACHED = 2**16  # values that are weighted at a time
SIGMA = 1 / 8  # of the window's side, as in nnU-Net, MONAI and PyMIC


class Source(Protocol):
    """What windows are cut from: an array, a memory-mapped file or a data set in HDF5, (c, *size)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(c, *size)."""

    def __getitem__(self, index: Any) -> Any:
        """Read a part."""


@dataclass(frozen=True, eq=False)
class Axis:
    """The windows along one axis.

    starts: first voxel of each window, ascending. A single negative start means that the volume is smaller.
    weights: (windows, window) float64; over each voxel of the volume they sum to one.
    """

    size: int
    window: int
    starts: tuple[int, ...]
    weights: np.ndarray

    def inside(self, index: int) -> tuple[slice, slice]:
        """Return the voxels of window `index` that the volume has: as seen by the volume, and by the window."""
        start = self.starts[index]
        first, last = max(start, 0), min(start + self.window, self.size)
        return slice(first, last), slice(first - start, last - start)


class Tiles:
    """The windows that cover a volume; item i is the index of window i along each axis, the last axis fastest."""

    def __init__(self, size: Size, window: Size, overlap: float = 0.5, weighting: str = "gaussian") -> None:
        """Place windows.

        overlap: share of the window, [0, 1). Windows start at multiples of the step, the last ends at the border.
        """
        if len(size) != len(window) or min(window, default=0) < 1 or min(size, default=0) < 1:
            raise InputError(f"window {window} for a volume {size}; expected one positive side per axis of the volume")
        if not 0 <= overlap < 1 or weighting not in WEIGHTINGS:
            raise ConfigError(f"overlap={overlap}, weighting={weighting!r}; expected [0, 1) and one of {WEIGHTINGS}")
        self.size, self.window = tuple(size), tuple(window)
        self.axes = tuple(_place(s, w, overlap, weighting) for s, w in zip(size, window, strict=True))
        self.counts = tuple(len(axis.starts) for axis in self.axes)

    def __len__(self) -> int:
        return prod(self.counts)

    def __getitem__(self, index: int) -> tuple[int, ...]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"window {index} of {len(self)}")
        return tuple(int(i) for i in np.unravel_index(index % len(self), self.counts))

    def starts(self, index: int) -> tuple[int, ...]:
        """Return the first voxel of window `index`, negative where the volume is smaller than the window."""
        return tuple(axis.starts[i] for axis, i in zip(self.axes, self[index], strict=True))

    def cut(self, source: Source, index: int) -> np.ndarray:
        """Read window `index` of `source` (c, *size), mirrored beyond the borders; (c, *window)."""
        return np.array(read_window(source, self.starts(index), self.window))


def read_window(source: Source, start: Sequence[int], window: Size) -> np.ndarray:
    """Read a window of `source` (c, *size), which is mirrored beyond its borders; a view where that is possible."""
    size = source.shape[1:]
    wanted = [np.arange(s, s + w) for s, w in zip(start, window, strict=True)]
    folded = [mirror(index, n) for index, n in zip(wanted, size, strict=True)]
    lows = [int(index.min()) for index in folded]
    part = np.asarray(
        source[(slice(None), *(slice(low, int(i.max()) + 1) for low, i in zip(lows, folded, strict=True)))]
    )
    for axis, (low, index, plain) in enumerate(zip(lows, folded, wanted, strict=True), start=1):
        if not np.array_equal(index, plain):
            part = np.take(part, index - low, axis=axis)
    return part


def mirror(index: np.ndarray, size: int) -> np.ndarray:
    """Fold indices into [0, size) as if the axis were mirrored at the centres of its first and last voxel."""
    if size == 1:
        return np.zeros_like(index)
    folded = np.mod(index, 2 * size - 2)
    return np.minimum(folded, 2 * size - 2 - folded)


def predict_tiled(
    source: Source,
    window: Size,
    network: Network,
    overlap: float = 0.5,
    weighting: str = "gaussian",
    batch_size: int = 4,
    finish: Callable[[np.ndarray], np.ndarray] | None = None,
    out: Any = None,
) -> Any:
    """Run `network` on windows of `source` (c, *size) and blend the answers to (k, *size) float32.

    network: must not keep its batch, whose memory is used again.
    finish: turns finished, blended scores (k, *part) into what is kept, such as labels() does; only one slab of scores
    is then in memory. out: where to write, such as a memory-mapped array or a data set in HDF5; made if left out.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size}; expected at least 1")
    tiles = Tiles(tuple(source.shape[1:]), window, overlap, weighting)
    if finish is None and out is None:
        # the result is its own accumulator: nothing else of the volume's size exists
        for _, slab in blend(tiles, source, network, batch_size, whole=True):
            out = slab
        return out
    for place, slab in blend(tiles, source, network, batch_size):
        kept = slab if finish is None else finish(slab)
        if out is None:
            leading = kept.shape[: kept.ndim - len(tiles.size)]
            out = np.empty((*leading, *tiles.size), kept.dtype)
        out[(..., *place)] = kept
    return out


def labels(scores: np.ndarray) -> np.ndarray:
    """Name the largest of (k, *part) scores; (*part) uint8, or uint16 for more than 256 classes."""
    return scores.argmax(axis=0).astype(np.uint8 if scores.shape[0] <= 256 else np.uint16)


def blend(
    tiles: Tiles, source: Source, network: Network, batch_size: int, whole: bool = False
) -> Iterator[tuple[tuple[slice, ...], np.ndarray]]:
    """Yield finished slabs of blended scores and their place in the volume, without gaps, each once.

    A slab (k, *part) is a view that the next step overwrites. whole: keep all of them in one array, which is the last
    thing yielded. Slabs lie along the axis on which the volume is longest in windows, so that they are thinnest.
    """
    along = int(np.argmax([size / window for size, window in zip(tiles.size, tiles.window, strict=True)]))
    axis = tiles.axes[along]
    depth = tiles.size[along] if whole else min(axis.window, axis.size)
    buffer, first = np.zeros(0, np.float32), 0  # `first`: voxel of the volume at which the buffer begins
    for row in range(len(axis.starts)):
        for index, scores in _answers(tiles, source, network, batch_size, along, row):
            if not buffer.size:
                room = (*tiles.size[:along], depth, *tiles.size[along + 1 :])
                buffer = np.zeros((scores.shape[0], *room), np.float32)
            _accumulate(buffer, scores, tiles, index, along, first)
        if whole:
            continue
        done = axis.size if row + 1 == len(axis.starts) else axis.starts[row + 1]
        place = tuple(slice(first, done) if i == along else slice(0, n) for i, n in enumerate(tiles.size))
        yield place, buffer[_at(along, slice(0, done - first), buffer.ndim)]
        _shift(buffer, done - first, along)
        first = done
    if whole:
        yield tuple(slice(0, n) for n in tiles.size), buffer


def _place(size: int, window: int, overlap: float, weighting: str) -> Axis:
    step = max(1, int(window * (1 - overlap)))
    if size <= window:
        starts = np.array([-((window - size) // 2)])
    else:
        starts = np.minimum(np.arange(ceil((size - window) / step) + 1) * step, size - window)
    offset = np.arange(window) - (window - 1) / 2
    profile = np.exp(-0.5 * (offset / (window * SIGMA)) ** 2) if weighting == "gaussian" else np.ones(window)
    places = starts[:, None] + np.arange(window)
    inside = (places >= 0) & (places < size)
    total = np.bincount(places[inside], np.broadcast_to(profile, places.shape)[inside], size)
    weights = np.where(inside, profile / total[np.clip(places, 0, size - 1)], 0.0)
    return Axis(size, window, tuple(int(s) for s in starts), weights)


def _answers(
    tiles: Tiles, source: Source, network: Network, batch_size: int, along: int, row: int
) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Yield the index and the scores (k, *window) of every window in one row of the slab axis."""
    axis = tiles.axes[along]
    inside, _ = axis.inside(row)
    # one read per row: a compressed store decodes a chunk for the row, not for each of its windows
    slab = source[_at(along, inside, len(tiles.size) + 1)]
    counts = tuple(1 if i == along else n for i, n in enumerate(tiles.counts))
    indices = [tuple(row if i == along else n for i, n in enumerate(index)) for index in np.ndindex(*counts)]
    room = np.empty((min(batch_size, len(indices)), source.shape[0], *tiles.window), np.float32)
    for begin in range(0, len(indices), batch_size):
        chosen = indices[begin : begin + batch_size]
        batch = room[: len(chosen)]  # fresh pages for every batch would cost more than the blending
        for item, index in zip(batch, chosen, strict=True):
            starts = [a.starts[i] for a, i in zip(tiles.axes, index, strict=True)]
            starts[along] -= inside.start
            item[...] = read_window(slab, starts, tiles.window)
        scores = np.asarray(network(batch))
        if scores.ndim != batch.ndim or scores.shape[0] != len(chosen) or scores.shape[2:] != tiles.window:
            raise InputError(f"the network made {scores.shape} of {batch.shape}; expected (n, k, *window), same window")
        yield from zip(chosen, scores, strict=True)


def _accumulate(
    buffer: np.ndarray, scores: np.ndarray, tiles: Tiles, index: tuple[int, ...], along: int, first: int
) -> None:
    """Add one window's weighted scores (k, *window) to the buffer (k, *part), in place."""
    places, parts = zip(*(axis.inside(i) for axis, i in zip(tiles.axes, index, strict=True)), strict=True)
    moved = slice(places[along].start - first, places[along].stop - first)
    target = buffer[(slice(None), *(moved if i == along else place for i, place in enumerate(places)))]
    scores = scores[(slice(None), *parts)]
    factors = [axis.weights[i][part] for axis, i, part in zip(tiles.axes, index, parts, strict=True)]
    plane = np.ones((), np.float32)
    for factor in factors[1:]:
        plane = np.multiply.outer(plane, factor.astype(np.float32))
    # a few planes at a time, so that the products stay in the processor's cache
    step = max(1, CACHED // max(1, plane.size * scores.shape[0]))
    weights = np.empty((step, *plane.shape), np.float32)
    products = np.empty((scores.shape[0], step, *plane.shape), np.float32)
    for begin in range(0, len(factors[0]), step):
        part, count = scores[:, begin : begin + step], min(step, len(factors[0]) - begin)
        np.multiply.outer(factors[0][begin : begin + count].astype(np.float32), plane, out=weights[:count])
        target[:, begin : begin + count] += np.multiply(part, weights[:count], out=products[:, :count])


def _shift(buffer: np.ndarray, count: int, along: int) -> None:
    """Drop the first `count` voxels along an axis and make room for as many new ones."""
    kept = buffer.shape[1 + along] - count
    buffer[_at(along, slice(0, kept), buffer.ndim)] = buffer[_at(along, slice(count, None), buffer.ndim)]
    buffer[_at(along, slice(kept, None), buffer.ndim)] = 0


def _at(along: int, part: slice, axes: int) -> tuple[slice, ...]:
    """Index one spatial axis of an array with `axes` axes, channels first."""
    return tuple(part if i == along + 1 else slice(None) for i in range(axes))
