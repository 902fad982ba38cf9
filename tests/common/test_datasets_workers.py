"""Data sets travel to other processes, and say which files they will read without opening one."""

import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from zoo.common.datasets import open_dataset

from ..conftest import skip_without
from . import official_layouts as layouts
from .test_datasets import wll_official
from .test_datasets_broken import TASKS
from .test_datasets_folders import class_folders
from .test_datasets_masks import paired
from .test_datasets_nnunet import raw


def hc18(root):
    ys, xs = np.mgrid[:24, :30]
    outline = np.abs(np.hypot((xs - 15) / 10, (ys - 12) / 8) - 1) < 0.1
    for name in ("000_HC", "001_HC", "002_HC"):
        layouts.picture(root / "training_set" / f"{name}.png", size=(24, 30))
        layouts.picture(root / "training_set" / f"{name}_Annotation.png", outline.astype(np.uint8) * 255)
    lines = [(f"{name}.png", 0.5, 28) for name in ("000_HC", "001_HC", "002_HC")]
    layouts.table(root / "training_set_pixel_size_and_HC.csv", ("filename", "pixel size(mm)", "hc (mm)"), *lines)


def luna16_patches(root):
    np.savez(root / "patches.npz", images=np.zeros((3, 5, 5), np.uint8), labels=np.array([0, 1, 0]))
    lines = [(i, 10 + i, i % 2, split) for i, split in enumerate(("train", "val", "test"))]
    layouts.table(root / "split.csv", ("index", "candidate_row", "label", "split"), *lines)


KINDS = [
    *TASKS.items(),
    (layouts.etis, "instance-segmentation"),
    (layouts.clinic, "segmentation"),
    (wll_official, "classification"),
    (hc18, "ellipse-detection"),
    (luna16_patches, "classification"),
    (class_folders, "classification"),
    (raw, "segmentation"),
    (paired, ("label", "mask")),
    (paired, ("label", "boxes")),
    *((paired, task) for task in ("classification", "segmentation", "localisation", "detection")),
]
every_kind = pytest.mark.parametrize(("write", "task"), KINDS, ids=[f"{w.__name__}-{task}" for w, task in KINDS])


@every_kind
def test_every_layout_comes_back_from_a_pickle(write, task, tmp_path):
    write(tmp_path)
    data = open_dataset(tmp_path, task)

    again = pickle.loads(pickle.dumps(data))

    assert [record.name for record in again.records] == [record.name for record in data.records]
    for key, label in data[0].labels.items():
        np.testing.assert_array_equal(again[0].labels[key], label)


@pytest.fixture
def opened():
    """Hear of every file that Python opens; hooks cannot be taken back, so this one falls silent after the test."""
    heard, listening = [], [True]

    def hook(event, arguments):
        if listening and event == "open" and isinstance(arguments[0], (str, os.PathLike)):
            heard.append(Path(arguments[0]).resolve())

    sys.addaudithook(hook)
    yield heard
    listening.clear()


@every_kind
def test_every_record_names_the_files_that_it_opens(write, task, tmp_path, opened):
    write(tmp_path)
    data = open_dataset(tmp_path, task)

    for record in data.records:
        assert record.files and all(path.is_file() for path in record.files)
        opened.clear()
        record.load()
        inside = {path for path in opened if tmp_path.resolve() in path.parents}
        assert inside <= {path.resolve() for path in record.files}


def test_opening_a_data_set_opens_no_picture(tmp_path, monkeypatch):
    from zoo.common.datasets import masks, paired_labels
    from zoo.common.datasets import paired as reader

    paired(tmp_path)
    for module in (masks, paired_labels, reader):
        for name in ("read_image", "read_mask"):
            monkeypatch.setattr(module, name, None, raising=False)

    assert len(open_dataset(tmp_path, "segmentation")) == 3


def collate(samples):
    return [float(sample.image.array.mean()) for sample in samples]


@pytest.mark.slow
def test_spawned_workers_of_a_loader_read_what_the_process_itself_reads(tmp_path):
    skip_without("torch")
    from torch.utils.data import DataLoader

    paired(tmp_path)
    data = open_dataset(tmp_path, "segmentation")

    loader = DataLoader(data, batch_size=2, num_workers=2, multiprocessing_context="spawn", collate_fn=collate)

    assert [value for batch in loader for value in batch] == collate(list(data))
