"""Synthetic fetal ultrasound with known ellipses: a head, or the four-chamber view of the heart in its thorax.

Anatomy is a map of echo strengths; the picture follows by the sector of the probe, shadows along its beams, speckle
and logarithmic compression. It feeds tests and examples; it proves nothing about patients.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from zoo.common.ellipses import geometry
from zoo.common.types import Image, Sample

Size = tuple[int, int]  # (h, w)
PIXEL_MM = 0.25
HALF_WIDTH = float(np.sqrt(2 * np.log(2)))  # of a Gaussian line, in pens, where its brightness is half


def draw_head(size: Size, rng: np.random.Generator) -> Sample:
    """Draw a fetal head in its standard plane: skull, midline, ventricles; class 0 is the head."""
    short = min(size)
    b = short * rng.uniform(0.24, 0.38)
    head = _place(0, size, b * rng.uniform(1.15, 1.4), b, rng.uniform(-np.pi, np.pi), rng, loose=0.08)
    pen = _skull_pen(size)
    echo = _tissue(size, rng, strength=0.12)
    radius = level(head, size)
    echo = _inside(echo, radius, 0.05)
    echo = np.maximum(echo, 0.2 * _line(_frame(head, size)[1] * b, pen * 0.6) * (radius < 0.8))  # the falx
    for side in (-1, 1):
        u, v = _frame(head, size)
        ventricle = ((u - 0.35) / 0.22) ** 2 + ((v - side * 0.3) / 0.10) ** 2
        echo = np.where(ventricle < 1, 0.012, echo)
    # the skull is bright where the beam meets it at a right angle, and weak along the beam
    depth, _ = _beams(size)
    normal = _facing(radius, depth)
    echo = echo + (0.12 + 1.1 * normal**3) * _line((radius - 1) * b, pen)
    return _sample(echo, np.stack([head]), size, rng, "simulated-head")


def outer_edge(head: np.ndarray, size: Size) -> np.ndarray:
    """Return the ellipse along the outer edge of the skull, which clinicians measure; `head` is the middle of its bone.

    head: (6,) as draw_head() labels it. The edge is where the line of the skull has half of its brightness.
    """
    growth = 1 + HALF_WIDTH * _skull_pen(size) / head[4]  # the line is drawn over the radius, in units of b
    return head * np.array([1, 1, 1, growth, growth, 1])


def _skull_pen(size: Size) -> float:
    return max(1.0, min(size) / 85)


def draw_heart_view(size: Size, rng: np.random.Generator) -> Sample:
    """Draw a four-chamber view: thorax (class 0) with ribs and spine, heart (class 1) with chambers and septum."""
    short = min(size)
    b = short * rng.uniform(0.30, 0.40)
    turn = rng.uniform(-np.pi, np.pi)
    thorax = _place(0, size, b * rng.uniform(1.05, 1.25), b, turn, rng, loose=0.05)
    heart_b = b * rng.uniform(0.38, 0.55)
    towards = turn + rng.uniform(-0.5, 0.5)
    away = b * rng.uniform(0.15, 0.3)
    middle = thorax[1:3] + away * np.array([np.cos(towards), np.sin(towards)])
    heart_angle = turn + np.radians(rng.uniform(25, 65)) * rng.choice([-1, 1])
    heart = geometry.canonical(np.array([1, *middle, heart_b * rng.uniform(1.2, 1.5), heart_b, heart_angle]))[0]
    pen = max(1.0, short / 90)
    echo = _inside(_tissue(size, rng, strength=0.12), level(thorax, size), 0.09)
    echo = echo + 0.3 * _line((level(thorax, size) - 1) * b, pen * 1.5)
    echo = np.maximum(echo, _ribs(thorax, size, pen))
    echo = _chambers(echo, heart, size, rng)
    echo = echo + 0.25 * _line((level(heart, size) - 1) * heart[4], pen)
    spine = thorax[1:3] - 0.82 * thorax[4] * np.array([-np.sin(turn), np.cos(turn)])
    echo = np.maximum(echo, 1.3 * _spot(spine, size, short * 0.03))
    return _sample(echo, np.stack([thorax, heart]), size, rng, "simulated-heart", shadow_from=spine)


def level(ellipse: np.ndarray, size: Size) -> np.ndarray:
    """Return 0 in the centre, 1 on the boundary, growing outwards; (h, w)."""
    u, v = _frame(ellipse, size)
    return np.hypot(u, v)


def _frame(ellipse: np.ndarray, size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Return each pixel's coordinates along the axes, in semi-axes."""
    _, cx, cy, a, b, angle = ellipse
    y, x = np.mgrid[: size[0], : size[1]]
    cos, sin = np.cos(angle), np.sin(angle)
    return ((x - cx) * cos + (y - cy) * sin) / a, ((y - cy) * cos - (x - cx) * sin) / b


def _place(
    label: int, size: Size, a: float, b: float, angle: float, rng: np.random.Generator, loose: float
) -> np.ndarray:
    centre = (np.array(size[::-1]) - 1) / 2 + rng.uniform(-loose, loose, 2) * size[::-1]
    return geometry.canonical(np.array([label, *centre, a, b, angle]))[0]


def _tissue(size: Size, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Return uneven echoes, as of placenta and muscle."""
    coarse = gaussian_filter(rng.normal(size=size), min(size) / 14)
    return strength * np.exp(0.9 * coarse / max(float(coarse.std()), 1e-9))


def _inside(echo: np.ndarray, radius: np.ndarray, strength: float) -> np.ndarray:
    return np.where(radius < 1, strength, echo)


def _line(distance_px: np.ndarray, pen_px: float) -> np.ndarray:
    return np.exp(-0.5 * (distance_px / pen_px) ** 2)


def _spot(centre: np.ndarray, size: Size, radius: float) -> np.ndarray:
    y, x = np.ogrid[: size[0], : size[1]]
    return np.exp(-0.5 * ((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / radius**2)


def _ribs(thorax: np.ndarray, size: Size, pen: float) -> np.ndarray:
    """Return bright pieces along a ring just inside the skin."""
    u, v = _frame(thorax, size)
    pieces = np.clip(np.cos(7 * np.arctan2(v, u)), 0, 1) ** 2
    return 1.1 * pieces * _line((np.hypot(u, v) - 0.9) * thorax[4], pen)


def _chambers(echo: np.ndarray, heart: np.ndarray, size: Size, rng: np.random.Generator) -> np.ndarray:
    """Fill the heart with muscle and carve two ventricles (long) and two atria (short) around the septum."""
    u, v = _frame(heart, size)
    echo = np.where(np.hypot(u, v) < 1, 0.22, echo)
    for side in (-1, 1):
        for start, half in ((0.33, 0.42), (-0.48, 0.30)):
            wide = 0.30 * rng.uniform(0.85, 1.1)
            chamber = ((u - start) / half) ** 2 + ((v - side * 0.40) / wide) ** 2
            echo = np.where(chamber < 1, 0.01, echo)
    return echo


def _beams(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Return each pixel's depth [px] and beam angle [rad, 0 straight down] from the apex of the sector."""
    h, w = size
    y, x = np.mgrid[:h, :w]
    apex = (w / 2 - 0.5, -0.35 * h)
    return np.hypot(x - apex[0], y - apex[1]), np.arctan2(x - apex[0], y - apex[1])


def _facing(radius: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Return how squarely the beam meets the ellipse's boundary, 0..1."""
    (gy, gx), (dy, dx) = np.gradient(radius), np.gradient(depth)
    return np.abs(gx * dx + gy * dy) / np.maximum(np.hypot(gx, gy) * np.hypot(dx, dy), 1e-9)


def _sample(
    echo: np.ndarray,
    rows: np.ndarray,
    size: Size,
    rng: np.random.Generator,
    name: str,
    shadow_from: np.ndarray | None = None,
) -> Sample:
    """Look at the echoes through a probe."""
    depth, beam = _beams(size)
    gain = np.exp(-rng.uniform(0.2, 0.7) * depth / depth.max())
    for _ in range(rng.integers(1, 4)):
        gain = gain * (1 - 0.5 * rng.random() * _line(beam - rng.uniform(-0.6, 0.6), 0.03))
    if shadow_from is not None:
        x, y = np.clip(np.round(shadow_from), 0, (size[1] - 1, size[0] - 1)).astype(int)
        gain = gain * (1 - 0.8 * _line(beam - beam[y, x], 0.05) * (depth > depth[y, x] + 3))
    grain = max(0.5, min(size) / 160)
    wave = [gaussian_filter(rng.normal(size=size), (grain * 0.6, grain * 1.2)) for _ in range(2)]
    speckle = np.hypot(*wave) / np.hypot(*(part.std() for part in wave))
    # frames are compounded from several looks, so that speckle is milder than a single look's
    amplitude = gaussian_filter(echo, grain * 0.6) * gain * speckle**0.6 + 0.003
    decibel = 20 * np.log10(amplitude)
    grey = 255 * np.clip((decibel + 40) / 44, 0, 1) ** 1.4  # 44 dB from black to white
    field = (np.abs(beam) < np.radians(40)) & (depth < 1.33 * size[0]) & (depth > 0.40 * size[0])
    picture = np.where(field, grey, 0).round().astype(np.float32)
    return Sample(Image(picture[None], (PIXEL_MM, PIXEL_MM), name=name), {"ellipses": rows}, group=name)
