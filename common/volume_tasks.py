"""What algorithms on volumes share beside their input: views that make sense, and a synthetic sample."""

from __future__ import annotations

import numpy as np

from zoo.common.tta import View, flips
from zoo.common.types import Image, Sample


def mirror_views(axes: tuple[int, ...]) -> tuple[View, ...]:
    """List the ways to mirror a volume along some of its axes (0, 1, 2 for d, h, w); () when there are none."""
    return tuple(view for view in flips(3) if set(view.flipped) <= set(axes)) if axes else ()


def draw_parts(
    size: tuple[int, ...], classes: int, channels: int, spacing_mm: tuple[float, ...], rng: np.random.Generator
) -> Sample:
    """Draw an ellipsoid in noise, cut along h into a part per class; each part has its own brightness."""
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in size), indexing="ij"))
    centre, radii = rng.uniform(-0.15, 0.15, 3), rng.uniform(0.5, 0.75, 3)
    place = (grid - centre.reshape(3, 1, 1, 1)) / radii.reshape(3, 1, 1, 1)
    part = np.minimum((place[1] + 1) / 2 * (classes - 1), classes - 2).astype(np.int64) + 1
    mask = np.where((place**2).sum(0) < 1, part, 0)
    brightness = np.linspace(0, 400, classes)[mask] + 100
    array = brightness + rng.normal(0, 25, (channels, *size))
    image = Image(array.astype(np.float32), tuple(spacing_mm) or None, name="example.nii.gz")
    return Sample(image, {"mask": mask}, group=f"example-{rng.integers(2**31)}")
