"""Whether two images of one size show the same place."""

from __future__ import annotations

import numpy as np

from zoo.common.types import Image

MAY_BE_APART = 0.5  # [voxels] by which headers may round the place of one grid


def voxels_apart(other: Image, image: Image) -> float:
    """Return by how many voxels, at most, the corners of two grids of one size lie apart; 0 where one has no place.

    Of two places of a NIfTI (sform, qform) either will do.
    """
    pairs = [(a, b) for a in _places(other) for b in _places(image)]
    return min((_distance(a, b, image.size) for a, b in pairs), default=0.0)


def _places(image: Image) -> list[np.ndarray]:
    """Return the one place of an image, both of a NIfTI that has two, or none."""
    if image.affine is None:
        return []
    worlds = image.nifti
    has_both = worlds is not None and worlds.sform_code and worlds.qform_code
    return [image.affine, worlds.to_qform @ image.affine] if worlds and has_both else [image.affine]


def _distance(other: np.ndarray, image: np.ndarray, size: tuple[int, ...]) -> float:
    """Return how far the corners of two grids of one size lie apart [voxels]; affines (4, 4)."""
    d, h, w = (1,) * (3 - len(size)) + size
    corners = np.array([[x, y, z, 1] for x in (0, w - 1) for y in (0, h - 1) for z in (0, d - 1)], float).T
    return float(np.abs(np.linalg.solve(image, other @ corners) - corners).max())
