"""Training on images alone, for weights that another training starts from."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.datasets import Dataset, Record, open_dataset
from zoo.common.datasets.folders import files_of
from zoo.common.datasets.unlabelled import unknown_sample
from zoo.common.errors import ConfigError, DataError, ZooError, ZooWarning
from zoo.common.files.outputs import user_path
from zoo.common.io import SUFFIXES
from zoo.common.methods import find_method, list_methods
from zoo.common.types import Image, Sample
from zoo.prediction.channels import with_channels
from zoo.prediction.folders import list_images
from zoo.prediction.sources import Images, Item

if TYPE_CHECKING:
    from zoo.model import Model
    from zoo.training.settings import Report

UNSEEN = 10  # one image of so many is not learned from; the log has its loss


def pretrain(model: Model, images: str | Path | Dataset, method: str, **asked: Any) -> Report:
    """Train on all images of a folder, whatever their labels; the last weights are shipped.

    asked: as `Model.train`. ConfigError for a method that needs labels.
    """
    if not find_method(method).uses_images_only:
        known = ", ".join(list_methods("self-supervised"))
        raise ConfigError(f"method {method!r} needs labels; expected one of {known}. Give others to `train`")
    data = images if isinstance(images, Dataset) else images_of(user_path(images), model.scope.channels)
    return model.train(data, method=method, **{"keep": "last", **asked})


def images_of(root: Path, channels: int = 1) -> Dataset:
    """List every image below a folder as `predict` does; one in ten is for validation.

    DICOM series are volumes, and channels in files of their own one image. Masks are left out, and what the folder, as
    a data set, has for the test split, with a warning.
    """
    listing = list_images(root) if root.is_dir() else None
    every = [] if listing is None else listing.found
    found = [Item(one.name, partial(one.read, None), one.path, one.slices) for one in every]
    tested = _tested(root) if found else set()
    kept, left_out = list[Item](), list[tuple[str, str]]()
    for item in found:
        if any(path.resolve() in tested for path in _files(item)):
            left_out.append((item.name, "of the test split"))
        else:
            kept.append(item)
    left_out += [] if listing is None else listing.left_out
    items = list(with_channels(Images(kept), channels).items)
    if len(items) < 2:
        raise DataError(f"{root}: {len(items)} images; expected a folder with two or more ({', '.join(SUFFIXES)})")
    if left_out:
        warnings.warn(Images([], left_out).complaint(), ZooWarning, stacklevel=4)
    records = []
    for number, item in enumerate(sorted(items, key=lambda item: item.name)):
        name = os.path.relpath(item.name, root)
        split = "val" if number % UNSEEN == 0 else "train"
        records.append(Record(name, split, name, partial(_alone, item.load, name), _files(item)))
    return Dataset(records, str(root))


def _tested(root: Path) -> set[Path]:
    """Return the files of the test split, where the folder is a data set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZooWarning)
        try:
            data = open_dataset(root, "segmentation", unlabelled=None)
        except ZooError:
            return set()
    return {path.resolve() for record in data.records if record.split == "test" for path in record.files}


def _files(item: Item) -> tuple[Path, ...]:
    """List every file that an image is read from: all its channels, or slices."""
    return files_of(*(item.files or (item.path,)))


def _alone(load: Callable[[], Image], name: str) -> Sample:
    return unknown_sample(load(), name)
