"""What the methods of one kind share: how much their own term weighs in the course of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.common.errors import ConfigError
from zoo.common.methods.contract import Method, Moment
from zoo.common.methods.ramps import sigmoid_ramp
from zoo.common.ranges import NotNegative, Share


@dataclass(frozen=True)
class Ramped(Method):
    """A term of its own beside the supervised one, whose weight rises."""

    weight: NotNegative = 0.1  # of the method's own term, at the end of its rise
    rise: tuple[Share, Share] = (0.0, 0.8)  # shares of the run between which that weight rises

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rise[0] > self.rise[1]:
            raise ConfigError(f"rise={self.rise} given; expected the earlier share of the run first")

    def ramp(self, moment: Moment) -> float:
        """Return how much of its weight the method's own term has, 0..1."""
        return sigmoid_ramp(moment.share, self.rise)

    def weight_at(self, moment: Moment) -> float:
        """Return the weight of the method's own term."""
        return self.weight * self.ramp(moment)


@dataclass(frozen=True)
class SemiSupervised(Ramped):
    """Learns from images without a mask, too."""

    kind: ClassVar[str] = "semi-supervised"
    second: ClassVar[str] = "unlabelled"

    labelled_share: Share = 0.5  # of a batch; the rest of it are images without a mask


@dataclass(frozen=True)
class WeaklySupervised(Ramped):
    """Learns from masks of which only a part was drawn; 255 is unknown."""

    kind: ClassVar[str] = "weakly-supervised"
    takes_loss: ClassVar[bool] = False  # cross-entropy of the marked pixels
    uses_partial: ClassVar[bool] = True


@dataclass(frozen=True)
class SelfSupervised(Method):
    """Learns from images alone, to start another method from."""

    kind: ClassVar[str] = "self-supervised"
    takes_loss: ClassVar[bool] = False
    uses_images_only: ClassVar[bool] = True


@dataclass(frozen=True)
class NoisyLabels(Method):
    """Learns from masks that are wrong in places."""

    kind: ClassVar[str] = "noisy-labels"
