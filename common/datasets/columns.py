"""What a column of a table means: names are compared without case, blanks, hyphens, underscores, dots and brackets."""

from __future__ import annotations

import difflib
import re

from zoo.common.datasets import NOISY, UNLABELLED
from zoo.common.datasets.texts import folded

# the first of these that a table has is used; what is called after them means the same
MEANINGS: dict[str, tuple[str, ...]] = {
    "image": ("image", "file", "filename", "filepath", "path", "imagepath", "imagefile", "imagename", "picture"),
    "id": ("id", "imageid", "name", "caseid", "case"),
    "split": ("split", "splits", "datasplit"),
    "group": (
        *("group", "groups", "groupid", "patient", "patients", "patientid", "patientname", "pid"),
        *("patid", "patientno", "patientnr", "patientnumber", "mrn", "medicalrecordnumber"),
        *("subject", "subjects", "subjectid", "participant", "participantid", "casegroup", "case", "caseid"),
        *("exam", "examid", "examination", "examinationid", "study", "studyid", "studyuid", "studyinstanceuid"),
        *("accession", "accessionnumber", "series", "seriesid", "seriesuid", "seriesinstanceuid", "scan", "scanid"),
        *("volume", "volumeid", "slide", "slideid", "video", "videoid", "run"),
    ),
    "label": ("label", "labels", "class", "classname", "category", "target"),
    "mask": ("mask", "maskpath", "maskfile", "segmentation", "segmentationpath"),
    "pixel_mm": ("pixelmm", "pixelsizemm", "spacingmm"),
    "cls": ("cls", "class", "label", "category"),
}
# a column of this name is the split where all its values name one
PERHAPS_SPLIT = ("set", "subset", "partition", "fold", "phase", "usage", "role")
SPLIT_NAMES: dict[str, tuple[str, ...]] = {
    "train": ("train", "training", "trainset", "trainingset", "trn", "tr"),
    "val": ("val", "valid", "validation", "validate", "valset", "validationset", "dev", "development"),
    "test": ("test", "testing", "testset", "tst", "ts", "holdout"),
}


def tidy(name: str) -> str:
    """Return a column's name in small letters, with one underscore for blanks, hyphens, dots and brackets."""
    return re.sub(r"[\s_.()\[\]-]+", "_", name.casefold()).strip("_")


def find_column(meaning: str, columns: list[str]) -> str | None:
    """Return the column that has a meaning, by the order of MEANINGS; None without one."""
    spelled = {folded(column): column for column in columns}
    return next((spelled[name] for name in MEANINGS[meaning] if name in spelled), None)


def misspelt(columns: list[str], meanings: tuple[str, ...]) -> dict[str, str]:
    """Return the columns that nearly have a meaning, each with the name that may be meant."""
    names = [name for meaning in meanings for name in MEANINGS[meaning] if len(name) > 4]
    others = [column for column in columns if not folded(column).startswith("slice")]  # is near `slide`
    close = {column: difflib.get_close_matches(folded(column), names, 1, 0.85) for column in others}
    return {column: found[0] for column, found in close.items() if found and folded(column) != found[0]}


def split_name(text: str) -> str:
    """Return train, val, test, unlabelled or noisy for any usual spelling; others as they are, to be refused."""
    spelled = folded(text)
    if spelled in ("unlabelled", "unlabeled"):
        return UNLABELLED
    if spelled == NOISY:
        return NOISY
    return next((split for split, names in SPLIT_NAMES.items() if spelled in names), text)
