"""Whether weights may have learned from what they are scored on: the same data, split otherwise."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.common.datasets import SPLITS, Dataset
from zoo.common.errors import ZooWarning
from zoo.training.description import all_files, digest_of_files, digest_of_names
from zoo.weights.identity import TRAINED


def warn_of_other_split(about: Mapping[str, Any], dataset: Dataset, files: str = "") -> None:
    """Warn where weights learned from the same files in another split, or from a split that was drawn of fewer cases.

    about: what the weights say of their origin. Other data, and the split that they learned from, pass in silence.
    files: the digest of the data set's files, if it is known; making it reads a part of each.
    """
    told = about.get(TRAINED)
    before = told.get("data") if isinstance(told, dict) else None
    if not isinstance(before, dict) or before.get("sha256_of_names") == digest_of_names(dataset):
        return
    if "sha256_of_files" in before and before["sha256_of_files"] == (files or digest_of_files(all_files(dataset))):
        what = "these files in another split"
        remedy = "Start from weights that saw none of them, as zoo.load gives anew for each fold"
    elif dataset.drawn and "split_drawn" in before and _has_grown(before, dataset):
        what = (
            f"{before['name']!r} with {_scored(before)} cases; of others, a split is drawn that has nothing of that one"
        )
        remedy = "Write the split down, see docs/data.md, or start from weights that saw none of them"
    else:
        return
    warnings.warn(
        f"{dataset.origin}: the weights learned from {what}, and so perhaps from images of val and test; scores will "
        f"be too good. {remedy}",
        ZooWarning,
        stacklevel=4,
    )


def _has_grown(before: Mapping[str, Any], dataset: Dataset) -> bool:
    cases = sum(record.split in SPLITS for record in dataset.records)
    return bool(before.get("name") == Path(dataset.origin).name and _scored(before) != cases)


def _scored(before: Mapping[str, Any]) -> int:
    cases = before.get("cases")
    return sum(int(cases.get(split, 0)) for split in SPLITS) if isinstance(cases, dict) else 0
