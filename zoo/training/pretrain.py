"""Training on images alone, for weights that another training starts from."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.datasets import Dataset, Record
from zoo.common.datasets.folders import walk
from zoo.common.datasets.unlabelled import image_alone
from zoo.common.errors import ConfigError, DataError
from zoo.common.files.outputs import user_path
from zoo.common.io import SUFFIXES
from zoo.common.methods import find_method, list_methods

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
    data = images if isinstance(images, Dataset) else images_of(user_path(images))
    return model.train(data, method=method, **{"keep": "last", **asked})


def images_of(root: Path) -> Dataset:
    """List every image below a folder; one in ten is for validation."""
    files = [path for path in walk(root) if path.name.lower().endswith(SUFFIXES)] if root.is_dir() else []
    if len(files) < 2:
        raise DataError(f"{root}: {len(files)} images; expected a folder with two or more ({', '.join(SUFFIXES)})")
    records = []
    for number, path in enumerate(sorted(files)):
        name = str(path.relative_to(root))
        split = "val" if number % UNSEEN == 0 else "train"
        records.append(Record(name, split, name, partial(image_alone, (path,), name, name), (path,)))
    return Dataset(records, str(root))
