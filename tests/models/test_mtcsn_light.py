"""What MTCSN makes of light and shape: colours brought to usual means, discs in training, the threshold of a mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import zoo
from zoo.common.errors import ConfigError
from zoo.common.types import Image, Sample
from zoo.models.mtcsn.algorithm import MTCSN
from zoo.models.mtcsn.augment import RADII, FrameAugmentation, augment
from zoo.models.mtcsn.config import BLEEDING, VARIANTS
from zoo.models.mtcsn.endoscope import draw_frame

SMALL = replace(BLEEDING, input_size=(64, 64))
STILL = FrameAugmentation(
    mirror=False,
    rotation_deg=0.0,
    scale=(1, 1),
    shift=0.0,
    gamma=(1, 1),
    brightness=0.0,
    contrast=(1, 1),
    tint=0.0,
    disc=1.0,
)


def frame(seed: int = 0) -> Sample:
    return draw_frame((64, 64), 2, 2, 3, np.random.default_rng(seed))


def test_the_lamp_does_not_change_what_the_network_sees() -> None:
    algorithm, image = MTCSN(SMALL), frame().image
    array = np.where(image.array.max(axis=0) > 40, image.array, 0) * 0.6
    lamp = np.array([1.5, 0.8, 0.7], np.float32).reshape(3, 1, 1)

    expected = algorithm.preprocess(Image(array))["image"]
    found = algorithm.preprocess(Image(array * lamp))["image"]

    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert not np.allclose(
        MTCSN(replace(SMALL, colours=())).preprocess(Image(array * lamp))["image"], expected, atol=0.1
    )


def test_a_black_frame_stays_black() -> None:
    black = MTCSN(SMALL).preprocess(Image(np.zeros((3, 40, 40), np.float32)))["image"]

    assert np.isfinite(black).all() and np.ptp(black, axis=(1, 2)).max() == 0


@pytest.mark.parametrize("colours", [(100.0,), (100.0, 90.0, 0.0)])
def test_colours_are_means_of_all_channels(colours: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="expected a mean above 0 for each"):
        MTCSN(replace(SMALL, colours=colours))


def test_beyond_the_disc_nothing_is_seen_or_judged() -> None:
    sample = Sample(
        Image(np.full((3, 64, 64), 100, np.float32)), {"label": np.array(0), "mask": np.ones((64, 64), int)}
    )

    changed = augment(sample, (64, 64), 255, STILL, np.random.default_rng(0))

    hidden = changed.image.array[0] == 0
    assert np.array_equal(hidden, np.asarray(changed.labels["mask"]) == 255)
    assert np.pi * RADII[0] ** 2 - 0.02 < 1 - hidden.mean() < np.pi * RADII[1] ** 2 + 0.02
    assert np.array_equal(
        augment(sample, (64, 64), 255, replace(STILL, disc=0.0), np.random.default_rng(0)).image.array,
        sample.image.array,
    )


def test_a_lower_threshold_marks_more() -> None:
    image = Image(np.full((3, 64, 64), 100, np.float32))
    slope = np.linspace(-3, 3, 64, dtype=np.float32) * np.ones((64, 1), np.float32)
    outputs = {"logits": np.zeros(2), "segmentation": np.stack([np.zeros_like(slope), slope])}

    shares = [
        float((MTCSN(replace(SMALL, mask_threshold=t)).postprocess(outputs, image).labels == 1).mean())
        for t in (0.5, 0.25)
    ]

    assert shares[0] == pytest.approx(0.5)
    assert shares[1] == pytest.approx(0.5 + np.log(3) / 6, abs=0.02)


def test_a_threshold_is_of_two_tissues() -> None:
    with pytest.raises(ConfigError, match=r"mask_threshold=0.25 given; expected 0..1, and 0.5 for more"):
        MTCSN(replace(VARIANTS["tiny"], mask_threshold=0.25))
    with pytest.raises(ConfigError, match="mask_threshold=1"):
        MTCSN(replace(SMALL, mask_threshold=1.0))


def test_other_tissues_forget_the_threshold_of_the_old_ones(tmp_path) -> None:
    model = zoo.load("MTCSN", backend="torch", checkpoint=None, variant="small-bleeding", input_size=(64, 64))
    path = model.save(tmp_path / "a.safetensors")

    with pytest.warns(UserWarning, match="start anew"):
        other = zoo.load("MTCSN", backend="torch", checkpoint=path, tissues=("mucosa", "foam", "polyp"))

    assert model.config.mask_threshold == 0.25 and other.config.mask_threshold == 0.5
