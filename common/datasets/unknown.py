"""Pixels that nobody judged, told by the name of their class: `unknown` in classes.txt, `ignore` in nnU-Net's labels.

They get the number 255 (`zoo.common.labels.UNKNOWN`), and the classes behind them move up by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from zoo.common.datasets import Record
from zoo.common.datasets.texts import folded
from zoo.common.errors import DataError
from zoo.common.labels import UNKNOWN
from zoo.common.types import Sample

NAME = "unknown"  # of the class, whatever its case


def set_apart(records: Sequence[Record], classes: tuple[str, ...], where: str) -> tuple[list[Record], tuple[str, ...]]:
    """Return cases and classes without the class called unknown, whose pixels become UNKNOWN; as given without one."""
    is_judged = [folded(name) != NAME for name in classes]
    if all(is_judged):
        return list(records), classes
    kept = tuple(name for name, judged in zip(classes, is_judged, strict=True) if judged)
    if not is_judged[0] or len(kept) > UNKNOWN:
        raise DataError(
            f"{where}: the classes {', '.join(classes[:8])} given; expected the background as number 0 and at most "
            f"{UNKNOWN} classes beside {NAME!r}. Number it last"
        )
    table = np.where(is_judged, np.cumsum(is_judged) - 1, UNKNOWN)
    return [replace(record, load=partial(_load, record.load, table)) for record in records], kept


def _load(load: Callable[[], Sample], table: np.ndarray) -> Sample:
    """Load a case; numbers beyond the table stay, for whoever checks them."""
    sample = load()
    mask = np.asarray(sample.labels["mask"])
    is_named = (mask >= 0) & (mask < len(table))
    changed = np.where(is_named, table[np.where(is_named, mask, 0)], mask)
    return replace(sample, labels={**sample.labels, "mask": changed.astype(np.promote_types(mask.dtype, np.int16))})
