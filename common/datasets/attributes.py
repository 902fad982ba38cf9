"""What is known of a case beside its labels (sex, scanner, site): tables beside the data, sidecars, DICOM tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from zoo.common.datasets import Dataset, Record
from zoo.common.datasets.columns import find_column
from zoo.common.datasets.folders import walk, without_suffix
from zoo.common.datasets.tables import Table, columns, read_table, tables_in
from zoo.common.datasets.texts import folded, read_json
from zoo.common.errors import DataError

# what may be asked for: other names of the same, without case, blanks, hyphens and underscores; its DICOM keyword
ALIASES: dict[str, tuple[tuple[str, ...], str]] = {
    "sex": (("sex", "gender", "patientsex", "participantsex"), "PatientSex"),
    "age": (("age", "patientage", "ageyears", "ageatscan"), "PatientAge"),
    "scanner": (
        ("scanner", "scannermodel", "manufacturermodelname", "manufacturersmodelname"),
        "ManufacturerModelName",
    ),
    "manufacturer": (("manufacturer", "vendor"), "Manufacturer"),
    "site": (("site", "siteid", "center", "centre", "hospital", "institution", "institutionname"), "InstitutionName"),
}
KEYS = ("image", "id", "group")  # meanings of the columns by which a line finds its case, in this order
MOST_NAMED = 12  # columns in an error
NO_COLUMNS = ("image", "mask", "instances", "boxes", "points")  # their cells are paths, or objects of a case


def attribute(dataset: Dataset, column: str) -> list[str]:
    """Return what a column says of each case, "" where it says nothing; DataError where nobody knows the column.

    Looked for, in this order: tables beside the data (the manifest, split.csv, participants.tsv, any other), by the
    case's image, id or group; the .json beside a picture, as BIDS and dcm2niix write it; the tags of DICOM files.
    """
    written: dict[str, str] = {}
    for path in _paths(dataset):
        heads = _heads(path)
        written |= heads
        if own := next((head for name in _names(column) for head in heads if folded(head) == name), None):
            found = _from_table(read_table(path), own, dataset.records)
            if any(found):
                return found
    for read in (_from_sidecar, _from_dicom):
        found = [read(record, column) for record in dataset.records]
        if any(found):
            return found
    known = ", ".join(sorted(written.values())[:MOST_NAMED])
    raise DataError(
        f"{dataset.origin or 'data'}: nothing says {column!r} of its cases; expected a column of a table beside the "
        f"data{f' (there are {known})' if known else ''}, a key of the .json beside each picture, or a DICOM keyword "
        f"such as PatientSex. Add a table such as patients.csv with the columns patient and {column}"
    )


def _paths(dataset: Dataset) -> list[Path]:
    """List the tables that lie with the data, the manifest first."""
    root = Path(dataset.origin) if dataset.origin else None
    if root is None or not root.exists():
        return []
    return list(dict.fromkeys([root, *tables_in(root.parent)])) if root.is_file() else tables_in(root)


def _heads(path: Path) -> dict[str, str]:
    """Return the columns of a table that may describe a case: tidied name -> name as written."""
    try:
        found = read_table(path).written if path.suffix.lower() == ".jsonl" else {name: name for name in columns(path)}
    except DataError:  # a table that nobody asked for may be anything
        return {}
    return {name: text for name, text in found.items() if folded(name) not in NO_COLUMNS}


def _from_table(table: Table, column: str, records: Sequence[Record]) -> list[str]:
    keys = [find_column(meaning, [name for name in table.columns if name != column]) for meaning in KEYS]
    indices = [_index(table, key, column) for key in dict.fromkeys(keys) if key is not None]
    return [next((value for index in indices for value in _looked_up(index, record)), "") for record in records]


def _index(table: Table, key: str, column: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in table.lines:
        for spelled in _spellings(line.values.get(key, "")):
            found.setdefault(spelled, set()).add(line.values.get(column, ""))
    return found


def _looked_up(index: dict[str, set[str]], record: Record) -> Iterable[str]:
    """Yield the one value that lines of a case, or of its group, agree on; nothing where they do not."""
    texts = [record.name, *(path.as_posix() for path in record.files[:1]), record.group]
    for text in texts:
        for spelled in _spellings(text):
            values = index.get(spelled, set()) - {""}
            if len(values) == 1:
                yield next(iter(values))


def _spellings(text: str) -> list[str]:
    """Return the ways to name a case, the exact one first: with its folder, without suffix, without folder."""
    if not text:
        return []
    path = text.strip().replace("\\", "/")
    last = path.rsplit("/", 1)[-1]
    return list(dict.fromkeys([path, without_suffix(path), last, without_suffix(last), last.removeprefix("sub-")]))


def _names(column: str) -> tuple[str, ...]:
    spelled = folded(column)
    others = next((names for names, tag in ALIASES.values() if spelled in names or spelled == folded(tag)), ())
    return (spelled, *others)


def _from_sidecar(record: Record, column: str) -> str:
    if not record.files:
        return ""
    first = record.files[0]
    path = first.with_name(without_suffix(first.name) + ".json")
    if path == first or not path.is_file():
        return ""
    content = read_json(path)
    values = {folded(str(name)): value for name, value in content.items()} if isinstance(content, dict) else {}
    found = next((values[name] for name in _names(column) if name in values), "")
    return str(found) if isinstance(found, str | int | float) else ""


def _from_dicom(record: Record, column: str) -> str:
    from pydicom import dcmread
    from pydicom.datadict import tag_for_keyword

    from zoo.common.io.dicom import is_dicom

    keyword = next((tag for names, tag in ALIASES.values() if folded(column) in names), column)
    if not record.files or tag_for_keyword(keyword) is None:
        return ""
    first = next(iter(walk(record.files[0]))) if record.files[0].is_dir() else record.files[0]
    if not is_dicom(first):
        return ""
    value = str(dcmread(first, stop_before_pixels=True, specific_tags=[keyword]).get(keyword, "")).strip()
    return value.lstrip("0").removesuffix("Y") if keyword == "PatientAge" and value.endswith("Y") else value
