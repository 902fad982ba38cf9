"""Which rows of a batch make pairs: one with a finding, and a normal one."""

from __future__ import annotations

import numpy as np

from zoo.common.errors import TrainingError

from .config import Config


def rows_of_pairs(labels: np.ndarray, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows with a finding and, as many, the normal ones; the fewer kind begins again from its first.

    labels: (n,). TrainingError where a batch has one kind only.
    """
    kinds = [np.flatnonzero(labels == number) for number in (config.finding, config.normal)]
    if not all(len(rows) for rows in kinds):
        raise TrainingError(f"a batch with labels {labels.tolist()} given; expected slices with and without a finding")
    longest = max(len(rows) for rows in kinds)
    finding, normal = (np.resize(rows, longest) for rows in kinds)
    return finding, normal
