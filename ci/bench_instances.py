"""Time the targets of CD-Net beside a plain search per object, and how a field of probabilities becomes objects.

Processor time of one process, the best of several. Targets: a piece of 256 x 256 with 110 nuclei.
Fields: 1,000 x 1,000.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import ndimage
from skimage.segmentation import find_boundaries

from zoo.common.instances.example import draw_nuclei
from zoo.common.types import Arrays, Sample
from zoo.models.cd_net.algorithm import CDNet
from zoo.models.cd_net.config import VARIANTS
from zoo.models.cd_net.directions import VECTORS

PIECE, NUCLEI = (256, 256), 110
FIELDS = {"no nucleus": 0, "1,000 nuclei": 1000, "2,000 nuclei": 2000}
SIDE = 1000


def timed(work: Callable[[], object], repeats: int) -> float:
    """Return the processor seconds of a call, the best of several."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def plain_targets(instances: np.ndarray) -> Arrays:
    """Make the targets object by object, each ray step by step, each distance over the whole piece."""
    points, direction = np.zeros(instances.shape), np.zeros(instances.shape, int)
    rows, columns = np.indices(instances.shape)
    distances = []
    for number in np.unique(instances)[1:]:
        mask = instances == number
        y, x = max(np.argwhere(mask).tolist(), key=lambda place: roundness(mask, place))
        points[y, x] = 255
        grown = ndimage.binary_dilation(mask)
        angle_deg = np.degrees(np.arctan2(y - rows, x - columns))
        direction[grown] = (np.round((angle_deg[grown] + 180) / 45) % 8 + 1).astype(int)
        distances.append(ndimage.distance_transform_edt(~(mask ^ ndimage.binary_erosion(mask, border_value=1))))
    nearest, second = np.sort(distances, axis=0)[:2]
    boundary = find_boundaries(instances, connectivity=1, mode="thick")
    return {
        "ternary": np.where(boundary, 2, instances > 0),
        "weight": 1 + 10 * np.exp(-((nearest + second) ** 2) / 50),
        "point": ndimage.gaussian_filter(points, 2.0),
        "direction": direction,
    }


def roundness(mask: np.ndarray, place: list[int]) -> float:
    """Walk from a pixel along eight rays to the border of its object; return shortest over longest."""
    lengths = []
    for dy, dx in VECTORS[1:].tolist():
        y, x, steps = *place, 0
        while 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and mask[y, x]:
            y, x, steps = y + dy, x + dx, steps + 1
        lengths.append((steps - 0.5) * np.hypot(dy, dx))
    return float(min(lengths) / max(lengths))


def field(count: int) -> tuple[Sample, np.ndarray]:
    """Draw a field and the blended maps of a network that knows it."""
    sample = draw_nuclei((SIDE, SIDE), 3, np.random.default_rng(0), count)
    algorithm = CDNet(VARIANTS["small"])
    maps = algorithm.perfect_outputs(sample)
    return sample, np.concatenate([maps[name] for name in algorithm.dense_outputs])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    algorithm = CDNet(VARIANTS["small"])
    sample = draw_nuclei(PIECE, 3, np.random.default_rng(0), NUCLEI)
    instances = sample.labels["instances"]
    table = Table("work", "CPU [ms]")
    table.add_row(
        f"targets, {len(np.unique(instances)) - 1} nuclei", ms(timed(lambda: algorithm.targets(sample), repeats))
    )
    table.add_row("the same, object by object", ms(timed(lambda: plain_targets(instances), 1)))
    for name, count in FIELDS.items():
        drawn, maps = field(count)
        kept = algorithm.name_kept(algorithm.keep(maps))
        table.add_row(f"probabilities kept, {name}", ms(timed(lambda maps=maps: algorithm.keep(maps), repeats)))
        for finder in (algorithm, CDNet(replace(VARIANTS["small"], separation="components"))):
            work = timed(lambda kept=kept, drawn=drawn, f=finder: f.postprocess(kept, drawn.image), repeats)
            table.add_row(f"objects from what was kept, {finder.config.separation}, {name}", ms(work))
    Console().print(table)


def ms(seconds: float) -> str:
    return f"{1000 * seconds:,.0f}"


if __name__ == "__main__":
    main()
