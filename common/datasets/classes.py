"""Which number means which class: in tables of names, and between a data set and a model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.datasets import Dataset
from zoo.common.datasets.tables import whole
from zoo.common.datasets.texts import MASK_CLASS_LIST, check_names, folded
from zoo.common.errors import DataError, ZooWarning
from zoo.common.labels import UNKNOWN, misplaced_background
from zoo.common.types import Sample

if TYPE_CHECKING:
    from zoo.common.algorithm import Algorithm

COUNTED = ("label", "mask", "boxes", "points", "ellipses")  # labels that count classes; instances have none
ALIKE = "Name the classes alike, in classes.txt too where some of them have no case"
MOST_NAMED = 8  # classes in a remedy
NORMAL = ("normal", "healthy", "negative", "no finding", "none", "background", "control")


def called_normal(name: str) -> bool:
    """Say whether a class is called as those are that show nothing."""
    return name.casefold() in NORMAL


def normal_class(classes: Sequence[str]) -> int:
    """Return the number of the class that shows nothing, by its name; the first where no name says it.

    It is called as such classes are, or denies another one, as NonCOVID beside COVID.
    """
    denied = {no + folded(name) for name in classes for no in ("no", "non", "not")}
    says = (called_normal, lambda name: folded(name) in denied)
    return next((i for is_normal in says for i, name in enumerate(classes) if is_normal(name)), 0)


def named(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the classes of a column in the order of the alphabet; () where it holds numbers, or nothing."""
    names = tuple(sorted({text for text in texts if text}))
    if all(whole(name) is not None for name in names):
        return ()
    check_names(names, "column of class names")
    return names


def class_number(label: str, names: tuple[str, ...], where: str) -> int:
    """Return the number of a class that a table gives by name or by number."""
    if label in names:
        return names.index(label)
    number = whole(label)
    if number is not None and (not names or number < len(names)):  # a number points into the names
        return number
    raise DataError(f"{where}: label {label!r}; expected {', '.join(names) or 'a number from 0'}")


def check_named(mask: np.ndarray, limit: int, path: Path) -> None:
    """Raise DataError where a mask holds a class that classes.txt does not name."""
    known = mask[mask != UNKNOWN] if limit <= UNKNOWN else mask
    if known.max(initial=0) >= limit:
        raise DataError(
            f"{path}: class {known.max()}; classes.txt names {limit}, the background first; expected 0 to {limit - 1}. "
            "Add the missing names, one per line, or correct the mask"
        )


def check_background(classes: tuple[str, ...], where: str) -> None:
    """Raise DataError where masks have a class called background that is not number 0."""
    if number := misplaced_background(classes):
        raise DataError(
            f"{where}: names number 0 {classes[0]!r} and number {number} {classes[number]!r}; expected the background "
            "as number 0. If 0 in the masks is the background, list it first; else renumber the masks"
        )


def renumber(given: tuple[str, ...], wanted: tuple[str, ...], where: str, remedy: str = ALIKE) -> np.ndarray:
    """Return for each given number the wanted number of the same name; DataError where the names differ."""
    if sorted(given) == sorted(wanted):
        return np.array([wanted.index(name) for name in given], np.int64)
    missing, extra = [n for n in wanted if n not in given], [n for n in given if n not in wanted]
    if misspelt(given, wanted):
        remedy = "They differ only in spelling: write them alike (folders, column `label`, classes.txt)"
    elif missing == ["background"]:
        remedy = "Add the background as the first line of classes.txt"
    raise DataError(
        f"{where}: classes {', '.join(given)} given; expected {', '.join(wanted)}. Missing: "
        f"{', '.join(missing) or 'none'}; too many: {', '.join(extra) or 'none'}. {remedy}"
    )


def misspelt(given: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Say whether two lists name the same classes but for case, blanks and hyphens."""
    return sorted(given) != sorted(wanted) and sorted(map(folded, given)) == sorted(map(folded, wanted))


def counted_alike(dataset: Dataset, algorithm: Algorithm[Any]) -> Dataset:
    """Return the data set with every label that has names counted in the algorithm's order, see aligned()."""
    first, *others = algorithm.labels
    dataset = aligned(dataset, algorithm.counted(first), first)
    for key in others:
        given, wanted = dataset.counted.get(key, ()), algorithm.counted(key)
        if given and wanted and given != wanted:
            field = next(name for name in algorithm.heads if getattr(algorithm.config, name) == wanted)
            remedy = (
                f"Name them alike in {MASK_CLASS_LIST}, or load the model for these: zoo.load(..., {field}={given})"
            )
            dataset = _renumbered(dataset, given, wanted, key, remedy)
            dataset.counted[key] = wanted
    return dataset


def aligned(dataset: Dataset, classes: tuple[str, ...], key: str) -> Dataset:
    """Return the data set with its labels counted in the order of `classes`.

    Equal names in another order are renumbered, with a warning; other names raise DataError. Without names the numbers
    are taken as they are, and one beyond the classes raises DataError when its case is read.
    key: the label that counts the classes; others of the same sample (the mask of localisation is 0 or 1) stay.
    """
    if key not in COUNTED or dataset.classes == classes:
        return dataset
    changed = _renumbered(dataset, dataset.classes, classes, key)
    changed.classes = classes if dataset.classes else ()
    return changed


def _renumbered(
    dataset: Dataset, given: tuple[str, ...], wanted: tuple[str, ...], key: str, remedy: str = ALIKE
) -> Dataset:
    table = None
    if given:
        of = f" of {key}" if key in dataset.counted else ""
        table = renumber(given, wanted, f"{dataset.origin}{of}, beside the model", remedy)
        warnings.warn(
            f"{dataset.origin}: counts its classes{of} as {', '.join(given)}; its labels are renumbered to the "
            f"model's {', '.join(wanted)}",
            ZooWarning,
            stacklevel=4,
        )
    records = [
        replace(record, load=partial(_load, record.load, key, table, len(wanted), record.name))
        for record in dataset.records
    ]
    return Dataset(records, dataset.origin, dataset.classes, dataset.drawn, dataset.counted)


def _remedy(key: str, largest: int) -> str:
    """Say what to do about numbers beyond the classes of a model; so many classes are greys rather."""
    names = ["background" if key == "mask" else "class 0", *(f"class {i}" for i in range(1, largest + 1))]
    naming = "name the classes of the data in classes.txt, a line each"
    if key == "mask" and len(names) > MOST_NAMED:
        return (
            "Is it a picture of greys, such as a mask made brighter to be seen? Save class numbers, 0, 1, ..., as PNG "
            f"or NIfTI; if these are numbers, {naming}, and train a model for as many"
        )
    return f"{naming.capitalize()}, such as {', '.join(names[:MOST_NAMED])}; a model is then trained for as many"


def _load(load: Callable[[], Sample], key: str, table: np.ndarray | None, classes: int, name: str) -> Sample:
    sample = load()
    if key not in sample.labels:
        return sample
    label = np.asarray(sample.labels[key])
    numbers = label if key in ("label", "mask") else label[:, 0].astype(np.int64)
    if table is None:
        numbers = numbers[numbers != UNKNOWN] if key == "mask" and classes <= UNKNOWN else numbers
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < classes:
            raise DataError(
                f"{name}: {key} holds class {numbers.max()}; the model counts {classes}, from 0. "
                f"{_remedy(key, int(numbers.max()))}"
            )
        return sample
    is_class = (numbers >= 0) & (numbers < len(table))  # 255 may say that a pixel is not judged
    changed = np.where(is_class, table[np.where(is_class, numbers, 0)], numbers).astype(numbers.dtype)
    if key not in ("label", "mask"):
        changed = np.hstack([changed[:, None].astype(label.dtype), label[:, 1:]])
    return replace(sample, labels={**sample.labels, key: changed})
