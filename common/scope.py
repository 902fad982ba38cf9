"""What a network was trained on, told by a few numbers per image, and how far another image is from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from zoo.common.errors import CheckpointError
from zoo.common.modalities import modality_name
from zoo.common.types import Image

PLANE, VOLUME = 64, 20  # samples along an axis of a picture and of a volume: 4,096 and 8,000 values at most
BLACK = 0.02  # share of the range above the darkest value that counts as black
ENDS = (0.1, 99.9)  # percentiles that count as lowest and highest; frames of one film are alike, so few are cut off
SCALE = ("span", "offset")  # features of which a network knows nothing if each image is normalised by itself
GREY = 0.01  # saturation below which there is no colour
CONSTANT = 1e-6  # span of intensities below which there is nothing to see
CASES = 1000  # images that a record is made of, spread evenly; more would be read for little
SPREAD, FEW = 0.2, 5.0  # a range is widened by SPREAD + FEW / cases of its width at each end, see docs/scope.md
ENOUGH, DOUBT = 20, 10.0  # below so many cases ranges are accidents, and both width and slack count for more


@dataclass(frozen=True)
class Feature:
    """One number that tells images apart.

    slack: by how much it may always leave the range. label: its name in a reason. unit: "%" of the range of
    intensities or of the image; a feature in another unit is a logarithm to base 2. above: slack at the upper end,
    where that is another.
    """

    slack: float
    label: str
    unit: str = "%"
    above: float = 0.0


FEATURES: dict[str, Feature] = {
    "span": Feature(1.0, "intensities", ""),  # of the brightest minus the darkest
    "offset": Feature(0.35, "intensities"),  # the darkest
    "middle": Feature(0.12, "typical brightness"),
    "lower": Feature(0.12, "brightness of the darker quarter"),
    "upper": Feature(0.12, "brightness of the brighter quarter"),
    "black": Feature(0.12, "black area"),
    "colour": Feature(2.5, "saturation", " of the range"),
    "red": Feature(0.06, "tint towards red"),
    "blue": Feature(0.06, "tint towards blue"),
    "grain": Feature(0.6, "grain", " of the range"),
    "corners": Feature(0.15, "brightness of the corners"),
    "centre": Feature(0.15, "brightness of the centre"),
    "top": Feature(0.12, "brightness of top minus bottom"),
    "belt": Feature(0.12, "brightness of middle rows minus others"),
    "column": Feature(0.12, "brightness of middle columns minus others"),
    "side_px": Feature(1.3, "side", " px", above=3.5),  # more pixels than needed do no harm
    "aspect": Feature(0.4, "width over height", ""),
    "pixel_mm": Feature(0.8, "smallest pixel side", " mm"),
    "slice_mm": Feature(0.8, "largest pixel side", " mm"),
    "field_mm": Feature(0.6, "field of view", " mm"),
}


@dataclass(frozen=True)
class Record:
    """What the images of a training split looked like.

    ranges: feature -> lowest and highest of its values, but for one in 1,000 at each end. intensities: the same of the
    1st and 99th percentile of each image, to be told. modalities: what DICOM or the registry calls them; () unknown.
    """

    cases: int
    dimensions: tuple[int, ...]
    channels: tuple[int, ...]
    modalities: tuple[str, ...]
    intensities: tuple[float, float]
    ranges: Mapping[str, tuple[float, float]]

    def reasons(self, image: Image) -> tuple[str, ...]:
        """Say in which respects an image is unlike all of the training; () when it is like them."""
        found = measure(image, max(self.dimensions))
        if found is None:
            return ("nothing to see: all intensities are alike",)
        values, (low, high) = found
        out: list[str] = []
        doubt = DOUBT * max(0.0, 1 / self.cases - 1 / ENOUGH)
        share = SPREAD + FEW / self.cases + doubt
        for name, (lowest, highest) in self.ranges.items():
            if name not in values or name not in FEATURES:
                continue
            feature, margin = FEATURES[name], share * (highest - lowest)
            below, above = ((1 + doubt) * slack for slack in (feature.slack, max(feature.slack, feature.above)))
            least, most = lowest - max(below, margin), highest + max(above, margin)
            if not least <= values[name] <= most:
                out.append(_reason(name, values[name], (lowest, highest), (low, high), self.intensities))
        return tuple(dict.fromkeys(out))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the header of a weight file."""
        return {
            "cases": self.cases,
            "dimensions": list(self.dimensions),
            "channels": list(self.channels),
            "modalities": list(self.modalities),
            "intensities": [_rounded(v) for v in self.intensities],
            "ranges": {name: [_rounded(v) for v in bounds] for name, bounds in self.ranges.items()},
        }


def read_record(content: object, source: str) -> Record | None:
    """Read what to_dict() wrote; None where a checkpoint has no record. CheckpointError when it is damaged."""
    if content is None:
        return None
    try:
        given: Any = content
        record = Record(
            cases=int(given["cases"]),
            dimensions=tuple(int(n) for n in given["dimensions"]),
            channels=tuple(int(n) for n in given["channels"]),
            modalities=tuple(str(name) for name in given["modalities"]),
            intensities=_bounds(given["intensities"]),
            ranges={str(name): _bounds(bounds) for name, bounds in given["ranges"].items()},
        )
        if record.cases < 1 or not record.dimensions:
            raise ValueError("no cases or dimensions")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CheckpointError(
            f"{source}: the scope record is damaged ({error}); expected what training wrote. Download the file again"
        ) from error
    return record


def survey(
    images: Iterable[Image],
    dimensions: int | None = None,
    modalities: Sequence[str] = (),
    without: Sequence[str] = (),
) -> Record | None:
    """Describe the images of a training split; None when there is none with anything to see.

    dimensions: of the network; 2 looks at the middle slice of a volume. modalities: where the files do not say it.
    without: features that are of no consequence to the network.
    """
    values: dict[str, list[float]] = {}
    levels, channels, sizes, named = [], set(), set(), set(modalities)
    for image in images:
        found = measure(image, dimensions or image.array.ndim - 1)
        sizes.add(min(image.array.ndim - 1, dimensions or 3))
        channels.add(len(image.array))
        named |= {name} if (name := modality_name(image.modality)) else set()
        if found is None:
            continue
        levels.append(found[1])
        for name, value in found[0].items():
            values.setdefault(name, []).append(value)
    if not levels:
        return None
    ranges = {
        name: tuple(float(v) for v in np.percentile(column, ENDS))
        for name, column in values.items()
        if name not in without
        and len(column) == len(levels)  # a size in mm that only some images state says nothing about the others
    }
    low, high = np.transpose(levels)
    intensities = (float(np.percentile(low, ENDS[0])), float(np.percentile(high, ENDS[1])))
    return Record(len(levels), _sorted(sizes), _sorted(channels), tuple(sorted(named)), intensities, ranges)  # type: ignore[arg-type]


def spread_evenly(count: int, most: int = CASES) -> list[int]:
    """Choose at most `most` of `count` indices, evenly."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})


def measure(image: Image, dimensions: int) -> tuple[dict[str, float], tuple[float, float]] | None:
    """Measure the features of an image, and its 1st and 99th percentile; None when all intensities are alike.

    Looks at a few thousand values at even distances, so that a volume costs little more than a picture. Percentiles are
    those of what is not black, because the share of the background depends on how the image was cut.
    """
    array, spacing = image.array, image.spacing_mm
    if array.ndim == 4 and dimensions == 2:
        array, spacing = array[:, array.shape[1] // 2], spacing and spacing[1:]
    sparse = _sparse(array)
    grey = sparse.mean(axis=0)
    darkest, brightest = float(grey.min()), float(grey.max())
    ground = grey[grey > darkest + BLACK * (brightest - darkest)]
    if brightest - darkest < CONSTANT or ground.size == 0:
        return None
    low, lower, middle, upper, high = (float(v) for v in np.percentile(ground, (1, 25, 50, 75, 99)))
    span = max(high - darkest, CONSTANT)
    values = {
        "span": math.log2(span),
        "offset": darkest / span,
        **{name: (v - darkest) / span for name, v in (("middle", middle), ("lower", lower), ("upper", upper))},
        "black": 1 - ground.size / grey.size,
        **_colours(sparse, grey, span),
        "grain": math.log2(max(_grain(grey) / span, 1e-4)),
        **_layout((grey - darkest) / span),
        **_extent(array.shape[1:], spacing),
    }
    return values, (min(low, darkest), high)


def _sparse(array: np.ndarray) -> np.ndarray:
    target = PLANE if array.ndim == 3 else VOLUME
    steps = [max(1, -(-n // target)) for n in array.shape[1:]]
    return array[
        (
            slice(None),
            *(slice(min(step // 2, n - 1), None, step) for n, step in zip(array.shape[1:], steps, strict=True)),
        )
    ]


def _colours(sparse: np.ndarray, grey: np.ndarray, span: float) -> dict[str, float]:
    if len(sparse) < 3:
        return {"colour": math.log2(GREY), "red": 0.0, "blue": 0.0}
    spread = float((sparse[:3].max(axis=0) - sparse[:3].min(axis=0)).mean()) / span
    red, blue = (float((sparse[i] - grey).mean()) / span for i in (0, 2))
    return {"colour": math.log2(max(spread, GREY)), "red": red, "blue": blue}


def _grain(grey: np.ndarray) -> float:
    """Return the mean difference of neighbours along rows; of samples, so that a finer grid changes little."""
    return float(np.abs(np.diff(grey, axis=-1)).mean()) if grey.shape[-1] > 1 else 0.0


def _layout(shares: np.ndarray) -> dict[str, float]:
    """Tell how bright corners, middle, top and bottom are: means of blocks of a sixth and of a third of each side."""
    ends = [max(1, n // 6) for n in shares.shape]
    corners = [
        shares[tuple(slice(end) if first else slice(-end, None) for first, end in zip(place, ends, strict=True))].mean()
        for place in product((True, False), repeat=shares.ndim)
    ]
    thirds = [slice(n // 3, max(n // 3 + 1, n - n // 3)) for n in shares.shape]
    rows, columns = (np.array_split(shares.mean(axis=tuple(a for a in range(shares.ndim) if a != axis)), 3)
                     for axis in (shares.ndim - 2, shares.ndim - 1))  # fmt: skip
    top, between, bottom = (float(part.mean()) if part.size else 0.0 for part in rows)
    left, inner, right = (float(part.mean()) if part.size else 0.0 for part in columns)
    return {
        "corners": float(np.mean(corners)),
        "centre": float(shares[tuple(thirds)].mean()),
        "top": top - bottom,
        "belt": between - (top + bottom) / 2,
        "column": inner - (left + right) / 2,
    }


def _extent(size: Sequence[int], spacing_mm: Sequence[float] | None) -> dict[str, float]:
    found = {
        "side_px": math.log2(math.prod(size)) / len(size),
        "aspect": math.log2(size[-1] / size[-2]),
    }
    if spacing_mm is None:
        return found
    sides_mm = [n * s for n, s in zip(size, spacing_mm, strict=True)]
    return found | {
        "pixel_mm": math.log2(min(spacing_mm)),
        "slice_mm": math.log2(max(spacing_mm)),
        "field_mm": math.log2(math.prod(sides_mm)) / len(size),
    }


def _reason(
    name: str, value: float, bounds: tuple[float, float], given: tuple[float, float], usual: tuple[float, float]
) -> str:
    feature = FEATURES[name]
    if feature.label == "intensities":
        return f"intensities {given[0]:.4g} to {given[1]:.4g}, trained on {usual[0]:.4g} to {usual[1]:.4g}"
    if feature.unit == "%":
        shown, low, high = (f"{100 * v:.0f}" for v in (value, *bounds))
    else:
        shown, low, high = (f"{2.0**v:.3g}" for v in (value, *bounds))
    return f"{feature.label} {shown}{feature.unit}, trained on {low} to {high}{feature.unit}"


def _sorted(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(numbers))


def _bounds(pair: Any) -> tuple[float, float]:
    low, high = (float(v) for v in pair)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"{pair} is not finite")
    return low, high


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
