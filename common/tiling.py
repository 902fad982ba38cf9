"""Cut pictures and volumes into windows, for training and prediction, and put the answers together again.

Weighted answers and weights are summed in one slab at a time, and a slab that is finished is divided. All sums run
over a few planes that stay in the processor's cache; nothing but the answer has the size of the volume.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from typing import Any, Protocol, TypeAlias

import numpy as np

from zoo.common.errors import ConfigError, InputError

Network: TypeAlias = Callable[[np.ndarray], np.ndarray]  # (n, c, *window) -> (n, k, *window)
Size: TypeAlias = tuple[int, ...]
WEIGHTINGS = ("gaussian", "constant")
CACHED = 2**16  # values that are weighted at a time
SIGMA = 1 / 8  # of the window's side, as in nnU-Net, MONAI and PyMIC
FLOOR = 1e-3  # least weight, MONAI's: far from all centres windows count alike, and no weight is lost in rounding


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
    """

    size: int
    window: int
    starts: tuple[int, ...]

    def inside(self, index: int) -> tuple[slice, slice]:
        """Return the voxels of window `index` that the volume has: as seen by the volume, and by the window."""
        start = self.starts[index]
        first, last = max(start, 0), min(start + self.window, self.size)
        return slice(first, last), slice(first - start, last - start)

    def over(self, part: slice) -> list[tuple[slice, slice]]:
        """List the windows over a part of the volume: the voxels they share, as seen by the part, and by the window."""
        shared = [(max(start, part.start), min(start + self.window, part.stop), start) for start in self.starts]
        return [
            (slice(first - part.start, last - part.start), slice(first - start, last - start))
            for first, last, start in shared
            if first < last
        ]


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
        self.weighting = weighting
        self.axes = tuple(_place(s, w, overlap) for s, w in zip(size, window, strict=True))
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
    if all(0 <= first <= n - side for first, side, n in zip(start, window, size, strict=True)):
        inside = (slice(first, first + side) for first, side in zip(start, window, strict=True))
        return np.asarray(source[(slice(None), *inside)])
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


def importance(window: Size, weighting: str) -> np.ndarray:
    """Weigh the voxels of a window, (*window) float32: all 1, or a Gaussian that is not lower than FLOOR."""
    weights = np.ones((), np.float32)
    for side in window:
        offset = np.arange(side) - (side - 1) / 2
        profile = np.exp(-0.5 * (offset / (side * SIGMA)) ** 2) if weighting == "gaussian" else np.ones(side)
        weights = np.multiply.outer(weights, profile.astype(np.float32))
    return np.maximum(weights, np.float32(FLOOR), out=weights)


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
    weights = importance(tiles.window, tiles.weighting)
    room = np.empty((min(batch_size, len(tiles)), source.shape[0], *tiles.window), np.float32)
    buffer, first = np.zeros(0, np.float32), 0  # `first`: voxel of the volume at which unfinished voxels begin
    for row in range(len(axis.starts)):
        offset = 0 if whole else first
        for index, scores in _answers(tiles, source, network, room, along, row):
            if not buffer.size:
                size = (*tiles.size[:along], depth, *tiles.size[along + 1 :])
                buffer = np.empty((scores.shape[0], *size), np.float32)
                buffer.fill(0)  # unlike zeros(), empty() asks for huge pages, which saves a third of the adding
            places, parts = zip(*(a.inside(i) for a, i in zip(tiles.axes, index, strict=True)), strict=True)
            moved = slice(places[along].start - offset, places[along].stop - offset)
            target = buffer[(slice(None), *places[:along], moved, *places[along + 1 :])]
            _accumulate(target, scores[(slice(None), *parts)], weights[parts])
        done = axis.size if row + 1 == len(axis.starts) else axis.starts[row + 1]
        place = tuple(slice(first, done) if i == along else slice(0, n) for i, n in enumerate(tiles.size))
        slab = buffer[_at(along, slice(first - offset, done - offset), buffer.ndim)]
        _divide(slab, weights, tiles, place)
        if not whole:
            yield place, slab
            _shift(buffer, done - first, along)
        first = done
    if whole:
        yield tuple(slice(0, n) for n in tiles.size), buffer


def _place(size: int, window: int, overlap: float) -> Axis:
    step = max(1, int(window * (1 - overlap)))
    if size <= window:
        return Axis(size, window, (-((window - size) // 2),))
    return Axis(size, window, tuple(min(i * step, size - window) for i in range(ceil((size - window) / step) + 1)))


def _answers(
    tiles: Tiles, source: Source, network: Network, room: np.ndarray, along: int, row: int
) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Yield the index and the scores (k, *window) of every window in one row of the slab axis.

    room: (n, c, *window) for batches; fresh pages for each of them would cost more than the blending.
    """
    inside, _ = tiles.axes[along].inside(row)
    # one read per row: a compressed store decodes a chunk for the row, not for each of its windows
    slab = source[_at(along, inside, len(tiles.size) + 1)]
    indices = list(product(*((row,) if i == along else range(n) for i, n in enumerate(tiles.counts))))
    for begin in range(0, len(indices), len(room)):
        chosen = indices[begin : begin + len(room)]
        batch = room[: len(chosen)]
        for item, index in zip(batch, chosen, strict=True):
            starts = [a.starts[i] for a, i in zip(tiles.axes, index, strict=True)]
            starts[along] -= inside.start
            item[...] = read_window(slab, starts, tiles.window)
        scores = np.asarray(network(batch))
        if scores.ndim != batch.ndim or scores.shape[0] != len(chosen) or scores.shape[2:] != tiles.window:
            raise InputError(f"the network made {scores.shape} of {batch.shape}; expected (n, k, *window), same window")
        yield from zip(chosen, scores, strict=True)


def _accumulate(target: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> None:
    """Add scores (k, *part) times weights (*part) to `target`, in place."""
    step = _planes(scores.shape)
    products = np.empty((scores.shape[0], step, *weights.shape[1:]), np.float32)
    for begin in range(0, len(weights), step):
        here = slice(begin, min(begin + step, len(weights)))
        target[:, here] += np.multiply(scores[:, here], weights[here], out=products[:, : here.stop - begin])


def _divide(slab: np.ndarray, weights: np.ndarray, tiles: Tiles, place: tuple[slice, ...]) -> None:
    """Divide a slab (k, *part) of summed scores by the summed weights of all windows over it, in place."""
    step = _planes((1, *slab.shape[1:]))
    for begin in range(0, slab.shape[1], step):
        planes = slice(place[0].start + begin, min(place[0].start + begin + step, place[0].stop))
        slab[:, begin : begin + step] /= _total(weights, tiles, (planes, *place[1:]))


def _total(weights: np.ndarray, tiles: Tiles, place: tuple[slice, ...]) -> np.ndarray:
    """Sum the weights (*window) of all windows over a part of the volume; windows form a grid: one axis at a time."""
    axes = len(place)
    for i in (0, *range(axes - 1, 0, -1)):  # the first axis has the fewest voxels, the last the shortest runs
        size = (*weights.shape[:i], place[i].stop - place[i].start, *weights.shape[i + 1 :])
        total = np.zeros(size, weights.dtype)
        for seen, part in tiles.axes[i].over(place[i]):
            total[_at(i - 1, seen, axes)] += weights[_at(i - 1, part, axes)]
        weights = total.astype(np.float64, copy=False)  # rounded at the end: the identity comes back to 1e-6
    return weights.astype(np.float32)


def _planes(shape: tuple[int, ...]) -> int:
    """Count how many planes along the first spatial axis of (k, *part) stay in the processor's cache."""
    return max(1, CACHED * shape[1] // prod(shape))


def _shift(buffer: np.ndarray, count: int, along: int) -> None:
    """Drop the first `count` voxels along an axis and make room for as many new ones."""
    kept = buffer.shape[1 + along] - count
    for begin in range(0, kept, count):  # pieces that do not overlap, which would be copied on the way
        end = min(begin + count, kept)
        moved = buffer[_at(along, slice(begin + count, end + count), buffer.ndim)]
        buffer[_at(along, slice(begin, end), buffer.ndim)] = moved
    buffer[_at(along, slice(kept, None), buffer.ndim)] = 0


def _at(along: int, part: slice, axes: int) -> tuple[slice, ...]:
    """Index one spatial axis of an array with `axes` axes, channels first."""
    return tuple(part if i == along + 1 else slice(None) for i in range(axes))
