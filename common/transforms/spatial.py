"""Maps from one pixel grid to another that carry images, masks, points, boxes and ellipses along, there and back.

Places are (n, axes) in the order of the array's axes, (y, x) or (z, y, x), in pixels; 0 is the centre of the first.
Labels keep their own order, (x, y[, z]). Maps are chained by then(), and only the last grid is ever sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from zoo.common.errors import ConfigError, InputError
from zoo.common.transforms.steps import Affine, Elastic, tidy

Size: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Frame:
    """A grid of pixels or voxels and their size [mm]; None when unknown."""

    size: Size
    spacing_mm: tuple[float, ...] | None = None


Step: TypeAlias = Affine | Elastic


@dataclass(frozen=True, eq=False)
class SpatialMap:
    """Steps from an old grid to a new one; neighbouring affine steps are merged."""

    old: Frame
    new: Frame
    steps: tuple[Step, ...] = ()

    def then(self, other: SpatialMap) -> SpatialMap:
        """Return the map that does this one, then the other."""
        if self.new.size != other.old.size:
            raise InputError(f"a map from {other.old.size} follows one to {self.new.size}; expected the same grid")
        steps: list[Step] = []
        for step in (*self.steps, *other.steps):
            if steps and isinstance(step, Affine) and isinstance(steps[-1], Affine):
                steps[-1] = Affine(tidy(step.matrix @ steps[-1].matrix))
            else:
                steps.append(step)
        return SpatialMap(self.old, other.new, tuple(steps))

    def inverse(self) -> SpatialMap:
        """Return the map back to the old grid."""
        return SpatialMap(self.new, self.old, tuple(step.inverse() for step in reversed(self.steps)))

    def to_new(self, places: np.ndarray) -> np.ndarray:
        """Move places (n, axes) of the old grid to the new one."""
        for step in self.steps:
            places = step.forward(places)
        return places

    def to_old(self, places: np.ndarray) -> np.ndarray:
        """Find where places (n, axes) of the new grid came from."""
        for step in reversed(self.steps):
            places = step.backward(places)
        return places

    def grid_to_old(self, axes: Sequence[np.ndarray]) -> np.ndarray:
        """Find where the crossings of a grid came from, as to_old(); see Elastic.backward_grid()."""
        steps = list(reversed(self.steps))
        while steps and isinstance(steps[0], Affine) and (scale := steps[0].inverse().scale) is not None:
            axes = [places * factor + offset for places, (factor, offset) in zip(axes, scale, strict=True)]
            steps.pop(0)
        first = steps[0] if steps else None
        if isinstance(first, Elastic) and not first.is_inverted:
            places = first.backward_grid(axes)
            steps.pop(0)
        else:
            places = np.stack(np.meshgrid(*axes, indexing="ij", copy=False), axis=-1).reshape(-1, len(axes))
        for step in steps:
            places = step.backward(places)
        return places

    @property
    def matrix(self) -> np.ndarray:
        """The affine steps alone, old places to new ones; (axes + 1, axes + 1)."""
        matrix = np.eye(len(self.old.size) + 1)
        for step in self.steps:
            matrix = step.matrix @ matrix if isinstance(step, Affine) else matrix
        return matrix

    @property
    def is_affine(self) -> bool:
        """Whether matrix says everything."""
        return all(isinstance(step, Affine) for step in self.steps)


def identity(frame: Frame) -> SpatialMap:
    """Change nothing."""
    return SpatialMap(frame, frame)


def affine(frame: Frame, matrix: np.ndarray, size: Size | None = None) -> SpatialMap:
    """Move by a matrix (axes + 1, axes + 1), old places to new ones, onto a grid of `size`.

    The spacing follows from the matrix: a grid that shows things twice as large has half the spacing.
    """
    return SpatialMap(frame, _framed(frame, matrix, size or frame.size), (Affine(matrix),))


def flip(frame: Frame, axes: Sequence[int]) -> SpatialMap:
    """Mirror along axes, counted without the channels."""
    matrix = np.eye(len(frame.size) + 1)
    for axis in {axis % len(frame.size) for axis in axes}:
        matrix[axis, axis], matrix[axis, -1] = -1, frame.size[axis] - 1
    return affine(frame, matrix)


def quarter_turn(frame: Frame, count: int = 1, plane: tuple[int, int] = (-2, -1)) -> SpatialMap:
    """Turn by `count` right angles in a plane, from its first axis to its second, as np.rot90 does."""
    turned = identity(frame)
    for _ in range(count % 4):
        i, j = (axis % len(frame.size) for axis in plane)
        matrix = np.eye(len(frame.size) + 1)
        matrix[[i, j]] = matrix[[j, i]]
        matrix[i, :-1] *= -1
        matrix[i, -1] = turned.new.size[j] - 1
        size = list(turned.new.size)
        size[i], size[j] = size[j], size[i]
        turned = turned.then(affine(turned.new, matrix, tuple(size)))
    return turned


def crop(frame: Frame, start: Sequence[int] | np.ndarray, size: Size) -> SpatialMap:
    """Cut a window out; where it reaches beyond the grid, that is padding."""
    matrix = np.eye(len(frame.size) + 1)
    matrix[:-1, -1] = -np.asarray(start)
    return affine(frame, matrix, size)


def centre_crop(frame: Frame, size: Size) -> SpatialMap:
    """Cut out or pad around the centre."""
    return crop(frame, [(old - new) // 2 for old, new in zip(frame.size, size, strict=True)], size)


def resize(frame: Frame, size: Size) -> SpatialMap:
    """Stretch the whole grid to another number of pixels."""
    return _stretched(frame, [old / new for old, new in zip(frame.size, size, strict=True)], size)


def resample(frame: Frame, spacing_mm: Sequence[float]) -> SpatialMap:
    """Change the size of the voxels [mm]; the outer border stays where it is, but for the rounded number of voxels."""
    if frame.spacing_mm is None:
        raise InputError("the image has no spacing; expected one. Give spacing_mm when it is read.")
    step = [new / old for new, old in zip(spacing_mm, frame.spacing_mm, strict=True)]
    return _stretched(frame, step, tuple(max(1, round(n / s)) for n, s in zip(frame.size, step, strict=True)))


def letterbox(frame: Frame, size: Size) -> SpatialMap:
    """Fit the whole grid into `size` with its proportions kept, in the middle."""
    step = max(old / new for old, new in zip(frame.size, size, strict=True))
    inner = tuple(min(new, max(1, round(old / step))) for old, new in zip(frame.size, size, strict=True))
    fitted = resize(frame, inner)
    return fitted.then(centre_crop(fitted.new, size))


def about_centre(
    frame: Frame, linear: np.ndarray, shift: Sequence[float] | np.ndarray, size: Size | None = None
) -> SpatialMap:
    """Apply a linear map (axes, axes) about the centre, then a shift [px]; physically true when spacing is known.

    linear: in millimetres where the spacing is known, so that a turn keeps the shape of things in unequal voxels.
    """
    n, spacing = len(frame.size), np.diag(frame.spacing_mm or (1.0,) * len(frame.size))
    matrix = np.eye(n + 1)
    matrix[:n, :n] = np.linalg.inv(spacing) @ linear @ spacing
    middle = (np.array(frame.size) - 1) / 2
    target = (np.array(size or frame.size) - 1) / 2
    matrix[:n, n] = target + shift - matrix[:n, :n] @ middle
    return affine(frame, matrix, size)


def elastic(frame: Frame, knots_px: float, strength: float, rng: np.random.Generator) -> SpatialMap:
    """Draw a smooth deformation of knots that lie `knots_px` apart.

    strength: 0..1 of the largest shift that can never fold, knots_px / (2 axes).
    """
    if not 0 <= strength <= 1 or knots_px <= 0:
        raise ConfigError(f"knots_px={knots_px}, strength={strength} given; expected a positive number and 0..1")
    axes = len(frame.size)
    most = strength * knots_px / (2 * axes)
    grid = tuple(int(np.ceil((n - 1) / knots_px)) + 3 for n in frame.size)
    return SpatialMap(frame, frame, (Elastic(rng.uniform(-most, most, (axes, *grid)), (knots_px,) * axes),))


def _stretched(frame: Frame, step: Sequence[float], size: Size) -> SpatialMap:
    matrix = np.diag([*(1 / s for s in step), 1.0])
    matrix[:-1, -1] = [0.5 / s - 0.5 for s in step]  # borders of pixels are mapped, not centres
    return affine(frame, tidy(matrix), size)


def _framed(frame: Frame, matrix: np.ndarray, size: Size) -> Frame:
    if frame.spacing_mm is None:
        return Frame(size)
    back = np.linalg.inv(matrix)[:-1, :-1]
    return Frame(size, tuple(float(s) for s in np.linalg.norm(np.diag(frame.spacing_mm) @ back, axis=0)))
