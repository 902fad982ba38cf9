"""Resize, warp and jitter pictures, and the affine maps that carry coordinates along.

Coordinates are (x, y) in pixels and (0, 0) is the centre of the first pixel. An affine map is a (2, 3) float64 matrix
[A | t]: p -> A p + t.
"""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow

Size = tuple[int, ...]  # (h, w)
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R 601)


def resize(array: np.ndarray, size: Size, *, nearest: bool = False) -> np.ndarray:
    """Resize (c, h, w) by PIL's bicubic filter, widened when shrinking against aliasing; or by nearest neighbour.

    Keeps the dtype float32; bicubic may leave the input's range by a few per cent at sharp edges.
    """
    if tuple(array.shape[1:]) == tuple(size):
        return array.astype(np.float32)
    method = Pillow.Resampling.NEAREST if nearest else Pillow.Resampling.BICUBIC
    return np.stack([np.asarray(_picture(plane).resize((size[1], size[0]), method)) for plane in array])


def letterbox(
    array: np.ndarray, size: Size, fill: float = 0.0, *, nearest: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Fit (c, h, w) into `size` with its aspect ratio kept and the rest filled; also return the map back.

    The picture sits in the middle. Returns (c, *size) float32 and the (2, 3) map from the new to the old pixels.
    """
    h, w = array.shape[1:]
    (top, left), inner = _inner(array.shape[1:], size)
    boxed = np.full((array.shape[0], *size), fill, np.float32)
    boxed[:, top : top + inner[0], left : left + inner[1]] = resize(array, inner, nearest=nearest)
    # rounding the inner size makes the two factors differ a little, so each axis has its own
    step = np.array([w / inner[1], h / inner[0]])
    back = np.zeros((2, 3))
    back[:, :2] = np.diag(step)
    back[:, 2] = step * (0.5 - np.array([left, top])) - 0.5  # pixel borders are mapped, not centres
    return boxed, back


def undo_letterbox(array: np.ndarray, size: Size) -> np.ndarray:
    """Cut out what letterbox() put into (c, h, w) and bring it back to the picture's own `size`."""
    (top, left), inner = _inner(size, array.shape[1:])
    return resize(array[:, top : top + inner[0], left : left + inner[1]], size)


def _inner(old: Size, new: Size) -> tuple[Size, Size]:
    """Return the place (top, left) and the size (h, w) of a picture of size `old` in its letterbox `new`."""
    factor = min(new[0] / old[0], new[1] / old[1])
    h, w = (max(1, min(side, round(n * factor))) for n, side in zip(old, new, strict=True))
    return ((new[0] - h) // 2, (new[1] - w) // 2), (h, w)


def warp_affine(array: np.ndarray, matrix: np.ndarray, size: Size, fill: float = 0.0) -> np.ndarray:
    """Draw (c, h, w) moved by `matrix` (old to new pixels) on a canvas of `size`, bilinear, `fill` outside.

    Does not smooth before shrinking: shrink by resize() or letterbox() first when the factor is below about 0.5.
    """
    back = invert_affine(matrix)
    offset = back[:, 2] + 0.5 - back[:, :2] @ (0.5, 0.5)  # PIL counts from the corner of the first pixel
    data = (*back[0, :2], offset[0], *back[1, :2], offset[1])
    planes = [
        _picture(plane).transform(
            (size[1], size[0]), Pillow.Transform.AFFINE, data, resample=Pillow.Resampling.BILINEAR, fillcolor=fill
        )
        for plane in array
    ]
    return np.stack([np.asarray(plane) for plane in planes])


def centred_affine(
    size: Size,
    *,
    angle_rad: float = 0.0,
    scale: float = 1.0,
    shift_px: tuple[float, float] = (0, 0),
    flip: bool = False,
) -> np.ndarray:
    """Build the map that mirrors x if asked, turns from +x towards +y about the centre, scales, then shifts (x, y)."""
    centre = (np.array(size[::-1], float) - 1) / 2
    cos, sin = scale * np.cos(angle_rad), scale * np.sin(angle_rad)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([-1.0 if flip else 1.0, 1.0])
    return np.column_stack([linear, centre + shift_px - linear @ centre])


def transform_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Move points (..., 2), each (x, y)."""
    return np.asarray(points, float) @ matrix[:, :2].T + matrix[:, 2]


def invert_affine(matrix: np.ndarray) -> np.ndarray:
    """Return the map back."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def compose_affine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the map that does `first`, then `second`."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


def jitter_intensity(
    array: np.ndarray, rng: np.random.Generator, brightness: float = 0.15, contrast: float = 0.15
) -> np.ndarray:
    """Multiply the mean by 1 +- brightness and the distance from the mean by 1 +- contrast, both drawn evenly."""
    mean = array.mean(dtype=np.float64)
    gain = 1 + rng.uniform(-brightness, brightness)
    spread = 1 + rng.uniform(-contrast, contrast)
    return ((array - mean) * (gain * spread) + mean * gain).astype(np.float32)


def to_channels(array: np.ndarray, channels: int) -> np.ndarray:
    """Turn (c, h, w) into another number of channels: RGB to grey, one plane by repeating it."""
    if array.shape[0] == channels:
        return array
    if array.shape[0] == 4:  # alpha says nothing about the picture
        return to_channels(array[:3], channels)
    if array.shape[0] == 3:
        grey = np.tensordot(LUMA, array, axes=1)[None].astype(np.float32)
    else:
        grey = array.mean(axis=0, keepdims=True, dtype=np.float32)
    return np.repeat(grey, channels, axis=0)


def _picture(plane: np.ndarray) -> Pillow.Image:
    return Pillow.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
