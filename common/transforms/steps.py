"""The steps of a spatial map: affine, and elastic that never folds.

Places are (n, axes) in the order of the array's axes [px]; 0 is the centre of the first pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

ROUNDS = 200  # of the iteration that inverts an elastic map, at most; ten to thirty are usual
TOLERANCE_PX = 1e-7


@dataclass(frozen=True, eq=False)
class Affine:
    """An affine step; matrix: (axes + 1, axes + 1), old places to new ones."""

    matrix: np.ndarray

    def forward(self, places: np.ndarray) -> np.ndarray:
        """Move old places to new ones."""
        n = places.shape[1]
        return places @ self.matrix[:n, :n].T + self.matrix[:n, n]

    def backward(self, places: np.ndarray) -> np.ndarray:
        """Find where new places came from."""
        return self.inverse().forward(places)

    def inverse(self) -> Affine:
        """Return the step back."""
        return Affine(tidy(np.linalg.inv(self.matrix)))

    @property
    def scale(self) -> list[tuple[float, float]] | None:
        """Factor and offset of each axis, where the axes stay apart; else None."""
        linear = self.matrix[:-1, :-1]
        factors = np.diag(linear)
        return None if (linear != np.diag(factors)).any() else list(zip(factors, self.matrix[:-1, -1], strict=True))


@dataclass(frozen=True, eq=False)
class Elastic:
    """A smooth step: a new place p came from p + u(p), where u is a cubic B-spline on a coarse grid.

    shifts_px: (axes, *grid) coefficients; knots_px: distance of the grid's points per axis. Shifts below
    knots / (2 axes) make u a contraction, so that the step never folds and the iteration of its inverse converges.
    """

    shifts_px: np.ndarray
    knots_px: tuple[float, ...]
    is_inverted: bool = False

    def forward(self, places: np.ndarray) -> np.ndarray:
        """Move old places to new ones."""
        return self._add(places) if self.is_inverted else self._solve(places)

    def backward(self, places: np.ndarray) -> np.ndarray:
        """Find where new places came from."""
        return self._solve(places) if self.is_inverted else self._add(places)

    def inverse(self) -> Elastic:
        """Return the step back."""
        return replace(self, is_inverted=not self.is_inverted)

    def backward_grid(self, axes: Sequence[np.ndarray]) -> np.ndarray:
        """Find where the crossings of a grid came from; the same as backward(), much faster.

        axes: the places (n,) along each axis. Returns (n1 * n2 ..., axes).
        """
        shifts = self.shifts_px
        for places, knots, count in zip(axes, self.knots_px, self.shifts_px.shape[1:], strict=True):
            # each turn consumes the first grid axis and appends its values last
            shifts = np.tensordot(shifts, _spline(_knot(places, knots, count), count), axes=(1, 1))
        crossings = np.stack(np.meshgrid(*axes, indexing="ij", copy=False), axis=-1)
        return (crossings + np.moveaxis(shifts, 0, -1)).reshape(-1, len(axes))

    def _add(self, places: np.ndarray) -> np.ndarray:
        pairs = zip(places.T, self.knots_px, self.shifts_px.shape[1:], strict=True)
        knots = np.stack([_knot(*pair) for pair in pairs])
        shifts = [ndimage.map_coordinates(s, knots, order=3, prefilter=False, mode="nearest") for s in self.shifts_px]
        return places + np.stack(shifts, axis=-1)

    def _solve(self, places: np.ndarray) -> np.ndarray:
        """Find p with p + u(p) = places."""
        found = places
        for _ in range(ROUNDS):
            missing = places - self._add(found)
            found = found + missing
            if not missing.size or np.abs(missing).max() < TOLERANCE_PX:
                break
        return found


def tidy(matrix: np.ndarray) -> np.ndarray:
    """Remove rounding errors from whole numbers, so that exact maps are seen to be exact."""
    whole = np.round(matrix)
    return np.where(np.abs(matrix - whole) < 1e-10, whole, matrix)


def _knot(places: np.ndarray, knots_px: float, count: int) -> np.ndarray:
    """Count places (n,) in knots; beyond the image the last shift goes on."""
    return np.clip(places / knots_px + 1, 1, count - 2)


def _spline(knots: np.ndarray, count: int) -> np.ndarray:
    """Return what each of `count` coefficients gives to each place, (n, count): uniform cubic B-splines."""
    distance = np.abs(knots[:, None] - np.arange(count))
    near = 2 / 3 - distance**2 + distance**3 / 2
    return np.where(distance < 1, near, np.clip(2 - distance, 0, None) ** 3 / 6)
