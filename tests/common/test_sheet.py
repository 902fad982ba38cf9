"""Sheets: what is drawn at once is what Matplotlib draws, and what is written is what was drawn."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image as Pillow

from zoo.common.answers.classification import Classification
from zoo.common.answers.prediction import Prediction
from zoo.common.answers.segmentation import Segmentation
from zoo.common.plotting.png import png_bytes
from zoo.common.plotting.sheet import DPI, Sheet
from zoo.common.types import Image, Row

RAMP = np.tile(np.linspace(0, 255, 90, dtype=np.float32), (1, 60, 1))
IMAGE = Image(RAMP, spacing_mm=(0.5, 0.5), name="scan.png")


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (7, 300), (301, 64)])
def test_a_png_holds_the_pixels_that_were_given(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(size).integers(0, 256, (*size, 3), np.uint8)
    with Pillow.open(io.BytesIO(png_bytes(pixels, dpi=150))) as read:
        assert read.mode == "RGB" and read.info["dpi"] == pytest.approx((150, 150), abs=0.02)
        np.testing.assert_array_equal(np.asarray(read), pixels)


def mask() -> Segmentation:
    labels = np.zeros((60, 90), np.uint8)
    labels[10:30, 20:50] = 1
    return Segmentation(IMAGE, ("background", "lesion $x$"), labels)


def test_the_figure_of_matplotlib_shows_what_the_picture_shows() -> None:
    buffer = io.BytesIO()
    mask().figure().savefig(buffer, format="png")
    by_matplotlib, at_once = np.asarray(Pillow.open(buffer).convert("RGB")), np.asarray(mask().plot())

    assert by_matplotlib.shape == at_once.shape
    assert np.abs(by_matplotlib.astype(int) - at_once).mean() < 0.1


def test_the_axes_of_the_figure_count_in_pixels_of_the_image() -> None:
    figure = mask().figure()

    left, right = figure.axes[0].transData.transform([(-0.5, -0.5), (89.5, 59.5)])
    assert figure.axes[0].get_xlim() == (-0.5, 89.5) and figure.axes[0].get_ylim() == (59.5, -0.5)
    np.testing.assert_allclose((right - left) / (90, -60), (right - left)[0] / 90)  # square pixels


def test_a_class_is_filled_and_outlined_where_it_is() -> None:
    drawn, plain = (
        np.asarray(Segmentation(IMAGE, ("b", "a"), each).plot()).astype(int)
        for each in (mask().labels, mask().labels * 0)
    )
    frame = mask().sheet().frames[1]
    changed = np.abs(drawn - plain).max(axis=-1) > 20

    x, y = (frame.at(np.array([(19.5, 29.5), (49.5, 9.5)])) * DPI).T
    inside = np.zeros_like(changed)
    inside[len(changed) - round(y[1]) : len(changed) - round(y[0]), round(x[0]) : round(x[1])] = True
    picture = slice(None), slice(round(frame.box_in[0] * DPI), round((frame.box_in[0] + frame.box_in[2]) * DPI))

    assert changed[picture][inside[picture]].mean() > 0.95
    assert changed[picture][~inside[picture]].mean() < 0.02  # half of the outline


def test_a_map_is_opaque_where_it_is_hot_only() -> None:
    heat = np.zeros((60, 90))
    heat[:, 45:] = 1
    drawn = Classification(IMAGE, ("a", "b"), np.array([0.2, 0.8]), heat_map=heat).sheet()
    assert drawn.frames[1].shown is not None

    pixels = np.asarray(drawn.frames[1].shown.pixels).astype(int)[..., :3]
    w = pixels.shape[1]
    assert np.ptp(pixels[:, : w * 44 // 90], axis=-1).max() == 0  # grey
    assert np.ptp(pixels[:, w * 46 // 90 :], axis=-1).min() > 30


def test_a_map_over_one_picture_leaves_the_one_beside_it_plain() -> None:
    heat = np.zeros((3, 5))
    heat[1, 2] = 1
    sheet = Classification(IMAGE, ("a", "b"), np.array([0.2, 0.8]), heat_map=heat).sheet()
    place = [round(side * sheet.dpi) for side in sheet.frames[0].box_in]
    across = round(sheet.frames[1].box_in[0] * sheet.dpi)

    drawn = np.asarray(sheet.picture()).astype(int)
    plain, coloured = (drawn[place[1] : place[1] + place[3], x : x + place[2]] for x in (place[0], across))
    h, w = coloured.shape[:2]

    assert np.ptp(plain[: h // 2], axis=-1).max() == 0  # grey: the scale bar lies below
    assert np.ptp(coloured[h // 2, round(w * 0.37)]) > 5  # a map is soft beyond its last number
    assert np.ptp(coloured[h // 2, : w // 6], axis=-1).max() == 0


def test_maps_of_every_size_fit_their_picture() -> None:
    for width in range(60, 200):  # width * (drawn / width) is more than what is drawn for some
        image = Image(np.zeros((1, 100, width), np.float32))
        Segmentation(image, ("b", "a"), np.ones((100, width), np.uint8)).sheet()


@pytest.mark.parametrize("place", [(-3.0, 0.5), (0.97, 0.97), (0.0, -0.2), (5.0, 5.0)])
def test_what_passes_the_border_of_the_sheet_is_cut(place: tuple[float, float]) -> None:
    sheet = Sheet((1.0, 1.0), "#000000")
    sheet.write(place, "a long line of words", colour="#ffffff", size_pt=10)
    sheet.add_frame((*place, 0.5, 0.5)).show(Pillow.new("L", (4, 4), 255), 1.0)

    assert sheet.picture().size == (DPI, DPI)


@dataclass(frozen=True, eq=False, repr=False)
class Own(Prediction):
    """An answer of a plug-in, drawn by Matplotlib."""

    def to_dict(self) -> dict[str, object]:
        return self._head()

    def rows(self) -> list[Row]:
        return []

    def figure(self) -> Figure:
        figure = Figure(figsize=(2, 1), dpi=100)
        figure.subplots().imshow(self.image.array[0])
        return figure


@dataclass(frozen=True, eq=False, repr=False)
class More(Segmentation):
    """An answer of a plug-in that draws on over one of the zoo's."""

    def figure(self) -> Figure:
        figure = super().figure()
        figure.axes[0].plot([0, 89], [0, 59], color="red", linewidth=4)
        return figure


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".svg"])
def test_an_answer_with_a_figure_of_its_own_is_drawn_by_it(suffix: str, tmp_path: Path) -> None:
    own = Own(IMAGE, out_of_scope=("too dark",))

    assert own.draw(tmp_path / f"o{suffix}").stat().st_size > 1000
    assert own.plot().size == (200, 100)


def test_what_an_answer_draws_over_the_figure_is_in_its_picture() -> None:
    more = np.asarray(More(IMAGE, ("background", "a"), mask().labels).plot().convert("RGB")).astype(int)

    assert ((more[..., 0] > 200) & (more[..., 1:].max(axis=-1) < 60)).sum() > 500
