"""2D-UNet without its network: scaling, targets, answers in the image's frame, volumes, augmentation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.errors import ConfigError, DataError, HeadReinitialisedWarning, InputError
from zoo.common.types import Image, Sample
from zoo.models.unet2d.algorithm import UNet2D
from zoo.models.unet2d.augment import draw_slice
from zoo.models.unet2d.config import ORIGINAL, VARIANTS, Config

TINY = VARIANTS["tiny"]
THREE = replace(TINY, classes=("background", "right lung", "left lung"))


def disc(size: tuple[int, int], label: int = 1) -> np.ndarray:
    """Draw a filled ellipse over the middle half of a picture."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    inside = ((rows / size[0] - 0.45) / 0.25) ** 2 + ((columns / size[1] - 0.5) / 0.3) ** 2 < 1
    return np.where(inside, label, 0).astype(np.int16)


def perfect(mask: np.ndarray, config: Config) -> np.ndarray:
    """Build the logits of a network that answers the target."""
    if config.maps == 1:
        return np.where(mask == 1, 9.0, -9.0).astype(np.float32)[None]
    return np.stack([np.where(mask == k, 9.0, -9.0) for k in range(config.maps)]).astype(np.float32)


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the Dice coefficient of everything marked."""
    return float(2 * ((found > 0) & (found == truth)).sum() / ((found > 0).sum() + (truth > 0).sum()))


@pytest.mark.parametrize("config", [TINY, replace(TINY, two_maps=True), THREE])
@pytest.mark.parametrize("size", [(64, 64), (256, 200), (61, 333), (20, 20)])
def test_perfect_answer_gives_the_mask_back(config: Config, size: tuple[int, int]) -> None:
    algorithm = UNet2D(config)
    truth = disc(size, label=len(config.classes) - 1)
    sample = Sample(Image(np.zeros((1, *size), np.float32)), {"mask": truth})

    answer = algorithm.postprocess({"logits": perfect(algorithm.targets(sample)["mask"], config)}, sample.image)

    assert answer.labels.shape == size
    assert overlap(answer.labels, truth) > 0.93


def test_probability_of_a_single_map_is_its_sigmoid() -> None:
    algorithm = UNet2D(replace(TINY, probabilities=True))
    image = Image(np.zeros((1, 64, 64), np.float32))

    answer = algorithm.postprocess({"logits": np.full((1, 64, 64), 1.5, np.float32)}, image)

    np.testing.assert_allclose(answer.probabilities[1], 1 / (1 + np.exp(-1.5)), rtol=1e-5)
    assert (answer.labels == 1).all()


@pytest.mark.parametrize("factor", [1, 1 / 255, 257])
def test_scale_of_the_intensities_does_not_matter(factor: float) -> None:
    algorithm = UNet2D(TINY)
    array = UNet2D.example(TINY, np.random.default_rng(0)).image.array

    scaled = algorithm.preprocess(Image(array * np.float32(factor)))["image"]

    np.testing.assert_allclose(scaled, algorithm.preprocess(Image(array))["image"], atol=1e-5)


def test_stated_intensities_are_the_window() -> None:
    algorithm = UNet2D(replace(TINY, intensities=(-1000.0, 500.0)))
    array = np.full((1, 64, 64), -250, np.float32)
    array[0, 0] = -2000
    array[0, 1] = 3000

    window = algorithm.preprocess(Image(array))["image"]

    assert (window.min(), window.max()) == (0, 1)
    assert window[0, 30, 30] == pytest.approx(0.5)


def test_flat_image_stays_finite() -> None:
    assert np.isfinite(UNet2D(TINY).preprocess(Image(np.full((1, 9, 9), 7, np.float32)))["image"]).all()


def test_published_form_sees_a_mirrored_margin() -> None:
    algorithm = UNet2D(replace(ORIGINAL, width=1))

    seen = algorithm.preprocess(Image(np.random.default_rng(0).random((1, 100, 90)).astype(np.float32)))["image"]

    assert seen.shape == (1, 572, 572)
    np.testing.assert_array_equal(seen[0, :92], seen[0, 184:92:-1])


@pytest.mark.parametrize(
    "changes",
    [
        {"input_size": (62, 64)},
        {"norm": "group"},
        {"padding": "reflect"},
        {"padding": "none", "levels": 4},
        {"intensities": (5.0,)},
        {"intensities": (5.0, 5.0)},
        {"classes": ("background",)},
    ],
)
def test_impossible_options_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="expected"):
        UNet2D(replace(TINY, **changes))


def test_mask_with_an_unknown_class_is_refused() -> None:
    sample = Sample(Image(np.zeros((1, 64, 64), np.float32), name="x"), {"mask": np.full((64, 64), 2)})

    with pytest.raises(DataError, match="x: class numbers 2"):
        UNet2D(TINY).targets(sample)


def test_image_without_rows_and_columns_is_refused() -> None:
    with pytest.raises(InputError, match="expects"):
        UNet2D(TINY).preprocess(Image(np.zeros((1, 9), np.float32)))


def test_volume_is_answered_slice_by_slice(framework: str, tmp_path: Path) -> None:
    model = zoo.load("2D-UNet", backend=framework, checkpoint=None, variant="tiny", intensities=(0.0, 255.0))
    slices = [UNet2D.example(TINY, np.random.default_rng(i)).image.array for i in range(3)]
    volume = Image(np.stack(slices, axis=1), (3.0, 1.0, 0.8), name="volume")

    whole = model.predict(volume)

    alone = [model.predict(Image(array)).labels for array in slices]
    np.testing.assert_array_equal(whole.labels, np.stack(alone))
    assert whole.save(tmp_path / "mask").name == "mask.nii.gz"


def test_volume_can_be_averaged_over_views_and_give_probabilities() -> None:
    pytest.importorskip("torch")
    model = zoo.load("2D-UNet", backend="torch", checkpoint=None, variant="tiny")
    array = np.random.default_rng(0).random((1, 3, 40, 50)).astype(np.float32)

    answer = model.predict(Image(array), tta=True, probabilities=True)

    assert answer.probabilities.shape == (2, 3, 40, 50)
    np.testing.assert_allclose(answer.probabilities.sum(axis=0), 1, atol=1e-5)


def test_pictures_and_volumes_in_one_list_come_back_in_order() -> None:
    pytest.importorskip("torch")
    model = zoo.load("2D-UNet", backend="torch", checkpoint=None, variant="tiny")
    images = [Image(np.zeros(shape, np.float32)) for shape in ((1, 20, 30), (1, 2, 20, 30), (3, 9, 9))]

    answers = model.predict(images)

    assert [answer.labels.shape for answer in answers] == [(20, 30), (2, 20, 30), (9, 9)]


def test_augmented_mask_stays_on_its_picture() -> None:
    algorithm = UNet2D(TINY)
    sample = algorithm.example(TINY, np.random.default_rng(0))

    for seed in range(4):
        changed = algorithm.augment(sample, np.random.default_rng(seed))
        inside = changed.image.array[0][changed.labels["mask"] == 1]

        assert changed.image.size == TINY.input_size
        assert np.median(inside) < np.percentile(changed.image.array, 75)
        assert changed.labels["mask"].shape == TINY.input_size


def test_training_on_a_volume_draws_slices_and_prefers_marked_ones() -> None:
    array = np.arange(10, dtype=np.float32)[None, :, None, None] * np.ones((1, 10, 8, 8), np.float32)
    mask = np.zeros((10, 8, 8), np.int16)
    mask[7, 2:5, 2:5] = 1
    sample = Sample(Image(array, (5.0, 1.0, 1.0)), {"mask": mask})

    drawn = [draw_slice(sample, np.random.default_rng(seed)) for seed in range(40)]

    marked = [int(picture.image.array[0, 0, 0]) == 7 for picture in drawn]
    assert [bool(picture.labels["mask"].any()) for picture in drawn] == marked
    assert 12 < sum(marked) < 32
    assert drawn[0].image.spacing_mm == (1.0, 1.0)


def test_other_labels_are_learnt_from_the_trained_body(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from PIL import Image as Picture

    for folder in ("images", "masks"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    lines = ["id,split,group"]
    for i, split in enumerate(["train"] * 4 + ["val"]):
        sample = UNet2D.example(THREE, np.random.default_rng(i))
        Picture.fromarray(sample.image.array[0].astype(np.uint8)).save(tmp_path / "data" / "images" / f"{i}.png")
        Picture.fromarray(sample.labels["mask"].astype(np.uint8)).save(tmp_path / "data" / "masks" / f"{i}.png")
        lines.append(f"{i},{split},p{i}")
    (tmp_path / "data" / "split.csv").write_text("\n".join(lines))
    (tmp_path / "data" / "classes.txt").write_text("\n".join(THREE.classes))
    model = zoo.load("2D-UNet", backend="torch", checkpoint=None, variant="tiny")
    body = model.engine.weights()["unet.encoder.0.conv1.weight"]

    with pytest.warns(HeadReinitialisedWarning, match="unet.head"):
        report = model.train(tmp_path / "data", out=tmp_path / "run", epochs=1, learning_rate=1e-6)

    assert model.config.classes == THREE.classes
    np.testing.assert_allclose(model.engine.weights()["unet.encoder.0.conv1.weight"], body, atol=1e-4)
    assert {"dice_right lung", "dice_left lung"} <= set(model.evaluate(tmp_path / "data", split="val").metrics)
    assert report.test is None
