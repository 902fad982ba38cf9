"""A sheet of pictures and words: laid out in inches, drawn by Agg at once, or by Matplotlib as a figure of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from PIL import Image as Pillow

from zoo.common.plotting.marks import Disc, Halo, Mark, Picture, Strokes, Words, buffer_of
from zoo.common.plotting.png import png_bytes

DPI = 120  # a slice of 512 pixels is hardly enlarged; the time for a sheet grows with its pixels
SHARP_FROM = 3.0  # times enlarged: pixels are shown as squares, as Matplotlib does


class Sheet:
    """What is drawn, in the order in which it was said; size_in: width and height."""

    def __init__(self, size_in: tuple[float, float], background: str, dpi: int = DPI) -> None:
        self.size_in, self.background, self.dpi = size_in, background, dpi
        self.marks: list[Mark] = []
        self.frames: list[Frame] = []

    def add_frame(self, box_in: tuple[float, float, float, float]) -> Frame:
        """Add a place to draw into, from 0 to 1 both ways; box_in: left, bottom, width, height."""
        self.frames.append(Frame(self, box_in))
        return self.frames[-1]

    @property
    def words(self) -> list[str]:
        """Everything that is written."""
        return [mark.text for mark in self.marks if isinstance(mark, Words)]

    def write(
        self, place_in: tuple[float, float], text: str, *, colour: str, size_pt: float, ha: str = "left", box: str = ""
    ) -> None:
        """Write a line of text on a place of the sheet; box: colour of one behind it."""
        self.marks.append(Words(text, place_in, colour, size_pt, ha=ha, va="baseline", box=box))

    def picture(self) -> Pillow.Image:
        """Draw it in pixels."""
        return self._drawn().convert("RGB")

    def png(self) -> bytes:
        """Return it as the content of a PNG file."""
        drawn = self._drawn()
        pixels = np.frombuffer(drawn.tobytes("raw", "RGB"), np.uint8)
        return png_bytes(pixels.reshape(drawn.height, drawn.width, 3), self.dpi)

    def _drawn(self) -> Pillow.Image:
        w, h = (int(side * self.dpi) for side in self.size_in)
        renderer = RendererAgg(w, h, self.dpi)
        fill = np.array([*bytes.fromhex(self.background[1:]), 255], np.uint8).view(np.uint32)
        buffer_of(renderer).view(np.uint32)[...] = fill
        self.draw(renderer, self.dpi)
        return Pillow.frombuffer("RGBA", (w, h), renderer.buffer_rgba(), "raw", "RGBA", 0, 1)

    def figure(self) -> Figure:
        """Return it as a figure, with empty axes over each of its places for whoever draws on."""
        figure = Figure(figsize=self.size_in, dpi=self.dpi, facecolor=self.background)
        FigureCanvasAgg(figure)
        figure.add_artist(_Drawn(self))
        w, h = self.size_in
        for frame in self.frames:
            left, bottom, width, height = frame.box_in
            axes = figure.add_axes((left / w, bottom / h, width / w, height / h))
            axes.set_axis_off()
            axes.set_autoscale_on(False)
            axes.set_xlim(*frame.x_range)
            axes.set_ylim(*frame.y_range)
        return figure

    def draw(self, renderer: RendererBase, dpi: float) -> None:
        """Draw it by a renderer of Matplotlib that counts so many of its units as an inch."""
        for mark in self.marks:
            mark.draw(renderer, dpi)


class _Drawn(Artist):
    """The sheet as one thing on a figure, below everything else."""

    def __init__(self, sheet: Sheet) -> None:
        super().__init__()
        self.sheet = sheet
        self.set_zorder(-1)

    def draw(self, renderer: RendererBase) -> None:
        """Draw the sheet on whatever the figure is drawn on."""
        if (figure := self.get_figure()) is not None:
            self.sheet.draw(renderer, figure.dpi)


@dataclass
class Frame:
    """A place of a sheet with coordinates of its own."""

    sheet: Sheet
    box_in: tuple[float, float, float, float]
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    shown: Picture | None = field(default=None, repr=False)

    def at(self, points: np.ndarray) -> np.ndarray:
        """Return where points (..., 2) of x, y lie on the sheet [in]."""
        left, bottom, width, height = self.box_in
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        scale = np.array([width / (x1 - x0), height / (y1 - y0)])
        return (np.asarray(points, np.float64) - (x0, y0)) * scale + (left, bottom)

    def show(self, pixels: Pillow.Image, aspect: float, sharp: bool = False, beside: Frame | None = None) -> None:
        """Show pixels (L or RGB) as large as they fit, x and y of their centres as coordinates.

        aspect: height of a pixel over its width. sharp: as squares, however large they are drawn. beside: a frame of
        the same size that shows them already.
        """
        w, h = pixels.size
        left, bottom, width, height = self.box_in
        shrunk = min(width, height / (h * aspect) * w), min(height, width / w * h * aspect)
        self.box_in = left + (width - shrunk[0]) / 2, bottom + (height - shrunk[1]) / 2, *shrunk
        self.x_range, self.y_range = (-0.5, w - 0.5), (h - 0.5, -0.5)
        sharp = sharp or min(shrunk[0] / w, shrunk[1] / h) * self.sheet.dpi >= SHARP_FROM
        if beside is not None and beside.shown is not None:
            self.shown = replace(beside.shown, box_in=self.box_in)
        else:
            # reduced before anything is laid over it: a whole slide has far more pixels than the sheet
            self.shown = Picture(_at_most(pixels, self._size_px(), Pillow.Resampling.HAMMING), self.box_in, sharp)
        self.sheet.marks.append(self.shown)

    def blend(self, numbers: Pillow.Image, table: np.ndarray, smooth: bool) -> None:
        """Lay colours over the pixels, as a table (256, 4) of uint8 has them for numbers (L) over the whole picture.

        smooth: interpolate between numbers where they are coarser than the picture.
        """
        assert self.shown is not None
        if (box := numbers.point(table[:, 3].tolist()).getbbox()) is None:
            return
        w, h = size = self._size_px()
        under = self.shown.at_size(size).convert("RGBA")  # as it is drawn in the end, where all of it is opaque
        x, y = w / numbers.width, h / numbers.height
        if smooth:  # one number further its neighbour has its part
            box = (
                max(box[0] - 1, 0),
                max(box[1] - 1, 0),
                min(box[2] + 1, numbers.width),
                min(box[3] + 1, numbers.height),
            )
        # at the far border the quotients of floats may come out a little beyond it, which Pillow refuses
        ends = min(math.ceil(box[2] * x), w), min(math.ceil(box[3] * y), h)
        place = math.floor(box[0] * x), math.floor(box[1] * y), *ends
        source = place[0] / x, place[1] / y, min(ends[0] / x, numbers.width), min(ends[1] / y, numbers.height)
        how = Pillow.Resampling.BILINEAR if smooth else Pillow.Resampling.NEAREST
        # all that changes, at the size at which it is drawn; one number is enlarged in a third of the time of a colour
        part = numbers.resize((place[2] - place[0], place[3] - place[1]), how, box=source)
        part.putpalette(table.tobytes(), "RGBA")
        layer = part.convert("RGBA")
        under.paste(layer, place, layer)
        self.shown.paint(under)

    def _size_px(self) -> tuple[int, int]:
        width, height = (max(1, round(side * self.sheet.dpi)) for side in self.box_in[2:])
        return width, height

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        colour: str,
        size_pt: float,
        bold: bool = False,
        ha: str = "left",
        va: str = "top",
        halo: Halo | None = None,
        clip: bool = False,
    ) -> None:
        """Write a line of text; ha: left, centre or right of it lies at x. va: top, baseline or bottom at y."""
        place = tuple(self.at(np.array([x, y])).tolist())
        box = self.box_in if clip else None
        self.sheet.marks.append(Words(text, place, colour, size_pt, bold, ha, va, halo, box))

    def strokes(
        self,
        lines: Sequence[np.ndarray],
        *,
        width_pt: float,
        colour: str = "none",
        face: str = "none",
        alpha: float = 1.0,
        dashes_pt: tuple[float, ...] = (),
        halo: Halo | None = None,
        closed: bool = False,
        clip: bool = True,
    ) -> None:
        """Draw lines (k, 2) of x, y, all in one colour; closed ones may have a face."""
        box = self.box_in if clip else None
        ends = np.cumsum([len(line) for line in lines])[:-1]
        placed = np.split(self.at(np.concatenate(lines)), ends) if lines else []
        if placed:
            self.sheet.marks.append(
                Strokes(placed, width_pt, colour, face, alpha, dashes_pt, halo, closed or face != "none", box)
            )

    def discs(
        self,
        points: np.ndarray,
        *,
        shape: str,
        size_pt: float,
        edge: str,
        width_pt: float,
        face: str = "none",
        alpha: float = 1.0,
    ) -> None:
        """Mark points (k, 2) by a shape of Matplotlib's, such as "o", as large on every sheet."""
        if len(points):
            self.sheet.marks.append(Disc(self.at(points), shape, size_pt, edge, width_pt, face, alpha, self.box_in))


def _at_most(pixels: Pillow.Image, most: tuple[int, ...], how: Pillow.Resampling) -> Pillow.Image:
    """Reduce a picture that has more pixels than a place shows."""
    size = min(pixels.width, most[0]), min(pixels.height, most[1])
    return pixels if size == pixels.size else pixels.resize(size, how, reducing_gap=3.0)
