"""Scope records: what is measured of an image, and when another image is called unlike those of the training."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from zoo.common.errors import CheckpointError
from zoo.common.modalities import MODALITIES, NAMES, modality_name, modality_names
from zoo.common.scope import FEATURES, SCALE, Record, measure, read_record, spread_evenly, survey
from zoo.common.types import Image
from zoo.registry import load_registry


def disc(seed: int, size: int = 96, top: float = 200.0) -> Image:
    """A bright, noisy disc on black, a little different for each seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size - 0.5
    inside = np.hypot(y, x) < rng.uniform(0.3, 0.4)
    array = (inside * rng.normal(top / 2, top / 12, (size, size))).clip(0, top)
    return Image(array[None].astype(np.float32), (0.5, 0.5), name=f"{seed}.png")


def ball(seed: int, size: int = 40) -> Image:
    array = np.stack([disc(seed + i, size).array[0] for i in range(size)])
    return Image(array[None], (1.0, 1.0, 1.0), name=f"{seed}.nii.gz")


def spot(seed: int) -> Image:
    """A bright spot of any size and contrast, anywhere on noise; the layout of a few of them is an accident."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :64] / 64
    away = np.hypot(y - rng.uniform(0.1, 0.9), x - rng.uniform(0.1, 0.9))
    array = (
        rng.uniform(40, 90)
        + rng.uniform(30, 140) * np.exp(-((away / rng.uniform(0.1, 0.5)) ** 2))
        + rng.normal(0, 8, (64, 64))
    )
    return Image(array[None].clip(0, 255).astype(np.float32), name=f"{seed}.png")


def surveyed(count: int = 60) -> Record:
    record = survey(disc(seed) for seed in range(count))
    assert record is not None
    return record


RECORD = surveyed()


def test_images_like_the_training_are_in_scope() -> None:
    flagged = [seed for seed in range(1000, 1200) if RECORD.reasons(disc(seed))]

    assert len(flagged) <= 2


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda array: array * 20, "intensities"),
        (lambda array: array - 1000, "intensities"),
        (lambda array: 200 - array, "corners"),
        (lambda array: array[:, ::4, ::4], "side"),
        (lambda array: array[:, 30:60], "width over height"),
        (lambda array: array * np.reshape([1.0, 0.4, 0.2], (3, 1, 1)), "saturation"),
        (lambda array: array * (np.arange(96)[:, None] > 48), "top"),
    ],
)
def test_each_way_of_being_unlike_is_named(change: object, word: str) -> None:
    image = disc(1)

    reasons = RECORD.reasons(replace(image, array=change(image.array).astype(np.float32)))  # type: ignore[operator]

    assert any(word in reason for reason in reasons), reasons


def test_another_field_of_view_is_told_in_millimetres_and_an_unknown_one_is_not_judged() -> None:
    wide, unknown = replace(disc(1), spacing_mm=(2.0, 2.0)), replace(disc(1), spacing_mm=None)

    assert "field of view 192 mm, trained on 48 to 48 mm" in RECORD.reasons(wide)
    assert RECORD.reasons(unknown) == ()


def test_an_empty_image_has_nothing_to_see() -> None:
    assert "nothing to see" in RECORD.reasons(Image(np.full((1, 40, 40), 7.0, np.float32)))[0]


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (2, 3), (3, 700)])
def test_images_of_any_size_are_measured(size: tuple[int, int]) -> None:
    array = np.random.default_rng(0).uniform(0, 9, (1, *size)).astype(np.float32)

    found = measure(Image(array, (1.0, 1.0)), 2)

    assert found is None or all(np.isfinite(list(found[0].values())))


def test_a_volume_is_measured_as_a_volume_or_by_its_middle_slice() -> None:
    volume = ball(3)
    middle = Image(volume.array[:, 20], (1.0, 1.0))

    assert measure(volume, 2) == measure(middle, 2)
    assert measure(volume, 3) != measure(middle, 2)


def test_a_few_thousand_voxels_tell_what_all_of_them_tell() -> None:
    small = ball(3)
    large = replace(small, array=np.repeat(np.repeat(np.repeat(small.array, 3, 1), 3, 2), 3, 3))

    few, many = measure(small, 3), measure(large, 3)

    assert few is not None and many is not None
    for name in ("middle", "lower", "upper", "black", "corners", "centre", "top", "belt", "column"):
        assert many[0][name] == pytest.approx(few[0][name], abs=0.05), name


@pytest.mark.parametrize("factor", [2, 4])
def test_a_finer_grid_is_in_scope(factor: int) -> None:
    fine = [np.repeat(np.repeat(disc(seed).array, factor, 1), factor, 2) for seed in range(100, 120)]

    assert [RECORD.reasons(Image(array)) for array in fine] == [()] * len(fine)


def test_features_of_no_consequence_are_left_out() -> None:
    record = survey((disc(seed) for seed in range(20)), without=SCALE)

    assert record is not None and record.reasons(replace(disc(3), array=disc(3).array * 16)) == ()


def test_smaller_training_sets_allow_more() -> None:
    few, many = replace(RECORD, cases=10), replace(RECORD, cases=10_000)
    images = [disc(seed, top=300) for seed in range(20)]

    assert sum(map(bool, map(few.reasons, images))) <= sum(map(bool, map(many.reasons, images)))


@pytest.mark.parametrize("count", [6, 8, 12])
def test_a_dozen_training_images_do_not_flag_others_of_their_kind(count: int) -> None:
    rates = []
    for start in range(0, 8000, 1000):
        record = survey(spot(start + i) for i in range(count))
        assert record is not None
        rates.append(np.mean([bool(record.reasons(spot(start + 100 + i))) for i in range(50)]))

    assert np.mean(rates) <= 0.01
    assert record.reasons(replace(spot(1), array=spot(1).array * 100))


@pytest.mark.parametrize(("width", "margin"), [(0.0, 0.12), (1.0, 0.2 + 5 / 20)])
def test_from_twenty_images_on_a_range_is_widened_as_documented(width: float, margin: float) -> None:
    found = measure(disc(1), 2)
    assert found is not None
    end = found[0]["middle"] - margin

    def is_in(shift: float) -> bool:
        ranges = {"middle": (end - width + shift, end + shift)}
        return not replace(RECORD, cases=20, ranges=ranges).reasons(disc(1))

    assert is_in(0.01) and not is_in(-0.01)


def test_a_record_survives_the_header_of_a_file() -> None:
    again = read_record(json.loads(json.dumps(RECORD.to_dict())), "a.safetensors")

    assert again is not None and again.to_dict() == RECORD.to_dict()
    assert again.reasons(disc(1)) == RECORD.reasons(disc(1))
    assert read_record(None, "a.safetensors") is None


@pytest.mark.parametrize(
    "damage",
    [{"cases": 0}, {"ranges": [1]}, {"ranges": {"middle": [1]}}, {"ranges": {"span": ["a", 2]}}, {"dimensions": []},
     {"intensities": [float("nan"), 1]}, {"channels": 5}],
)  # fmt: skip
def test_a_damaged_record_is_an_error_that_names_the_file(damage: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match=r"a\.safetensors: the scope record is damaged"):
        read_record(RECORD.to_dict() | damage, "a.safetensors")


def test_features_that_this_version_does_not_know_are_left_out() -> None:
    ranges = {**RECORD.ranges, "smell": (0.0, 0.0)}

    assert replace(RECORD, ranges=ranges).reasons(disc(1)) == ()


def test_a_size_that_only_some_images_state_is_no_feature() -> None:
    record = survey([disc(1), replace(disc(2), spacing_mm=None)])

    assert record is not None and not {"pixel_mm", "field_mm"} & set(record.ranges)
    assert set(RECORD.ranges) == set(FEATURES)


def test_modalities_come_from_the_files_or_from_the_caller() -> None:
    from_files = survey([replace(disc(1), modality="DX"), replace(disc(2), modality="OT")])
    told = survey([disc(1)], modalities=("ultrasound",))

    assert from_files is not None and from_files.modalities == ("X-ray",)
    assert told is not None and told.modalities == ("ultrasound",)


def test_nothing_to_survey_gives_no_record() -> None:
    assert survey([]) is None
    assert survey([Image(np.zeros((1, 8, 8), np.float32))]) is None


def test_words_of_dicom_are_translated_and_each_stands_once() -> None:
    words = [word for group in MODALITIES.values() for word in group]

    assert len(words) == len(set(words)) == len(NAMES)
    assert [modality_name(word) for word in ("CT", "cr", " US ", "OT", "SC", "")] == [
        "CT", "X-ray", "ultrasound", "", "", "",
    ]  # fmt: skip


@pytest.mark.parametrize("entry", load_registry().values(), ids=lambda entry: entry.name)
def test_every_modality_of_the_registry_is_known(entry: object) -> None:
    text = entry.input.modality  # type: ignore[attr-defined]

    assert " or ".join(modality_names(text)) == text


@pytest.mark.parametrize(("count", "most"), [(3, 5), (5, 5), (1000, 7), (1, 1)])
def test_cases_are_chosen_evenly_from_first_to_last(count: int, most: int) -> None:
    chosen = spread_evenly(count, most)

    assert len(chosen) == min(count, most)
    assert chosen[0] == 0 and chosen[-1] == (count - 1 if most > 1 else 0)
