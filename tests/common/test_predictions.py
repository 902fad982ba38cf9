"""Predictions print, save and plot; what is saved is plain and says the same as the arrays."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from zoo.common.answers.classification import Classification
from zoo.common.answers.ellipses import Ellipses
from zoo.common.answers.prediction import Prediction
from zoo.common.errors import ConfigError
from zoo.common.plotting import display_values, draw_ellipses
from zoo.common.plotting.marks import Strokes
from zoo.common.types import Image

IMAGE = Image(np.tile(np.linspace(0, 255, 60, dtype=np.float32), (1, 40, 1)), spacing_mm=(0.5, 0.5), name="scan.png")
ELLIPSES = Ellipses(
    IMAGE,
    classes=("heart", "thorax"),
    ellipses=np.array([[1, 30.0, 20.0, 15.0, 10.0, np.pi / 2]], np.float32),
    scores=np.array([0.75], np.float32),
    measurements={"hc_mm": np.float32(50.0), "ctr": float("nan")},
)
CLASSIFICATION = Classification(
    IMAGE, ("normal", "covid"), np.array([0.25, 0.75], np.float32), heat_map=np.full((40, 60), 0.5)
)
NOTHING = Ellipses(IMAGE, classes=("heart",))
ALL = [ELLIPSES, CLASSIFICATION, NOTHING, replace(CLASSIFICATION, heat_map=None)]


def test_an_ellipse_is_told_in_words_pixels_and_degrees() -> None:
    assert ELLIPSES.to_dict() == {
        "name": "scan.png",
        "size": [40, 60],
        "spacing_mm": [0.5, 0.5],
        "out_of_scope": [],
        "ellipses": [
            {
                "class": "thorax",
                "score": 0.75,
                "centre_px": [30.0, 20.0],
                "semi_axes_px": [15.0, 10.0],
                "angle_deg": pytest.approx(90.0),
            }
        ],
        "measurements": {"hc_mm": 50.0, "ctr": None},
    }


def test_a_classification_names_its_best_class() -> None:
    told = CLASSIFICATION.to_dict()

    assert (told["label"], told["probability"]) == ("covid", 0.75)
    assert told["probabilities"] == {"normal": 0.25, "covid": 0.75}


@pytest.mark.parametrize("prediction", ALL)
def test_saved_json_is_the_dictionary(prediction: Prediction, tmp_path: Path) -> None:
    path = prediction.save(tmp_path / "new folder" / "a")

    assert path.name == "a.json"
    assert json.loads(path.read_text()) == prediction.to_dict()


def test_saved_csv_has_one_row_per_ellipse(tmp_path: Path) -> None:
    (row,) = csv.DictReader(ELLIPSES.save(tmp_path / "a.csv").open())

    assert (row["name"], row["class"], float(row["a_px"]), float(row["hc_mm"])) == ("scan.png", "thorax", 15.0, 50.0)


def test_an_empty_prediction_still_has_a_row() -> None:
    assert NOTHING.rows() == [{"name": "scan.png", "class": "", "score": 0.0}]


@pytest.mark.parametrize("prediction", ALL)
def test_the_overlay_is_a_picture_and_leaves_no_trace(prediction: Prediction, tmp_path: Path) -> None:
    before = prediction.image.array.copy()

    shown = prediction.plot(tmp_path / "o.png")

    assert shown.size == Pillow.open(tmp_path / "o.png").size
    assert np.asarray(shown.convert("L")).std() > 10
    assert prediction._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"
    np.testing.assert_array_equal(prediction.image.array, before)


def test_an_ellipse_changes_the_picture_where_it_is() -> None:
    drawn = np.asarray(ELLIPSES.plot().convert("RGB")).astype(int)
    plain = np.asarray(replace(ELLIPSES, ellipses=np.zeros((0, 6)), scores=np.zeros(0)).plot().convert("RGB"))

    assert (np.abs(drawn - plain).max(axis=-1) > 60).sum() > 500


def test_the_outline_is_the_ellipse() -> None:
    sheet = draw_ellipses(ELLIPSES)
    outline = next(mark for mark in sheet.marks if isinstance(mark, Strokes) and mark.closed)
    scale = sheet.frames[0].box_in[2] / 60

    x, y = (outline.lines_in[0] - sheet.frames[0].at(np.array([30.0, 20.0]))).T / scale  # y counts upwards here

    np.testing.assert_allclose((x / 10) ** 2 + (y / 15) ** 2, 1, atol=1e-5)


@pytest.mark.parametrize(
    ("spacing_mm", "expected"),
    [((0.5, 0.5), ["5 mm"]), ((0.1, 0.1), ["1 mm"]), ((1.0, 0.2), ["2 mm"]), ((0.02, 0.02), ["0.2 mm"]), (None, [])],
)
def test_the_scale_bar_is_a_round_length_within_a_quarter_of_the_width(
    spacing_mm: tuple[float, ...] | None, expected: list[str]
) -> None:
    prediction = replace(ELLIPSES, image=replace(IMAGE, spacing_mm=spacing_mm), measurements={})

    assert [text for text in draw_ellipses(prediction).words if re.fullmatch(r"[\d.]+ mm", text)] == expected


def test_the_legend_has_class_score_and_measurements() -> None:
    texts = draw_ellipses(ELLIPSES).words

    assert {"thorax", "0.75", "HC", "50 mm", "CTR", "–"} <= set(texts)


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".jpg"])
def test_overlays_can_be_other_formats(suffix: str, tmp_path: Path) -> None:
    assert ELLIPSES.plot(tmp_path / f"o{suffix}") and (tmp_path / f"o{suffix}").stat().st_size > 1000


def test_an_unknown_suffix_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.docx"):
        ELLIPSES.save(tmp_path / "sub" / "a.docx")

    assert list(tmp_path.iterdir()) == []


def test_printing_is_one_short_line() -> None:
    assert str(ELLIPSES) == "scan.png: thorax 0.75, HC 50 mm, CTR –"
    assert str(CLASSIFICATION) == "scan.png: covid 75 %"
    assert str(NOTHING) == "scan.png: no ellipse"
    assert all(len(repr(prediction)) < 100 for prediction in ALL)


def test_eight_bit_ranges_are_shown_as_stored_and_others_stretched() -> None:
    dark = Image(np.full((1, 4, 4), 51, np.float32))
    hounsfield = Image(np.linspace(-1000, 3000, 100, dtype=np.float32).reshape(1, 10, 10))

    assert display_values(dark) == pytest.approx(0.2)
    assert (display_values(hounsfield).min(), display_values(hounsfield).max()) == (0, 1)


def test_a_volume_is_shown_by_its_middle_slice() -> None:
    volume = np.zeros((1, 5, 4, 4), np.float32)
    volume[0, 2] = 255

    assert (display_values(Image(volume)) == 1).all()


def test_many_classes_show_the_most_probable() -> None:
    classes = tuple(f"class {i}" for i in range(30))
    many = Classification(IMAGE, classes, np.arange(30) / 435)

    shown = many.sheet().words

    assert "class 29" in shown
    assert "class 3" not in shown
