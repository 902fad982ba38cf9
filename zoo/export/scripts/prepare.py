"""Turn a picture into the inputs of a network by the steps in preprocessing.json, in NumPy alone.

Arrays (h, w), (h, w, 3) or (c, h, w) in .npy files are read by NumPy; PNG and JPEG by Pillow, where that is installed.
"""

import json
import pathlib

import numpy as np

PHOTOMETRIC = 262  # tag of TIFF: 0 where white is 0


def read(here: pathlib.Path, path: str | None = None) -> dict[str, np.ndarray]:
    """Return inputs by name, with a batch axis: what a file .npz holds, or what the steps make of a picture."""
    if not path or path.endswith(".npz"):
        with np.load(path or here / "example.npz") as file:
            return dict(file)
    told = json.loads((here / "preprocessing.json").read_text())
    if not told["steps"]:
        raise SystemExit(f"{path}: {told['not_as_steps']}. Give the network's inputs, as in example.npz")
    return {name: value[None] for name, value in prepare(open_picture(path), told["steps"]).items()}


def prepare(picture: np.ndarray, steps: dict) -> dict[str, np.ndarray]:
    """Do the steps of each input with a picture (c, h, w)."""
    found = {}
    for name, todo in steps.items():
        array = np.asarray(picture, np.float32)
        for step in todo:
            options = {key: value for key, value in step.items() if key != "do"}
            array = STEPS[step["do"]](array, **options)
        found[name] = np.ascontiguousarray(array, np.float32)
    return found


def open_picture(path: str) -> np.ndarray:
    """Read a picture as (c, h, w): upright, palettes as colours, without alpha; refuse what could be misread."""
    array = channels_first(np.load(path), path) if path.endswith(".npy") else by_pillow(path)
    if array.dtype.kind not in "buif" or not np.isfinite(array).all():
        raise SystemExit(f"{path}: {array.dtype} given, or values that are no numbers; expected finite intensities")
    if len(array) == 3 and array.dtype.kind == "f" and 0 < array.max() <= 1:
        raise SystemExit(f"{path}: colours within 0..1 given; expected 0..255. Multiply by 255")
    return array


def channels_first(array: np.ndarray, path: str) -> np.ndarray:
    """Return an array (h, w), (h, w, 1), colours (h, w, 3 or 4) or (c, h, w) of up to 4 channels as (c, h, w)."""
    if array.ndim == 2:
        return array[None]
    first, last = array.shape[:1] <= (4,), array.shape[-1:] in ((1,), (3,), (4,))
    if array.ndim != 3 or first == last or (not first and array.shape[-1] == 4 and array.dtype.kind == "f"):
        raise SystemExit(f"{path}: {array.dtype} {array.shape} given; expected (h, w), (h, w, 1 or 3) or (c, h, w)")
    return array if first else np.moveaxis(array[..., :3], -1, 0)


def by_pillow(path: str) -> np.ndarray:
    """Read a file of one picture; Pillow would take the first of several, and 8 of 16 bits of a colour."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        picture = Image.open(path)
    except UnidentifiedImageError:
        raise SystemExit(f"{path}: no picture that Pillow reads; give its intensities as .npy") from None
    if getattr(picture, "n_frames", 1) > 1 and picture.format != "JPEG":
        raise SystemExit(f"{path}: {picture.n_frames} pictures in one file; give them one by one")  # type: ignore[attr-defined]
    modes = [str(tile[-1]) for tile in picture.tile]
    if any(";16" in mode and ("RGB" in mode or "LA" in mode) for mode in modes):
        raise SystemExit(f"{path}: colours of 16 bits, of which Pillow reads 8; give them as .npy, (h, w, 3)")
    if picture.mode[0] in "IF" and picture.format == "TIFF" and picture.tag_v2.get(PHOTOMETRIC) == 0:  # type: ignore[attr-defined]
        raise SystemExit(f"{path}: white is stored as 0, which Pillow leaves so; give it with black as 0, or as .npy")
    upright = ImageOps.exif_transpose(picture)
    if not upright.mode.startswith(("I", "F")):
        upright = upright.convert("L" if upright.mode in ("1", "L", "LA", "La") else "RGB")
    array = np.asarray(upright)
    return array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)


def check(array: np.ndarray, low: float, high: float) -> np.ndarray:
    """Refuse intensities that the network was not made for."""
    if array.min() < low or array.max() > high:
        raise SystemExit(f"intensities {array.min():g} to {array.max():g}; expected {low:g} to {high:g}")
    return array


def channels(array: np.ndarray, count: int) -> np.ndarray:
    """Turn colours into grey, or repeat grey."""
    if len(array) == count:
        return array
    array = array[:3] if len(array) == 4 else array
    if len(array) == count:
        return array
    if len(array) not in (1, 3):
        raise SystemExit(f"{len(array)} channels given; expected {count}, or grey or colours to convert")
    grey = np.tensordot((0.299, 0.587, 0.114), array, 1) if len(array) == 3 else array[0]
    return np.repeat(grey[None], count, axis=0)


def stretch(array: np.ndarray, bounds: list | None = None, percentiles: list | None = None) -> np.ndarray:
    """Bring two intensities, or two percentiles of the picture, to 0 and 1; what is beyond stays beyond."""
    low, high = bounds or np.percentile(array, percentiles or [0, 100])
    return (array - low) / max(high - low, 1e-6)


def white(array: np.ndarray) -> np.ndarray:
    """Divide by what counts as white: 255, or the largest value beyond it; 1 where all lie within 0..1."""
    top = array.max()
    return array / (1 if top <= 1 else max(top, 255))


def window(array: np.ndarray, low: float, high: float) -> np.ndarray:
    """Show what has negative intensities (Hounsfield units) through a window, as 0..255."""
    return np.clip((array - low) * (255 / (high - low)), 0, 255) if array.min() < 0 else array


def normalise(array: np.ndarray, divide: float, mean: list, std: list) -> np.ndarray:
    """Divide, then take off a mean and divide by a deviation, one or one per channel."""
    return (array / divide - np.reshape(mean, (-1, 1, 1))) / np.reshape(std, (-1, 1, 1))


def balance(array: np.ndarray, black: float, means: list, least: float) -> np.ndarray:
    """Bring the mean of each channel over what is not black to a given one."""
    seen = array.max(axis=0) > black
    return array * np.reshape(means / np.maximum(array[:, seen].mean(1), least), (-1, 1, 1)) if seen.any() else array


def brightness(array: np.ndarray, size: list, black: float) -> np.ndarray:
    """Return how bright each cell of a grid is, 0..1, black as 0; all 1 where everything is black."""
    grey = array.max(axis=0)
    cells = resize(np.where(grey > black, grey / 255, 0)[None], size, "box")[0]
    return cells if cells.any() else np.ones(size)


def crop_lungs(array: np.ndarray, black: float, margin: float, least: float, most: float) -> np.ndarray:
    """Cut out the square around what is not black, unless that is next to nothing or most of the picture."""
    _, h, w = array.shape
    bright = array.max(axis=0) > black
    if not least <= bright.mean() <= most:
        return array
    spans = []
    for axis, across in ((1, w), (0, h)):
        places = np.flatnonzero(bright.sum(axis=axis) >= max(1, 0.01 * across))
        spans.append((places[0], places[-1] + 1) if len(places) else (0, bright.shape[1 - axis]))
    side = (1 + margin) * max(last - first for first, last in spans)
    cuts = []
    for (first, last), length in zip(spans, (h, w), strict=True):
        own = min(round(side), length)
        start = min(max(round((first + last) / 2 - own / 2), 0), length - own)
        cuts.append(slice(start, start + own))
    return array[:, cuts[0], cuts[1]]


def letterbox(array: np.ndarray, size: list) -> np.ndarray:
    """Fit a picture into the middle of a black canvas, its aspect ratio kept."""
    old = array.shape[1:]
    factor = min(new / n for new, n in zip(size, old, strict=True))
    inner = [max(1, min(side, round(n * factor))) for n, side in zip(old, size, strict=True)]
    top, left = ((side - n) // 2 for side, n in zip(size, inner, strict=True))
    boxed = np.zeros((len(array), *size))
    boxed[:, top : top + inner[0], left : left + inner[1]] = resize(array, inner)
    return boxed


def canvas(array: np.ndarray, size: list, fill: float, black: float | None, margin: int, enlarges: bool) -> np.ndarray:
    """Draw a picture, or what of it is not black, in the middle of a canvas of one grey, both sides alike."""
    spans = [(0, n) for n in array.shape[1:]]
    bright = array.max(axis=0) > (np.inf if black is None else black)
    if bright.any():
        found = [np.flatnonzero(bright.any(axis=axis)) for axis in (1, 0)]
        spans = [(max(p[0] - margin, 0), min(p[-1] + 1 + margin, n)) for p, (_, n) in zip(found, spans, strict=True)]
    fit = min(side / (last - first) for side, (first, last) in zip(size, spans, strict=True))
    factor = fit if enlarges else min(fit, 1.0)
    old = array.shape[1:]
    if factor < 1:  # smoothed first
        array = resize(array, [max(1, round(n * factor)) for n in old])
    drawn = []
    for n, now, side, (first, last) in zip(old, array.shape[1:], size, spans, strict=True):
        at = (np.arange(side) - side / 2 + 0.5) / factor + (first + last) / 2  # from the border of the first pixel
        drawn.append(between(at * now / n, now))
    (rows, has_row), (columns, has_column) = drawn
    return np.where(has_row[:, None] & has_column, rows @ array @ columns.T, fill)


def between(at: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the linear weights (places, pixels) of an axis, and which places lie on it; at: from its beginning."""
    first = np.floor(at - 0.5).astype(int)
    share, weights, every = at - 0.5 - first, np.zeros((len(at), count)), np.arange(len(at))
    np.add.at(weights, (every, np.clip(first, 0, count - 1)), 1 - share)
    np.add.at(weights, (every, np.clip(first + 1, 0, count - 1)), share)
    return weights, (at >= 0) & (at < count)


def resize(array: np.ndarray, size: list, by: str = "bicubic") -> np.ndarray:
    """Resize (c, h, w), smoothed where it shrinks: by bicubic curves, or by the mean of what a pixel covers."""
    rows, columns = (weights(old, new, by) for old, new in zip(array.shape[1:], size, strict=True))
    return rows @ array @ columns.T


def weights(old: int, new: int, by: str) -> np.ndarray:
    """Return how much of each old pixel of an axis goes into each new one, (new, old)."""
    middle = (np.arange(new)[:, None] + 0.5) * (old / new)
    apart = (np.arange(old) - middle + 0.5) * (1 / max(old / new, 1))  # as Pillow: a pixel may lie right on the edge
    x = np.abs(apart)
    if by == "box":
        found = ((apart > -0.5) & (apart <= 0.5)).astype(float)
    else:
        found = np.where(x < 1, (1.5 * x - 2.5) * x * x + 1, np.where(x < 2, ((x - 5) * x + 8) * x - 4, 0) * -0.5)
    return found / found.sum(axis=1, keepdims=True)


STEPS = {
    step.__name__: step
    for step in (
        *(check, channels, stretch, white, window, normalise, balance),
        *(brightness, crop_lungs, letterbox, canvas, resize, np.clip),
    )
}
