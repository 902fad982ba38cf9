"""Size and shape of objects in a map, by scikit-image; also in micrometres where the pixels have a size."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

SAME = 1e-3  # relative difference of the sides of a pixel below which it is square


def measure_objects(instances: np.ndarray, count: int, spacing_mm: Sequence[float] | None) -> dict[str, np.ndarray]:
    """Measure each object 1..count of a map (h, w), every one of which has a pixel; name with unit -> (count,).

    The perimeter goes through the middles of the border's pixels, and is given in micrometres for square pixels only.
    """
    if not count:
        return {}
    from skimage.measure import regionprops_table

    sides = (1.0, 1.0) if spacing_mm is None else (float(spacing_mm[-2]), float(spacing_mm[-1]))
    names = ("centroid", "eccentricity", "solidity")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a hull of one or two pixels is none, and solidity then 1
        # shapes are of the object, not of its pixels
        shape = regionprops_table(instances, properties=names, spacing=(sides[0] / sides[1], 1.0))
        perimeter = regionprops_table(instances, properties=("perimeter",))["perimeter"]
    area = np.bincount(instances.ravel(), minlength=count + 1)[1:].astype(np.float64)
    found = {
        "x_px": shape["centroid-1"],
        "y_px": shape["centroid-0"] * sides[1] / sides[0],
        "area_px": area,
        "equivalent_diameter_px": np.sqrt(4 * area / np.pi),
        "eccentricity": shape["eccentricity"],
        "solidity": np.minimum(shape["solidity"], 1.0),
        "perimeter_px": perimeter,
    }
    if spacing_mm is None:
        return found
    um2 = area * sides[0] * sides[1] * 1e6
    found |= {"x_mm": found["x_px"] * sides[1], "y_mm": found["y_px"] * sides[0]}
    found |= {"area_um2": um2, "equivalent_diameter_um": np.sqrt(4 * um2 / np.pi)}
    if abs(sides[0] / sides[1] - 1) < SAME:
        found["perimeter_um"] = perimeter * sides[0] * 1e3
    return found


def renumber(instances: np.ndarray) -> np.ndarray:
    """Number the objects of a map 1..n without gaps, in the order of their numbers; int32."""
    if instances.size and instances.min() >= 0 and instances.max() < max(2 * instances.size, 1024):
        is_there = np.bincount(instances.ravel().astype(np.int64)) > 0
        is_there[0] = False
        return (np.cumsum(is_there) * is_there).astype(np.int32)[instances]
    present, places = np.unique(instances, return_inverse=True)
    places = places.reshape(instances.shape) + (0 if 0 in present else 1)
    return places.astype(np.int32)
