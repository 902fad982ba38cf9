"""Damaged tables and files give a ZooError that names the place, never a bare exception of Python."""

import numpy as np
import pytest

from zoo.common.datasets import open_dataset
from zoo.common.errors import ZooError

from . import official_layouts as layouts
from .test_datasets import ucsd_reduced, wll_reduced
from .test_datasets_masks import paired

TASKS = {
    layouts.covid_19_20: "segmentation",
    layouts.covid_19_ct_seg: "segmentation",
    layouts.bcdata: "point-detection",
    layouts.endoscope: "segmentation",
    layouts.pranet: "detection",
    layouts.monuseg: "instance-segmentation",
    layouts.mm_whs: "segmentation",
    layouts.luna16: "detection",
    layouts.ffcv: "ellipse-detection",
    layouts.focus: "ellipse-detection",
    layouts.msd: "segmentation",
    layouts.bids: "segmentation",
    wll_reduced: "classification",
    ucsd_reduced: "classification",
    paired: "point-detection",
}
TEXTS = (".csv", ".json", ".xml", ".txt", ".tsv", ".mhd")


def damaged(content, rng):
    """Cut a text short, put letters for its numbers, drop its header, or overwrite some of its bytes."""
    kind = rng.integers(4)
    if kind == 0:
        return content[: int(rng.integers(len(content)))]
    if kind == 1:
        digits = [i for i, byte in enumerate(content) if 48 <= byte <= 57]
        place = int(rng.choice(digits)) if digits else 0
        return content[:place] + b"abc" + content[place + 1 :]
    if kind == 2:
        return content.partition(b"\n")[2]
    values = bytearray(content)
    for place in rng.integers(len(values), size=3):
        values[place] = rng.integers(256)
    return bytes(values)


@pytest.mark.parametrize("write", TASKS, ids=lambda write: write.__name__)
def test_damaged_tables_are_read_or_refused(write, tmp_path):
    write(tmp_path)
    texts = sorted(path for path in tmp_path.rglob("*") if path.suffix in TEXTS)
    rng = np.random.default_rng(0)
    for _ in range(25 if texts else 0):
        path = texts[int(rng.integers(len(texts)))]
        content = path.read_bytes()
        path.write_bytes(damaged(content, rng))
        try:
            for sample in open_dataset(tmp_path, TASKS[write]):
                assert np.isfinite(sample.image.array).all()
        except ZooError as error:
            assert str(error)
        path.write_bytes(content)


@pytest.mark.parametrize("write", TASKS, ids=lambda write: write.__name__)
def test_files_that_are_cut_short_or_gone_are_refused(write, tmp_path):
    write(tmp_path)
    rng = np.random.default_rng(0)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in TEXTS)
    for path in rng.permutation(files)[:4]:
        content = path.read_bytes()
        for cut in (None, 0, len(content) // 2):
            path.unlink(missing_ok=True)
            if cut is not None:
                path.write_bytes(content[:cut])
            try:
                list(open_dataset(tmp_path, TASKS[write]))
            except ZooError as error:
                assert str(error)
        path.write_bytes(content)
