"""Size and shape of objects in a map, by scikit-image; also in micrometres where the pixels have a size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.common.quiet import quiet

ROWS = 512  # of a map that are added up at a time
LARGEST_TABLE = 1 << 24  # number of an object up to which a table of all numbers is made
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
    with quiet():  # a hull of one or two pixels is none, and solidity then 1
        # shapes are of the object, not of its pixels
        shape = regionprops_table(instances, properties=names, spacing=(sides[0] / sides[1], 1.0))
        perimeter = regionprops_table(instances, properties=("perimeter",))["perimeter"]
    area = add_up(instances, count)
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


def add_up(instances: np.ndarray, count: int, values: np.ndarray | None = None) -> np.ndarray:
    """Sum values (h, w), or count pixels, over each object 1..count of a map (h, w); (count,) float64.

    A few rows at a time, because numbers and weights become eight bytes per pixel on the way.
    """
    total = np.zeros(count + 1)
    for start in range(0, len(instances), ROWS):
        rows = slice(start, start + ROWS)
        weights = None if values is None else values[rows].ravel()
        total += np.bincount(instances[rows].ravel(), weights=weights, minlength=count + 1)
    return total[1:]


def mean_scores(instances: np.ndarray, count: int, probability: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Average a probability (h, w), which comes times `scale`, over each object 1..count; (count,) in [0, 1]."""
    return np.clip(add_up(instances, count, probability) / add_up(instances, count) / scale, 0.0, 1.0)


def renumber(instances: np.ndarray) -> np.ndarray:
    """Number the objects of a map 1..n without gaps, in the order of their numbers; int32."""
    top = int(instances.max(initial=0))
    if instances.dtype.kind in "uib" and instances.min(initial=0) >= 0 and top <= LARGEST_TABLE:
        is_there = add_up(instances.astype(np.int32, copy=False), top) > 0
        if is_there.all():
            return instances.astype(np.int32, copy=False)
        return np.append(0, np.cumsum(is_there) * is_there).astype(np.int32)[instances]
    present, places = np.unique(instances, return_inverse=True)
    return (places.reshape(instances.shape) + (0 if 0 in present else 1)).astype(np.int32)
