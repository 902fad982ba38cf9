"""Which cases a method gets: images without a mask, masks of which a part is unknown, and nobody else's patients."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from zoo.common.datasets import Dataset, Record, open_dataset
from zoo.common.datasets.two_folders import FolderPair
from zoo.common.errors import ConfigError, DataError, ZooWarning
from zoo.common.labels import UNKNOWN
from zoo.common.methods import find_method, list_methods
from zoo.common.methods.data import fitting
from zoo.common.types import Image, Sample
from zoo.loading import algorithm_of
from zoo.registry import Entry, load_registry

from .harness import draw_dataset, draw_sample, open_model, scribbled

LABELS = ("mask",)
MASK = np.zeros((8, 8), np.uint8)
MASK[2:5, 2:5] = 1


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(array).save(path)


def draw_folder(root: Path, names: str, masked: str) -> Path:
    """Write images of different greys, and masks for some of them."""
    for number, name in enumerate(names):
        save(root / "images" / f"{name}.png", np.full((8, 8), 10 + number, np.uint8))
        if name in masked:
            save(root / "masks" / f"{name}.png", MASK)
    return root


def splits_of(dataset: Dataset) -> dict[str, str]:
    return {Path(record.name).stem: record.split for record in dataset.records}


def test_images_beside_masks_that_have_none_are_unlabelled(tmp_path: Path) -> None:
    data = open_dataset(draw_folder(tmp_path, "abcdef", "abcd"), "segmentation", unlabelled=True)

    assert [name for name, split in splits_of(data).items() if split == "unlabelled"] == ["e", "f"]
    assert {split for name, split in splits_of(data).items() if name in "abcd"} == {"train", "val", "test"}
    assert (data.split("unlabelled")[0].labels["mask"] == UNKNOWN).all()


def test_an_image_without_a_mask_stays_an_error_where_nobody_learns_from_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no mask for e.*zoo methods --kind semi-supervised"):
        open_dataset(draw_folder(tmp_path, "abcdef", "abcd"), "segmentation")


def test_an_image_without_a_mask_is_an_error_in_the_test_split(tmp_path: Path) -> None:
    draw_folder(tmp_path, "abcd", "abc")
    (tmp_path / "split.csv").write_text("id,split\na,train\nb,val\nc,test\nd,test\n")

    with pytest.raises(DataError, match="no mask for d"):
        open_dataset(tmp_path, "segmentation", unlabelled=True)


def test_images_of_a_tested_patient_are_not_learned_from(tmp_path: Path) -> None:
    draw_folder(tmp_path, "abcde", "abc")
    (tmp_path / "split.csv").write_text(
        "id,split,patient\na,train,1\nb,val,2\nc,test,3\nd,unlabelled,3\ne,unlabelled,1\n"
    )

    with pytest.warns(ZooWarning, match="1 images without a label are left out"):
        data = open_dataset(tmp_path, "segmentation", unlabelled=True)

    assert len(data.split("unlabelled")) == 1


def test_a_pair_of_folders_and_a_manifest_have_unlabelled_images(tmp_path: Path) -> None:
    draw_folder(tmp_path, "abcde", "abcd")
    lines = ["image,mask,split", "images/a.png,masks/a.png,train", "images/b.png,masks/b.png,val"]
    (tmp_path / "list.csv").write_text("\n".join([*lines, "images/e.png,,train"]) + "\n")

    pair = open_dataset(FolderPair(tmp_path / "images", tmp_path / "masks"), "segmentation", unlabelled=True)
    listed = open_dataset(tmp_path / "list.csv", "segmentation", unlabelled=True)

    assert splits_of(pair)["e"] == splits_of(listed)["e"] == "unlabelled"
    with pytest.raises(DataError, match="column 'mask' is missing or empty"):
        open_dataset(tmp_path / "list.csv", "segmentation")


def test_a_case_that_is_set_apart_forgets_its_mask(tmp_path: Path) -> None:
    draw_folder(tmp_path, "abcd", "abcd")
    (tmp_path / "split.csv").write_text("id,split\na,train\nb,val\nc,test\nd,unlabelled\n")

    data = open_dataset(tmp_path, "segmentation", unlabelled=True)

    assert (data.split("unlabelled")[0].labels["mask"] == UNKNOWN).all()
    with pytest.warns(ZooWarning, match="1 images without a label are left out, such as"):
        assert len(open_dataset(tmp_path, "segmentation")) == 3


@pytest.mark.parametrize("names", [("background", "Unknown", "heart"), ("background", "heart", "unknown")])
def test_a_class_called_unknown_is_no_class(names: tuple[str, ...], tmp_path: Path) -> None:
    heart, unknown = names.index("heart"), 3 - names.index("heart")
    mask = MASK * heart
    mask[7] = unknown
    draw_folder(tmp_path, "abcd", "")
    for name in "abcd":
        save(tmp_path / "masks" / f"{name}.png", mask)
    (tmp_path / "classes.txt").write_text("\n".join(names))

    data = fitting(open_dataset(tmp_path, LABELS), find_method("gated-crf"), LABELS)

    found = data[0].labels["mask"]
    assert data.classes == ("background", "heart")
    assert (found[7] == UNKNOWN).all() and ((found == 1) == (MASK == 1)).all()


def in_memory(mask: np.ndarray, split: str = "train") -> Dataset:
    sample = Sample(Image(np.zeros((1, 8, 8), np.float32)), {"mask": mask})
    return Dataset([Record("a", split, "a", lambda: sample)], "memory")


def test_255_in_a_training_mask_is_an_error_for_a_method_that_needs_whole_masks() -> None:
    data = fitting(in_memory(np.where(MASK, 1, UNKNOWN)), find_method("supervised"), LABELS)

    with pytest.raises(DataError, match="zoo methods --kind weakly-supervised"):
        data[0]


def test_a_file_of_background_and_255_is_not_black_and_white_for_scribbles(tmp_path: Path) -> None:
    draw_folder(tmp_path, "abc", "")
    for name in "abc":
        save(tmp_path / "masks" / f"{name}.png", MASK * 255)
    draw_folder(tmp_path, "d", "d")
    (tmp_path / "split.csv").write_text("id,split\na,train\nb,val\nc,test\nd,train\n")

    data = fitting(open_dataset(tmp_path, "segmentation"), find_method("gated-crf"), LABELS)

    assert np.array_equal(data.split("train")[0].labels["mask"], MASK * 255)
    assert np.array_equal(data.split("val")[0].labels["mask"], MASK)


def test_black_and_white_masks_are_an_error_where_white_would_be_unknown(tmp_path: Path) -> None:
    draw_folder(tmp_path, "abc", "")
    for name in "abc":
        save(tmp_path / "masks" / f"{name}.png", MASK * 255)
    (tmp_path / "split.csv").write_text("id,split\na,train\nb,val\nc,train\n")

    with pytest.raises(DataError, match="none of 2 training masks marks any class; gated-crf takes 255 for unknown"):
        fitting(open_dataset(tmp_path, "segmentation"), find_method("gated-crf"), LABELS)


def test_masks_known_to_be_wrong_have_to_be_whole() -> None:
    data = fitting(in_memory(np.where(MASK, 1, UNKNOWN), "noisy"), find_method("dast"), LABELS)

    with pytest.raises(DataError, match="expected a class for every pixel"):
        data[0]


def test_the_baseline_of_an_evaluation_takes_255_for_unknown_in_all_scribbles(tmp_path: Path) -> None:
    draw_folder(tmp_path, "abcde", "e")
    background = np.where(np.indices((8, 8))[0] < 2, 0, 255)  # as of a picture without the class
    for name, scribbles in (("a", background), ("b", background), ("c", np.where(MASK, 1, 255)), ("d", MASK)):
        save(tmp_path / "masks" / f"{name}.png", scribbles.astype(np.uint8))
    (tmp_path / "split.csv").write_text("id,split\na,train\nb,train\nc,train\nd,val\ne,test\n")

    result = open_model("torch").evaluate(tmp_path)

    assert result.baseline["dice"] == 1


@pytest.mark.parametrize("entry", load_registry().values(), ids=lambda entry: entry.name)
def test_every_entry_serves_a_method_or_says_by_name_that_it_cannot(entry: Entry) -> None:
    algorithm = algorithm_of(entry, "tiny")
    served = set()
    for name in list_methods():
        try:
            find_method(name).check(algorithm, entry.name)
            served.add(name)
        except ConfigError as error:
            assert str(error).startswith(f"{entry.name} cannot be trained by {name}")

    assert "supervised" in served
    assert (len(served) > 10) == (entry.task == "segmentation")
    assert (len(served) == len(list_methods())) == (entry.name in ("2D-UNet", "3D-UNet"))


def test_unknown_pixels_pass_every_change_and_count_in_no_score() -> None:
    model = open_model("torch")
    sample = scribbled(draw_sample(model, 0), 0.5)
    changed = model.algorithm.augment(sample, np.random.default_rng(0))

    found = set(np.unique(model.algorithm.targets(changed)["mask"]))
    mask = np.asarray(draw_sample(model, 0).labels["mask"])
    half = replace(sample, labels={"mask": np.where(np.arange(mask.shape[1]) < mask.shape[1] // 2, mask, UNKNOWN)})
    answer = model.algorithm.answer(np.where(half.labels["mask"] == UNKNOWN, 1, mask), half.image)

    assert found == {0, 1, UNKNOWN}
    assert model.algorithm.score(answer, half).row["dice_lung"] == 1


def test_an_evaluation_leaves_images_without_a_mask_out_and_says_so(tmp_path: Path) -> None:
    model = open_model("torch")

    with pytest.warns(ZooWarning, match="2 images without a label are left out, such as e"):
        result = model.evaluate(draw_folder(tmp_path, "abcdef", "abcd"), split="test")

    assert len(result.rows) == 1


def test_a_method_without_what_it_learns_from_says_so(tmp_path: Path) -> None:
    model = open_model("torch")

    with pytest.raises(DataError, match="none of the split unlabelled; mean-teacher learns from images without a mask"):
        model.train(draw_dataset(model, unlabelled=0), out=tmp_path / "run", method="mean-teacher", epochs=1)
    with pytest.raises(ConfigError, match="method 'meanteacher' is unknown; expected one of supervised"):
        model.train(draw_dataset(model), out=tmp_path / "run", method="meanteacher")
    with pytest.raises(ConfigError, match="unknown option wait; expected some of weight"):
        model.train(draw_dataset(model), out=tmp_path / "run", method="uamt", method_options={"wait": 1})
    with pytest.raises(ConfigError, match="'sum' is unknown; expected one of cross-entropy"):
        model.train(draw_dataset(model), out=tmp_path / "run", loss="sum")


def test_methods_are_listed_by_kind() -> None:
    kinds = {name: find_method(name).kind for name in list_methods()}

    assert kinds["supervised"] == "supervised" and next(iter(kinds)) == "supervised"
    assert list_methods("semi-supervised") == [name for name, kind in kinds.items() if kind == "semi-supervised"]
    with pytest.raises(ConfigError, match="kind='semi' given; expected one of supervised"):
        list_methods("semi")


def test_the_page_of_methods_names_every_method() -> None:
    page = (Path(__file__).parents[2] / "docs" / "methods.md").read_text(encoding="utf-8")

    assert [name for name in list_methods() if f"\n| {name} | {find_method(name).kind} |" not in page] == []
