"""DICOM slices as one volume: sorted along their normal, complete, parallel and straight, or refused with a list."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.common.errors import InputError
from zoo.common.io.voxels import MAX_SKEW_DEG

SAME_SPACING = 1e-3  # share by which pixel sizes may differ
SAME_DIRECTION = 1e-3  # difference of cosines by which parallel slices may differ
SAME_GAP = 0.1  # share of the slice distance by which gaps may differ: positions are often rounded to 0.1 mm
TO_NIFTI = np.diag([-1.0, -1.0, 1.0, 1.0])  # DICOM counts to the left and back, NIfTI to the right and front
SHOWN = 5  # entries of a list in a message


@dataclass(frozen=True)
class Plane:
    """Where one slice lies.

    position: centre of its first pixel [mm]. axes: (2, 3) directions in which columns and rows are counted.
    spacing_mm: (h, w) of a pixel. size: rows and columns.
    """

    label: str
    position: np.ndarray
    axes: np.ndarray
    spacing_mm: tuple[float, float]
    size: tuple[int, int]

    @property
    def normal(self) -> np.ndarray:
        """Direction in which slices are counted."""
        return np.cross(*self.axes)


def stack(planes: Sequence[Plane], name: str) -> tuple[list[int], np.ndarray]:
    """Return the order of the slices along their normal, and voxel index (x, y, z) to world in NIfTI's axes."""
    _refuse_mixture(planes, name)
    first = planes[0]
    positions = np.array([plane.position for plane in planes])
    depths = positions @ first.normal
    order = [int(i) for i in np.argsort(depths, kind="stable")]
    _refuse_gaps([planes[i].label for i in order], depths[order], name)
    _refuse_tilt(positions[order], first, name)
    step = (positions[order[-1]] - positions[order[0]]) / (len(planes) - 1)
    return order, plane_affine(planes[order[0]], step)


def plane_affine(plane: Plane, step: np.ndarray) -> np.ndarray:
    """Return voxel index to world for slices that follow `plane` by `step` [mm]."""
    affine = np.eye(4)
    affine[:3, 0] = plane.axes[0] * plane.spacing_mm[1]
    affine[:3, 1] = plane.axes[1] * plane.spacing_mm[0]
    affine[:3, 2] = step
    affine[:3, 3] = plane.position
    return TO_NIFTI @ affine


def listed(entries: Sequence[str]) -> str:
    """Join a few entries, and say how many more there are."""
    more = f" and {len(entries) - SHOWN} more" if len(entries) > SHOWN else ""
    return "; ".join(entries[:SHOWN]) + more


def _refuse_mixture(planes: Sequence[Plane], name: str) -> None:
    spacings, axes = np.array([plane.spacing_mm for plane in planes]), np.array([plane.axes for plane in planes])
    for what, differs in (
        ("sizes", [plane.size != planes[0].size for plane in planes]),
        ("pixel sizes", (np.abs(spacings / spacings[0] - 1) > SAME_SPACING).any(1)),
        ("directions", (np.abs(axes - axes[0]) > SAME_DIRECTION).any((1, 2))),
    ):
        if any(differs):
            kinds = Counter(_described(plane) for plane in planes)
            found = listed([f"{count} x {kind}" for kind, count in kinds.most_common()])
            raise InputError(f"{name}: slices of different {what} ({found}); expected one kind. Move the others apart.")


def _described(plane: Plane) -> str:
    height, width = plane.size
    return f"{height} x {width} pixels of {plane.spacing_mm[0]:.4g} x {plane.spacing_mm[1]:.4g} mm, " + (
        f"normal {np.round(plane.normal, 2).tolist()}"
    )


def _refuse_gaps(labels: list[str], depths: np.ndarray, name: str) -> None:
    gaps = np.diff(depths)
    usual = float(np.quantile(gaps, 0.5, method="lower"))  # one of the gaps, and never between two of them
    tiny = max(SAME_GAP * usual, 1e-3)
    doubles = [f"{labels[i]} and {labels[i + 1]} at {depths[i]:.2f} mm" for i in np.flatnonzero(gaps < tiny)]
    if doubles:
        raise InputError(
            f"{name}: {len(doubles)} slices lie where another one does ({listed(doubles)}); expected one slice per "
            "place. Move repetitions and other points in time apart."
        )
    wide = np.flatnonzero(np.abs(gaps - usual) > SAME_GAP * usual)
    holes = [f"{gaps[i]:.2f} mm between {labels[i]} and {labels[i + 1]}" for i in wide]
    if 2 * len(wide) >= len(gaps):  # nothing is usual
        kinds = Counter(f"{gap:.1f} mm" for gap in gaps)
        found = listed([f"{count} x {kind}" for kind, count in kinds.most_common()])
        raise InputError(
            f"{name}: slices at mixed distances ({found}); expected even ones. Export the parts of different slice "
            "thickness apart, or resample them to one."
        )
    if holes:
        raise InputError(
            f"{name}: gaps that are not the usual {usual:.2f} mm ({listed(holes)}); expected every slice, at even "
            "distances. Copy the series again."
        )


def _refuse_tilt(positions: np.ndarray, plane: Plane, name: str) -> None:
    """Refuse slices that shift sideways: steadily (a tilted gantry), or each by itself."""
    whole = positions[-1] - positions[0]
    along = float(whole @ plane.normal)
    tilt_deg = math.degrees(math.atan2(float(np.linalg.norm(whole - along * plane.normal)), along))
    if tilt_deg > MAX_SKEW_DEG:
        raise InputError(
            f"{name}: slices are shifted sideways by {tilt_deg:.1f} degrees, as by a tilted gantry; expected them "
            f"straight above each other, within {MAX_SKEW_DEG}. Correct the tilt first."
        )
    even = positions[0] + np.linspace(0, 1, len(positions))[:, None] * whole
    aside = (positions - even) @ plane.axes.T
    if float(np.abs(aside).max()) > min(plane.spacing_mm):
        raise InputError(
            f"{name}: slices jump sideways by up to {np.abs(aside).max():.2f} mm; expected a straight stack"
        )
