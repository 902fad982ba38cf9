"""Labelled data on disk: one reader per official layout, and a generic one for folders and manifests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, cast, overload

from zoo.common.errors import DataError, OutputError
from zoo.common.files.outputs import is_there, user_path
from zoo.common.labels import LABELS, TASKS, ways_to_read
from zoo.common.types import Sample

if TYPE_CHECKING:
    from zoo.common.datasets.two_folders import FolderPair

SPLITS = ("train", "val", "test")
UNLABELLED = "unlabelled"  # a fourth split: images for methods that learn from images alone
NOISY = "noisy"  # a fifth: masks that are known to be wrong in places, for methods that know what to do with them


@dataclass(frozen=True)
class Record:
    """One case that has not been read yet.

    split: train, val, test, unlabelled or noisy; "" when the data set has none, then open_dataset() draws one.
    group: what must not cross splits (patient, examination, volume).
    files: every file that load() opens, the image first; empty where there are none.
    part: which of several cases that lie in files[0] (slice, patch); None where the file is one case.
    lacks: why the case has no label, as an error says it; "" for cases that have one, see unlabelled.py.
    split_from, grouped_by: where split and group come from, in words for `describe_split`; "" says nothing.
    """

    name: str
    split: str
    group: str
    load: Callable[[], Sample]
    files: tuple[Path, ...] = ()
    part: int | None = None
    split_from: str = ""
    grouped_by: str = ""
    lacks: str = ""


class Reader(Protocol):
    """A module that reads one layout."""

    def recognises(self, root: Path) -> bool:
        """Say whether the path looks like this layout, without reading any picture."""

    def read(self, root: Path, task: str) -> list[Record]:
        """List the cases; raise DataError when the layout is broken or the task is not served."""

    def classes(self, root: Path, task: str) -> tuple[str, ...]:
        """Name the classes that the labels count, in order; () when the data does not say."""


# modules, by name: a reader is imported when it is tried, the generic one last
READERS: dict[str, str] = {
    "hc18": "zoo.common.datasets.hc18",
    "covid_ct_wll": "zoo.common.datasets.covid_ct_wll",
    "covid_ct_ucsd": "zoo.common.datasets.covid_ct_ucsd",
    "cxr_lungs": "zoo.common.datasets.cxr_lungs",
    "covid_19_20": "zoo.common.datasets.covid_19_20",
    "covid_19_ct_seg": "zoo.common.datasets.covid_19_ct_seg",
    "bcdata": "zoo.common.datasets.bcdata",
    "endoscope": "zoo.common.datasets.endoscope",
    "polyps": "zoo.common.datasets.polyps",
    "monuseg": "zoo.common.datasets.monuseg",
    "mm_whs": "zoo.common.datasets.mm_whs",
    "luna16": "zoo.common.datasets.luna16",
    "luna16_patches": "zoo.common.datasets.luna16_patches",
    "ffcv": "zoo.common.datasets.ffcv",
    "focus": "zoo.common.datasets.focus",
    "nnunet": "zoo.common.datasets.nnunet",
    "msd": "zoo.common.datasets.msd",
    "bids": "zoo.common.datasets.bids",
    "ki67_ihc": "zoo.common.datasets.ki67_ihc",
    "dsb": "zoo.common.datasets.dsb",
    "yolo": "zoo.common.datasets.yolo",
    "voc": "zoo.common.datasets.voc",
    "paired": "zoo.common.datasets.paired",
    "coco": "zoo.common.datasets.coco_folders",
    "manifest": "zoo.common.datasets.manifest",
    "one_folder": "zoo.common.datasets.one_folder",
}


class Dataset(Sequence[Sample]):
    """A list of samples that are read when asked for."""

    def __init__(
        self,
        records: Iterable[Record],
        origin: str = "",
        classes: tuple[str, ...] = (),
        drawn: Mapping[str, int] = MappingProxyType({}),
        counted: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        self.records = tuple(records)
        self.origin = origin  # named in errors
        self.classes = classes  # what the labels count; () when the data does not say
        self.counted = dict(counted)  # what further labels of a sample count, by label, where the data says so
        self.drawn = dict(drawn)  # how the split was drawn: its seed, the fold; empty when the data set brings one

    @property
    def groups(self) -> tuple[str, ...]:
        """One group per sample, in order."""
        return tuple(record.group for record in self.records)

    def describe_split(self) -> str:
        """Say in one line how many cases each split has, how it came about, and what stays together."""
        return describe_split(self.records, self.drawn)

    def split(self, name: str) -> Dataset:
        """Keep the cases of one split; "all" keeps those of train, val and test, whose labels are there and sound."""
        if name == "all":
            chosen = tuple(record for record in self.records if record.split not in (UNLABELLED, NOISY))
        else:
            chosen = tuple(record for record in self.records if record.split == name)
        if not chosen:
            sizes = {split: sum(record.split == split for record in self.records) for split in SPLITS}
            raise DataError(f"{self.origin}: no case in split {name!r}; the sizes are {sizes}")
        return Dataset(chosen, self.origin, self.classes, self.drawn, self.counted)

    def fold(self, fold: int, folds: int = 5, seed: int = 0) -> Dataset:
        """Split anew for one turn of a cross-validation, see `draw_folds`; the data set's own split is given up.

        Cases without a mask, or of a wrong one, stay what they are; those of groups that are scored are left out.
        """
        from zoo.common.datasets.unlabelled import beside
        from zoo.common.splits import draw_folds

        records = draw_folds([record for record in self.records if record.split in ("", *SPLITS)], folds, fold, seed)
        records += beside(records, [r for r in self.records if r.split in (UNLABELLED, NOISY)], self.origin)
        drawn = {"seed": seed, "folds": folds, "fold": fold}
        return Dataset(records, self.origin, self.classes, drawn, self.counted)

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Sample]:
        return (record.load() for record in self.records)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Dataset: ...
    def __getitem__(self, index: int | slice) -> Sample | Dataset:
        if isinstance(index, slice):
            return Dataset(self.records[index], self.origin, self.classes, self.drawn, self.counted)
        return self.records[index].load()


def open_dataset(
    path: str | Path | FolderPair,
    task: str | Sequence[str],
    *,
    layout: str | None = None,
    seed: int = 0,
    unlabelled: bool | None = False,
) -> Dataset:
    """List the cases under a path, or those of a folder of images and one of masks.

    task: one of `zoo.common.labels.TASKS`, or the labels that every sample shall have, such as ("label", "mask").
    layout: a key of READERS; found from the files when None.
    seed: of the group-wise 70/15/15 split that is drawn when the data set brings none.
    unlabelled: keep images without a mask as the split `unlabelled`; None leaves them out with a warning; else one is
        an error.
    """
    from zoo.common.datasets.columns import split_name
    from zoo.common.datasets.places import placed
    from zoo.common.datasets.unknown import set_apart, with_one_meaning
    from zoo.common.datasets.unlabelled import beside, part, settle
    from zoo.common.splits import check_files, check_groups, draw_splits

    root, records, named, counted = _read(path, task, layout)
    is_masks = task == "segmentation" or tuple(task) == ("mask",)
    records, classes = set_apart(records, named, str(root)) if is_masks else (records, named)
    records = [
        record if record.split in SPLITS else replace(record, split=split_name(record.split)) for record in records
    ]
    records, without, noisy = part(records) if is_masks else (records, [], [])
    if not records:
        settle(records, without, False, str(root))
    drawn = {} if any(record.split for record in records) else {"seed": seed}
    if drawn:
        records = draw_splits(records, seed)
    check_groups(records, str(root))
    records += beside(records, noisy, str(root)) + settle(records, without, unlabelled, str(root))
    records = with_one_meaning(records, named) if is_masks else records
    check_files(records, str(root))
    records = [replace(record, load=partial(placed, record.load, f"{root}, {record.name}")) for record in records]
    return Dataset(records, str(root), classes, drawn, counted)


def _read(
    path: str | Path | FolderPair, task: str | Sequence[str], layout: str | None
) -> tuple[Path | FolderPair, list[Record], tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Return where the cases lie, their records, and what their labels count."""
    from zoo.common.datasets.classes import check_background
    from zoo.common.datasets.joined import counted_beside, read_joined
    from zoo.common.datasets.two_folders import FolderPair, read_pair

    if isinstance(path, FolderPair):
        return path, *read_pair(path, task), {}
    root = _root(path)
    if not (ways := ways_to_read(task)):
        raise DataError(f"task {task!r} is unknown; choose one of {', '.join(TASKS)}, or labels of {', '.join(LABELS)}")
    if layout is not None and layout not in READERS:
        raise DataError(f"layout {layout!r} is unknown; choose one of {', '.join(READERS)}")
    name = layout or _find_layout(root)
    try:
        records, classes = read_joined(_reader(name), root, ways)
        counted = {} if isinstance(task, str) else counted_beside(_reader(name), root, task, classes)
        if ways[0][0] == "segmentation":
            check_background(classes, str(root))
    except (KeyError, ValueError, TypeError, ArithmeticError, OSError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"{root}: read as {name}, but its tables do not hold what they should ({reason})") from error
    if not records:
        raise DataError(f"{root}: read as {name}, no case found for {task}; {describe(root)}")
    return root, records, classes, counted


def _root(path: str | os.PathLike[str]) -> Path:
    """Find where a data set lies; DataError where none can."""
    if not isinstance(path, str | os.PathLike):
        raise DataError(f"{type(path).__name__} given as data; expected the path of a folder or manifest, or a Dataset")
    try:
        root = user_path(path)  # "" would mean the folder that the process is in
    except OutputError as error:
        raise DataError(str(error)) from None
    if not is_there(root):
        raise DataError(f"{root}: there is no such file or folder")
    return root


def describe(root: Path, limit: int = 8) -> str:
    """Say in a few words what lies at a path, for error messages."""
    if root.is_file():
        return f"it is a file of {root.stat().st_size} bytes"
    names = sorted(path.name + "/" * path.is_dir() for path in root.iterdir())
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"it holds {', '.join(names[:limit])}{more}" if names else "it is empty"


def describe_split(records: Sequence[Record], drawn: Mapping[str, int]) -> str:
    """Say in one line how a split came about: its sizes, the seed or the source, the groups."""
    present = {record.split for record in records}
    named = (*SPLITS, *(split for split in (UNLABELLED, NOISY) if split in present))
    sizes = ", ".join(f"{sum(record.split == split for record in records)} {split}" for split in named)
    if "fold" in drawn:
        how = f"fold {drawn['fold']} of {drawn['folds']}, drawn with seed {drawn['seed']}"
    elif drawn:
        how = f"drawn with seed {drawn['seed']}, because the data brings no split"
    else:
        how = " and ".join(sorted({record.split_from for record in records} - {""})) or "as the data set has it"
    groups = len({record.group for record in records})
    by = " and ".join(sorted({record.grouped_by for record in records} - {""}))
    if groups == len(records) and not by:
        by = "each image for itself"
    return f"split: {sizes}; {how}; {by or 'grouped'}, {groups} groups of {len(records)} cases"


def _reader(name: str) -> Reader:
    return cast(Reader, import_module(READERS[name]))


def _find_layout(root: Path) -> str:
    for name in READERS:
        if _reader(name).recognises(root):
            return name
    raise DataError(f"{root}: tried the layouts {', '.join(READERS)}, none fits; {describe(root)}; see docs/data.md")
