"""Answers averaged over flipped and turned views of a batch, and over several networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from zoo.common.errors import ConfigError
from zoo.common.tiling import Network


@dataclass(frozen=True)
class View:
    """A turned and mirrored look at the last axes of an array; exactly undone.

    order: which spatial axis comes first, second, ...; flipped: the axes, after that, that run backwards.
    """

    order: tuple[int, ...]
    flipped: tuple[int, ...] = ()

    def apply(self, array: np.ndarray) -> np.ndarray:
        """Look at (..., *size) this way, without a copy."""
        lead = array.ndim - len(self.order)
        turned = array.transpose(*range(lead), *(lead + axis for axis in self.order))
        return np.flip(turned, [lead + axis for axis in self.flipped])

    def undo(self, array: np.ndarray) -> np.ndarray:
        """Take back apply(), without a copy."""
        lead = array.ndim - len(self.order)
        turned = np.flip(array, [lead + axis for axis in self.flipped])
        return turned.transpose(*range(lead), *(lead + int(axis) for axis in np.argsort(self.order)))


def flips(axes: int) -> list[View]:
    """List the 2^axes ways to mirror a picture or volume, the unchanged one first."""
    choices = product((False, True), repeat=axes)
    return [View(tuple(range(axes)), tuple(i for i in range(axes) if chosen[i])) for chosen in choices]


def quarter_turns(axes: int) -> list[View]:
    """List the turns by 0, 90, 180 and 270 degrees in the plane of the last two axes."""
    straight = tuple(range(axes))
    crossed = (*straight[:-2], axes - 1, axes - 2)
    down, right = axes - 2, axes - 1
    return [View(straight), View(crossed, (down,)), View(straight, (down, right)), View(crossed, (right,))]


def average_views(network: Network, views: Sequence[View]) -> Network:
    """Wrap a network so that it answers with the mean over `views`; the sum is kept, not every answer."""
    if not views:
        raise ConfigError("no views given; expected at least one, for example flips(2)")

    def answer(batch: np.ndarray) -> np.ndarray:
        total = np.zeros((), np.float32)
        for view in views:
            total = total + view.undo(network(np.ascontiguousarray(view.apply(batch))))
        return total / np.float32(len(views))

    return answer


def average_networks(networks: Sequence[Network]) -> Network:
    """Join networks, or one network with several checkpoints, into one that answers with their mean."""
    if not networks:
        raise ConfigError("no networks given; expected at least one")

    def answer(batch: np.ndarray) -> np.ndarray:
        total = np.zeros((), np.float32)
        for network in networks:
            total = total + network(batch)
        return total / np.float32(len(networks))

    return answer
