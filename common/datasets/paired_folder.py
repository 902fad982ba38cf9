"""A folder of pictures and what labels them, read once: its tables, its masks, its COCO file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from zoo.common.datasets.boxes import Boxes, Marks, read_boxes, read_regions
from zoo.common.datasets.classes import called_normal, class_number, named
from zoo.common.datasets.coco_files import coco_file
from zoo.common.datasets.columns import split_name
from zoo.common.datasets.folders import Names, by_name, pictures
from zoo.common.datasets.mask_names import MASK_FOLDERS, cases_of, mask_for, shown
from zoo.common.datasets.outlines import CocoObjects
from zoo.common.datasets.tables import Line, Table, find_split_table, find_table, read_table
from zoo.common.datasets.usage import find_groups, find_splits, index_lines
from zoo.common.errors import DataError

INSTANCE_COLUMNS = ("n_nuclei", "n_pos")
USED = ("label", *INSTANCE_COLUMNS)


@dataclass(frozen=True)
class Folder:
    """What lies in the folder, read once; pictures are not opened."""

    root: Path
    classes: tuple[str, ...]  # of classes.txt
    images: Names
    masks: Names
    table: Table | None  # split.csv
    rows: dict[str, Line] = field(default_factory=dict)  # its lines by name of the image
    splits: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    grouped_by: str = ""
    points: dict[str, list[Line]] | None = None
    ignored: dict[str, Marks] | None = None
    channels: dict[str, tuple[Path, ...]] = field(default_factory=dict)  # of images of several files, by name
    coco: Path | None = None  # the COCO file that outlines the objects

    @cached_property
    def boxes(self) -> Boxes | None:
        """What boxes.csv or a COCO file says; read when asked for."""
        return read_boxes(self.root, self.images, self.classes, self.coco)

    @cached_property
    def objects(self) -> CocoObjects | None:
        """What a COCO file outlines; read when asked for."""
        return None if self.coco is None else CocoObjects(self.coco, self.images)

    def is_labelled(self, name: str) -> bool:
        """Whether it is known what the pixels of an image show."""
        return self.mask_of(name) is not None or self.is_normal(name) or self.outlines(name)

    def outlines(self, name: str) -> bool:
        """Whether a COCO file outlines an image, or says that there is nothing; masks come first."""
        if self.masks or self.coco is None or self.objects is None:
            return False
        return name in self.objects.entries and self.objects.has_outlines

    @property
    def counts_instances(self) -> bool:
        """The masks number things, not classes."""
        return self.table is not None and any(name in self.table.columns for name in INSTANCE_COLUMNS)

    @property
    def has_labels(self) -> bool:
        """There is a column of class labels."""
        return self.table is not None and "label" in self.table.columns

    @property
    def named_classes(self) -> tuple[str, ...]:
        """What the masks count, where columns of split.csv say so."""
        columns = self.table.written.items() if self.table else ()
        return tuple(name.split("_", 1)[1] for tidied, name in columns if tidied.startswith(("vox_", "frac_")))

    @property
    def named_labels(self) -> tuple[str, ...]:
        """The classes of the column `label` where they are names, in the order of the alphabet."""
        return named(line.values.get("label", "") for line in self.rows.values())

    @property
    def named_points(self) -> tuple[str, ...]:
        """The classes of points.csv where they are names, in the order of the alphabet."""
        lines = [line for same in (self.points or {}).values() for line in same]
        return named(line.values.get("cls", "") for line in lines)

    def found_mask(self, name: str) -> str | None:
        """Return the name of the mask of an image; None without one."""
        return mask_for(name, self.masks, f"{self.root}, mask of {name}")

    def mask_of(self, name: str) -> Path | None:
        """Return the mask of an image; None without one."""
        found = self.found_mask(name)
        return None if found is None else self.masks[found]

    @cached_property
    def lacking(self) -> str:
        """Say of the first image without a mask that it has none; the same words for all of them."""
        without = (name for name in self.images if not self.is_labelled(name))
        return why_no_mask(self, next(without, ""))

    def label_of(self, name: str) -> int | None:
        """Return the class number of an image; None where its line has none."""
        line = self.rows.get(name)
        if line is None or not line.values.get("label"):
            return None
        return class_number(line.values["label"], self.classes or self.named_labels, line.where)

    def is_normal(self, name: str) -> bool:
        """Say whether the label of an image stands for nothing found: by its name, or 0 where no class is so called."""
        number, names = self.label_of(name), self.classes or self.named_labels
        if number is not None and any(called_normal(other) for other in names):
            return called_normal(names[number])
        return number == 0

    @property
    def table_name(self) -> str:
        """The name of the table of the split."""
        return self.table.path.name if self.table else "split.csv"

    def written(self, column: str) -> str:
        """Return a column's name as the table of the split has it."""
        return self.table.written.get(column, column) if self.table else column


def mask_folders(root: Path) -> list[Path]:
    """List the folders of masks; one that is called after other things as well (annotations) has to hold pictures."""
    found = [root / name for name in MASK_FOLDERS if (root / name).is_dir()]
    return [path for path in found if path.name in ("masks", "labels") or pictures(path)]


def open_folder(root: Path, classes: tuple[str, ...]) -> Folder:
    """Read the tables of a folder, and find the image that each of their lines means."""
    masks = next((by_name(folder) for folder in mask_folders(root)), Names())
    images, channels = cases_of(by_name(root / "images"), masks)
    table, grouped_by = None, ""
    rows: dict[str, Line] = {}
    splits: dict[str, str] = {}
    groups: dict[str, str] = {}
    if (path := find_split_table(root)) is not None:
        table = read_table(path).renamed("id", "image", "label")
        rows = index_lines(table, images, root / "images")
        column = find_splits(table)
        splits = {name: split_name(line.values.get(column, "")) if column else "" for name, line in rows.items()}
        groups, grouped_by = find_groups(table, rows, ("id", "image", "split", *USED))
        if column:
            table = replace(table, written=table.written | {"split": table.written[column]})
    places = _points_by_name(root, images), read_regions(root, images)
    return Folder(
        root, classes, images, masks, table, rows, splits, groups, grouped_by, *places, channels, coco_file(root)
    )


def _points_by_name(root: Path, images: Names) -> dict[str, list[Line]] | None:
    if (path := find_table(root, "points")) is None:
        return None
    table = read_table(path).renamed("id", "image", "cls")
    if missing := [name for name in ("x", "y") if name not in table.columns]:
        raise DataError(
            f"{table.path}: columns {', '.join(table.written.values())}; expected id, x, y and, with several classes, "
            f"cls. Name the column of {missing[0]}"
        )
    return index_lines(table, images, root / "images", several=True)


def why_no_mask(folder: Folder, name: str) -> str:
    """Say that an image has no mask, with examples of both sides."""
    lost = [other for other in folder.images if folder.mask_of(other) is None]
    used = {folder.found_mask(image) for image in folder.images}
    spare = [other for other in folder.masks if other not in used]
    return (
        f"{folder.root}: no mask for {name}; looked in {', '.join(MASK_FOLDERS)}, which hold {len(folder.masks)}. "
        f"Images without one: {shown(lost)}; masks without an image: {shown(spare)}. Name both alike, or a mask "
        f"{name}_seg, {name}_mask or {name}_label"
    )
