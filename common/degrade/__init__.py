"""Masks made worse on purpose: scribbles, points, boxes, wrong borders, or none, for studies of learning from them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import numpy as np

from zoo.common.datasets import NOISY, UNLABELLED, Dataset, Record
from zoo.common.degrade.partly import boxes, points, scribbles
from zoo.common.degrade.wrongly import wrong_borders
from zoo.common.errors import ConfigError
from zoo.common.labels import UNKNOWN
from zoo.common.types import Sample

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]  # of one picture's mask (h, w)
KINDS: Mapping[str, Change] = MappingProxyType(
    {"scribbles": scribbles, "points": points, "boxes": boxes, "noise": wrong_borders}
)


def degrade_mask(mask: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Change a mask (h, w), or (d, h, w) slice by slice; 255 is unknown in what comes out, as it is in the mask."""
    if kind not in KINDS:
        raise ConfigError(f"kind={kind!r} given; expected one of {', '.join(KINDS)}")
    unknown = mask == UNKNOWN
    whole = np.where(unknown, 0, mask)
    changed = KINDS[kind](whole, rng) if mask.ndim == 2 else np.stack([KINDS[kind](plane, rng) for plane in whole])
    return np.where(unknown, UNKNOWN, changed).astype(np.int16)


def degrade(
    dataset: Dataset,
    kind: str | None,
    *,
    share: float = 1.0,
    labelled_share: float = 1.0,
    tells: bool = False,
    seed: int = 0,
) -> Dataset:
    """Return a data set whose training masks are worse; validation and test masks stay.

    kind: of KINDS; None changes no mask. share: of the training cases whose masks are changed. labelled_share: of the
    training groups (patients) that keep masks at all, at least one; the others become the split `unlabelled`.
    tells: cases whose masks are changed become the split `noisy`.
    """
    for name, value in (("share", share), ("labelled_share", labelled_share)):
        if not 0 < value <= 1:
            raise ConfigError(f"{name}={value} given; expected more than 0 and at most 1")
    training = [record for record in dataset.records if record.split == "train"]
    kept = _drawn(sorted({record.group for record in training}), labelled_share, seed)
    changed = _drawn(sorted(record.name for record in training), share, seed) if kind else set()

    def treated(record: Record) -> Record:
        if record.split != "train":
            return record
        if record.group not in kept:
            return replace(record, split=UNLABELLED)
        if record.name not in changed or kind is None:
            return record
        split = NOISY if tells else record.split
        return replace(record, split=split, load=partial(_degraded, record.load, kind, seed, record.name))

    records = [treated(record) for record in dataset.records]
    return Dataset(records, dataset.origin, dataset.classes, dataset.drawn, dataset.counted)


def _drawn(names: list[str], share: float, seed: int) -> set[str]:
    """Draw a share of some names, at least one; more of a larger share hold those of a smaller one."""
    order = np.random.default_rng(seed).permutation(len(names))
    return {names[i] for i in order[: max(1, round(share * len(names)))]}


def _degraded(load: Callable[[], Sample], kind: str, seed: int, name: str) -> Sample:
    """Load a case with a worse mask, which depends on the seed and the name of the case alone."""
    sample = load()
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    mask = degrade_mask(np.asarray(sample.labels["mask"]), kind, rng)
    return replace(sample, labels={**sample.labels, "mask": mask}, files={})
