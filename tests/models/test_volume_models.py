"""Every model of volumes: any size, orientation and spacing in, labels on the same grid out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.errors import HeadReinitialisedWarning, InputError
from zoo.common.io import read_image
from zoo.common.types import Image
from zoo.registry import load_registry

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "volumes_misc" / "images"
MISC = sorted(DATA.glob("*.nii.gz")) if DATA.is_dir() else []
VOLUME_MODELS = [entry.name for entry in load_registry().values() if entry.input.dimensions == 3]
pytestmark = pytest.mark.parametrize("name", VOLUME_MODELS)


def load(name: str, **options) -> zoo.Model:
    pytest.importorskip("torch")
    return zoo.load(name, **{"backend": "torch", "checkpoint": None, "variant": "tiny", **options})


def noise(size: tuple[int, ...], spacing_mm: tuple[float, ...]) -> Image:
    return Image(np.random.default_rng(0).normal(0, 1, (1, *size)).astype(np.float32), spacing_mm, name="scan")


@pytest.mark.parametrize("size", [(1, 20, 20), (5, 7, 3), (16, 16, 16), (17, 40, 33)])
def test_any_size_gives_a_mask_of_that_size(name: str, size: tuple[int, ...]) -> None:
    assert load(name).predict(noise(size, (2.0, 1.0, 0.7))).labels.shape == size


def test_a_single_slice_is_refused_by_a_network_of_volumes(name: str) -> None:
    with pytest.raises(InputError, match=r"a picture .* given"):
        load(name).predict(noise((30, 22), (1.0, 1.0)))


@pytest.mark.parametrize("path", MISC, ids=lambda path: path.name)
def test_real_volumes_come_back_on_their_own_grid(name: str, path: Path, tmp_path: Path) -> None:
    image = read_image(path)
    model = load(name, spacing_mm=(6.0, 6.0, 6.0))

    mask = model.predict(path).save(tmp_path / "mask.nii.gz")

    again = read_image(mask)
    assert again.size == image.size
    np.testing.assert_allclose(again.affine, image.affine, atol=1e-4)


def test_turned_volumes_get_the_turned_answer(name: str) -> None:
    model = load(name)
    image = replace(noise(model.algorithm.window, (1.0,) * 3), affine=np.eye(4))
    flipped = replace(image, array=image.array[..., ::-1].copy(), affine=np.diag([-1.0, 1.0, 1.0, 1.0]))

    np.testing.assert_array_equal(model.predict(flipped).labels, model.predict(image).labels[..., ::-1])


@pytest.mark.parametrize("classes", [("background", "organ"), ("background", "a", "b", "c")])
def test_other_labels_spacing_and_channels_start_from_the_shipped_weights(name: str, classes: tuple[str, ...]) -> None:
    with pytest.warns(HeadReinitialisedWarning):
        model = load(name, checkpoint="default", variant=None, classes=classes, spacing_mm=(2.0,) * 3, input_channels=2)
    two = noise((20, 24, 20), (2.0,) * 3)
    two = replace(two, array=np.repeat(two.array, 2, axis=0))

    assert model.predict(two).labels.max() < len(classes)


def test_shipped_weights_find_both_parts_of_what_is_drawn_for_them(name: str) -> None:
    model = load(name, checkpoint="default", variant=None)
    for seed in range(3):
        drawn = type(model.algorithm).example(model.config, np.random.default_rng(seed))
        answer, truth = model.predict(drawn.image), drawn.labels["mask"]

        parts = [(answer.labels == k, truth == k) for k in (1, 2)]
        dice = [2 * (found & there).sum() / (found.sum() + there.sum()) for found, there in parts]
        assert (min(dice) > 0.4, answer.out_of_scope) == (True, ())
