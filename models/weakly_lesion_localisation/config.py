"""The configuration of WeaklyLesionLocalisation: both networks, input, map, losses, named variants, recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.common.ranges import (
    Count,
    Levels,
    Lungs,
    Names,
    NotNegative,
    Open,
    Positive,
    Share,
    ShareBelowOne,
    Whole,
    WindowFrom,
)
from zoo.common.recipe import Recipe
from zoo.common.records import later

STRIDED = 4  # first blocks of the critic, which halve the grid


@dataclass(frozen=True)
class Config:
    """What the networks look like and what they see; the defaults are the shipped small variant."""

    classes: Names = ("normal", "covid")
    background: str = "normal"  # the class without a finding; a name that is not in classes means the first
    design: Literal["separate", "tied", "subtractive"] = "subtractive"  # of the generator; the first two are published
    filters: Count = 8  # of the generator's first level, twice as many on each below
    depth: Levels = 3  # levels of the generator
    critic: tuple[Count, ...] = (12, 24, 48, 96, 96)  # channels of the critic's blocks; the first four have stride 2
    input_channels: Count = 1  # of the picture; the networks see their mean
    input_size: tuple[Count, Count] = (96, 96)  # (h, w) [px]
    mean: tuple[float, ...] = (0.0,)  # of the intensities scaled to 0..1; one, or one per channel
    std: tuple[Positive, ...] = (1.0,)
    crop: str = "lung"  # lung: the square around what is not black; none: the whole image
    noise: NotNegative = 0.05  # deviation of what is laid over the lungs before the critic sees them
    critic_weight: NotNegative = 1.0  # of the critic's terms
    penalty: NotNegative = 0.1  # of the critic's gradient, beside its other terms
    penalty_centre: Share = 0.0  # length that the gradient is drawn to: 1 as published, or 0
    fooled_weight: NotNegative = 1.0  # of the critic's word in the generator's loss
    normal_weight: NotNegative = 10.0  # of what is taken away from normal slices; published: of two differences
    lesion_weight: NotNegative = 2.0  # of what is taken away from slices with a finding; published: of one difference
    rule: Literal["own", "published"] = "own"  # published: differences of 8 bits, cut at `published_level`
    map: Literal["lesion", "difference", "brighter"] = "lesion"  # what the map shows: l, |x - h| or max(x - h, 0)
    roi: Literal["none", "lung"] = "none"  # lung: the finished map is zero where the picture is black
    smooth_px: NotNegative = (
        5.0  # deviation of a Gaussian over the lung, at a picture of 256 px; 0: none. Own rule only
    )
    map_scale: Positive = 0.5  # what has to be taken away, of 0..1, to be 1 in the map, which shows square roots of it
    map_threshold: ShareBelowOne = 0.3  # of the map, above which mask and boxes begin
    published_level: Whole = 40  # difference of 8 bits from which the published mask begins
    smallest_px: Whole = 20  # regions of fewer pixels of the image get no box
    slice_level: Positive = (
        0.005  # mean of the lung that is taken away, of 0..1, at which the odds of a finding are even
    )
    threshold: Open = 0.5  # of two classes, the second is named from this probability on
    class_weights: tuple[NotNegative, ...] = ()  # not used by these losses
    window: tuple[float, ...] = later(())  # (centre, width) [HU] of raw CT; () where training saw 8-bit pictures
    window_from: WindowFrom = later("checkpoint")  # file: the window that a DICOM file names counts instead
    lungs: Lungs = later("cut")  # raw CT becomes black around the lungs; whole: it does not
    top_slices: int = later(5)  # most suspicious slices that the summary of a series is the mean of

    @property
    def is_published(self) -> bool:
        """Whether networks and losses are the published ones."""
        return self.design != "subtractive"

    @property
    def finding(self) -> int:
        """Number of the class that has something to find."""
        return 1 - self.normal

    @property
    def normal(self) -> int:
        """Number of the class that has nothing."""
        return self.classes.index(self.background) if self.background in self.classes else 0


def _published(design: Literal["separate", "tied"]) -> Config:
    return Config(
        design=design,
        filters=64,
        depth=5,
        critic=(64, 128, 256, 512, 512, 512, 512),
        input_size=(256, 256),
        mean=(0.5,),
        std=(0.5,),
        crop="none",
        noise=0.0,
        critic_weight=0.01,
        penalty=10.0,
        penalty_centre=1.0,
        fooled_weight=0.01,
        normal_weight=200.0,
        lesion_weight=200.0,
        rule="published",
        map="difference",
        smooth_px=0.0,
        smallest_px=20,
        slice_level=0.02,
    )


VARIANTS: dict[str, Config] = {
    "paper": _published("separate"),
    "paper-tied": _published("tied"),
    "small": Config(),
    "tiny": Config(filters=4, depth=2, critic=(4, 8, 8), input_size=(32, 32)),
}

_PUBLISHED = Recipe(
    epochs=120,
    batch_size=4,
    learning_rate=2e-4,
    warmup_epochs=0.0,
    final_factor=1.0,
    betas=(0.5, 0.9),
    weight_decay=0.0,
    keep="last",
)
_SMALL = Recipe(
    epochs=4,
    batch_size=8,
    learning_rate=1e-3,
    rates=(("critic.", 0.5),),
    warmup_epochs=0.0,
    final_factor=1.0,
    betas=(0.5, 0.9),
    weight_decay=0.0,
    ema_decay=0.99,
    keep="last",
)
RECIPES: dict[str, Recipe] = {
    "paper": _PUBLISHED,
    "paper-tied": _PUBLISHED,
    "small": _SMALL,
    "tiny": Recipe(epochs=2, batch_size=2, learning_rate=2e-3, warmup_epochs=0.0, betas=(0.5, 0.9), keep="last"),
}
