"""What methods with a teacher share: how it follows the network, and the noise that its images get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zoo.common.methods.contract import Moment
from zoo.common.methods.kinds import Ramped, SemiSupervised
from zoo.common.ranges import Count, NotNegative, ShareBelowOne


@dataclass(frozen=True)
class Following(Ramped):
    """Has a teacher that is an average of the network's own weights (Tarvainen & Valpola 2017)."""

    has_teacher: ClassVar[bool] = True

    decay: ShareBelowOne = 0.99  # of the teacher, at its full length
    period: Count = 100  # steps by which the first decays rise, so that the teacher forgets what it was drawn as
    noise: NotNegative = 0.1  # standard deviation that is added to the teacher's images, in those of the batch
    noise_limit: NotNegative = 0.2  # beyond which noise is cut

    def teacher_decay(self, moment: Moment) -> float:
        """Return min(1 - 1 / (k + 1), decay), where k counts periods."""
        return min(1 - 1 / (moment.step / self.period + 1), self.decay)


@dataclass(frozen=True)
class Taught(Following, SemiSupervised):
    """Learns from its teacher on images without a mask."""


def draw_turn(shape: tuple[int, ...], rng: np.random.Generator) -> int:
    """Draw a number of quarter turns; half turns only where the last two sides differ."""
    return int(rng.integers(4)) if shape[-1] == shape[-2] else 2 * int(rng.integers(2))


def draw_noise(
    shape: tuple[int, ...], deviation: float, limit: float, rng: np.random.Generator, scale: float = 1.0
) -> np.ndarray:
    """Draw normal noise, cut beyond a limit, both as multiples of a scale; the same numbers in both frameworks."""
    return (scale * np.clip(deviation * rng.standard_normal(shape), -limit, limit)).astype(np.float32)
