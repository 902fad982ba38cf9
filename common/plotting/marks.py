"""What a sheet consists of, each drawn by a renderer of Matplotlib: no axes, no ticks, no layout."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D, Bbox, BboxTransformTo, IdentityTransform, Transform
from PIL import Image as Pillow
from PIL import ImageFont

Box = tuple[float, float, float, float]  # left, bottom, width, height [in]
BOX_PT = 2.0  # between words and the border of the box behind them
GREY, OPAQUE = np.array([[1, 1, 1, 0], [0, 0, 0, 255]], np.uint8).view(np.uint32)[:, 0]  # as bytes lie in a drawing


class Halo(NamedTuple):
    """A dark rim, so that lines and letters stand out on whatever lies below."""

    width_pt: float
    alpha: float


@dataclass
class Picture:
    """Pixels (L, RGB, or RGBA whose opacity says nothing) over a box of the sheet; sharp: as squares."""

    pixels: Pillow.Image
    box_in: Box
    sharp: bool
    # by size; pictures of the same pixels share it, because enlarging takes as long as all else that is drawn
    enlarged: dict[tuple[int, int], Pillow.Image] = field(default_factory=dict, repr=False)

    def at_size(self, size: tuple[int, int]) -> Pillow.Image:
        """Return the pixels, so many of them."""
        if size == self.pixels.size:
            return self.pixels
        if size not in self.enlarged:
            how = Pillow.Resampling.NEAREST if self.sharp else Pillow.Resampling.BILINEAR
            self.enlarged[size] = self.pixels.resize(size, how)
        return self.enlarged[size]

    def paint(self, pixels: Pillow.Image) -> None:
        """Show other pixels in the same place."""
        self.pixels, self.enlarged = pixels, {}

    def draw(self, renderer: RendererBase, dpi: float) -> None:
        left, bottom, width, height = (side * dpi for side in self.box_in)
        if isinstance(renderer, RendererAgg):
            size = max(1, round(width)), max(1, round(height))
            _put(buffer_of(renderer), self.at_size(size), round(left), round(bottom))
            return
        gc = renderer.new_gc()
        opaque = self.pixels.convert("RGB").convert("RGBA")
        pixels = opaque.transpose(Pillow.Transpose.FLIP_TOP_BOTTOM)  # begins at the bottom
        scaled = Affine2D().scale(width, height)
        renderer.draw_image(gc, left, bottom, np.array(pixels), scaled)  # a copy: it has to be writeable
        gc.restore()


@dataclass
class Words:
    """A line of text at a place of the sheet."""

    text: str
    place_in: tuple[float, ...]
    colour: str
    size_pt: float
    bold: bool = False
    ha: str = "left"
    va: str = "top"
    halo: Halo | None = None
    clip_in: Box | None = None
    box: str = ""  # colour of a box behind the words

    def draw(self, renderer: RendererBase, dpi: float) -> None:
        font = _font(self.size_pt, self.bold)
        width, ascent, descent = _extent(self.text, self.size_pt, self.bold, dpi)
        x = self.place_in[0] * dpi - {"left": 0.0, "centre": width / 2, "right": width}[self.ha]
        y = self.place_in[1] * dpi - {"top": ascent, "baseline": 0.0, "bottom": -descent}[self.va]
        gc = _pen(renderer, dpi, self.clip_in)
        if self.box:
            pad = _pixels(renderer, BOX_PT)
            around = Bbox.from_extents(x - pad, y - descent - pad, x + width + pad, y + ascent + pad)
            gc.set_linewidth(0)
            renderer.draw_path(gc, Path.unit_rectangle(), BboxTransformTo(around), to_rgba(self.box))
        gc.set_foreground(to_rgba(self.colour), isRGBA=True)
        if self.halo is not None:
            letters = _letters(self.text, self.size_pt, self.bold)
            placed = Affine2D().scale(_pixels(renderer, 1.0)).translate(x, y)
            gc.set_joinstyle("round")
            _rim(renderer, gc, self.halo, letters, placed)
            gc.set_linewidth(0)
            renderer.draw_path(gc, letters, placed, to_rgba(self.colour))
        elif isinstance(renderer, RendererAgg):
            _write(buffer_of(renderer), self, round(x), round(y), dpi)
        else:
            top = renderer.get_canvas_width_height()[1] if renderer.flipy() else 0.0
            renderer.draw_text(gc, x, top - y if renderer.flipy() else y, self.text, font, 0)
        gc.restore()


@dataclass
class Strokes:
    """Lines [in] in one colour, open or closed."""

    lines_in: list[np.ndarray]
    width_pt: float
    colour: str = "none"
    face: str = "none"
    alpha: float = 1.0
    dashes_pt: tuple[float, ...] = ()
    halo: Halo | None = None
    closed: bool = True
    clip_in: Box | None = None

    def draw(self, renderer: RendererBase, dpi: float) -> None:
        path = _joined([line * dpi for line in self.lines_in], self.closed)
        gc = _pen(renderer, dpi, self.clip_in)
        gc.set_capstyle("butt")
        gc.set_joinstyle("miter" if self.closed else "round")
        if self.halo is not None:
            _rim(renderer, gc, self.halo, path, IdentityTransform())
        gc.set_foreground((*to_rgba(self.colour)[:3], self.alpha), isRGBA=True)
        gc.set_linewidth(self.width_pt if self.colour != "none" else 0)
        if self.dashes_pt:
            gc.set_dashes(0, self.dashes_pt)
        face = None if self.face == "none" else (*to_rgba(self.face)[:3], self.alpha)
        renderer.draw_path(gc, path, IdentityTransform(), face)
        gc.restore()


@dataclass
class Disc:
    """Points [in] marked by one of Matplotlib's shapes."""

    points_in: np.ndarray
    shape: str
    size_pt: float
    edge: str
    width_pt: float
    face: str = "none"
    alpha: float = 1.0
    clip_in: Box | None = None

    def draw(self, renderer: RendererBase, dpi: float) -> None:
        style = MarkerStyle(self.shape)
        gc = _pen(renderer, dpi, self.clip_in)
        gc.set_foreground((*to_rgba(self.edge)[:3], self.alpha), isRGBA=True)
        gc.set_linewidth(self.width_pt)
        gc.set_joinstyle(style.get_joinstyle())
        gc.set_capstyle(style.get_capstyle())
        shape = Affine2D(style.get_transform().get_matrix()).scale(_pixels(renderer, self.size_pt))
        face = None if self.face == "none" else (*to_rgba(self.face)[:3], self.alpha)
        places = Path(self.points_in * dpi)
        renderer.draw_markers(gc, style.get_path(), shape, places, IdentityTransform(), face)
        gc.restore()


Mark = Picture | Words | Strokes | Disc


def buffer_of(renderer: RendererAgg) -> np.ndarray:
    """Return the pixels (h, w, 4) that a renderer draws on, from the top, to be written into."""
    return np.asarray(renderer.buffer_rgba())


def _pixels(renderer: RendererBase, length_pt: float) -> float:
    return float(np.asarray(renderer.points_to_pixels(length_pt)))


def _put(buffer: np.ndarray, picture: Pillow.Image, left: int, bottom: int) -> None:
    """Copy a picture onto a drawing, cut where it passes its border."""
    (w, h), whole = picture.size, buffer.view(np.uint32)[..., 0]
    top = whole.shape[0] - bottom - h
    up, before = max(-top, 0), max(-left, 0)
    part = whole[top + up : max(top + h, 0), left + before : max(left + w, 0)]
    seen = slice(up, up + part.shape[0]), slice(before, before + part.shape[1])
    if picture.mode == "L":  # four bytes at once; Pillow would first make a picture of colours
        np.multiply(np.asarray(picture)[seen], GREY, out=part, dtype=np.uint32)
        part |= OPAQUE
    else:
        colours = np.asarray(picture if picture.mode == "RGBA" else picture.convert("RGBA"))
        np.bitwise_or(colours.view(np.uint32)[..., 0][seen], OPAQUE, out=part)


def _write(buffer: np.ndarray, words: Words, x: int, y: int, dpi: float) -> None:
    """Draw letters by Pillow, which takes a twentieth of the time that Matplotlib's need; x, y: of the baseline."""
    opacity, (dx, dy) = _opacity(words.text, words.size_pt, words.bold, dpi)
    (h, w, _), top, left = opacity.shape, buffer.shape[0] - y + dy, x + dx
    part = buffer[max(top, 0) : max(top + h, 0), max(left, 0) : max(left + w, 0)]
    if not part.size:
        return
    opacity = opacity[max(-top, 0) :, max(-left, 0) :][: part.shape[0], : part.shape[1]]
    colour = np.array([round(255 * value) for value in to_rgba(words.colour)], np.uint16)
    mixed = part * (255 - opacity) + colour * opacity
    part[...] = (mixed + 127) // 255


@lru_cache(maxsize=64)
def _font(size_pt: float, bold: bool) -> FontProperties:
    return FontProperties(size=size_pt, weight="bold" if bold else "normal")


@lru_cache(maxsize=64)
def _type(size_pt: float, bold: bool, dpi: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(findfont(_font(size_pt, bold)), size_pt * dpi / 72, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=1024)
def _extent(text: str, size_pt: float, bold: bool, dpi: float) -> tuple[float, float, float]:
    """Return how wide a line of text is, and how far it reaches above and below its baseline, in pixels."""
    font = _type(size_pt, bold, dpi)
    boxes = [font.getbbox(each, anchor="ls") for each in (text, "lp")]  # as tall as usual letters at least
    return font.getlength(text), -min(box[1] for box in boxes), max(box[3] for box in boxes)


@lru_cache(maxsize=256)
def _opacity(text: str, size_pt: float, bold: bool, dpi: float) -> tuple[np.ndarray, tuple[int, int]]:
    """Return how opaque the letters are, (h, w, 4) of 0 to 255, and where they begin; most come again and again."""
    letters, offset = _type(size_pt, bold, dpi).getmask2(text, mode="L", anchor="ls")
    w, h = letters.size
    # the same for every channel: NumPy is slow where the last axis is stretched
    return np.repeat(np.frombuffer(bytes(letters), np.uint8).astype(np.uint16), 4).reshape(h, w, 4), offset


@lru_cache(maxsize=256)
def _letters(text: str, size_pt: float, bold: bool) -> TextPath:
    return TextPath((0, 0), text, size=size_pt, prop=_font(size_pt, bold))


def _pen(renderer: RendererBase, dpi: float, clip_in: Box | None) -> GraphicsContextBase:
    gc = renderer.new_gc()
    if clip_in is not None:
        gc.set_clip_rectangle(Bbox.from_bounds(*(side * dpi for side in clip_in)))
    return gc


def _rim(renderer: RendererBase, gc: GraphicsContextBase, halo: Halo, path: Path, placed: Transform) -> None:
    gc.set_foreground((0.0, 0.0, 0.0, halo.alpha), isRGBA=True)
    gc.set_linewidth(halo.width_pt)
    renderer.draw_path(gc, path, placed, None)


def _joined(lines: list[np.ndarray], closed: bool) -> Path:
    """Make one path of several lines."""
    if closed:
        lines = [np.concatenate([line, line[:1]]) for line in lines]
    codes = np.full(sum(map(len, lines)), Path.LINETO, Path.code_type)
    starts = np.cumsum([0, *(len(line) for line in lines[:-1])])
    codes[starts] = Path.MOVETO
    if closed:
        codes[starts + [len(line) - 1 for line in lines]] = Path.CLOSEPOLY
    return Path(np.concatenate(lines), codes)
