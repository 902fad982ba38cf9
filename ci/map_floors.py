"""Measure what label-free maps of lung slices reach: pixel PR-AUC over the lesion slices of a split.

python ci/map_floors.py DATA --split test
python ci/map_floors.py DATA --split test --map WeaklyLesionLocalisation   # its shipped map, as it is and unsmoothed
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

import zoo
from zoo.common.datasets import open_dataset
from zoo.common.localisation.scores import above_median_map, bright_map
from zoo.common.metrics.localisation import LEVELS, count_levels, pixel_pr_auc
from zoo.common.types import Image

FLOORS: dict[str, Callable[[Image], np.ndarray]] = {
    "brightness": lambda image: image.array[0] / 255,
    "smoothed brightness": bright_map,
    "smoothed brightness above the lung's median": lambda image: np.sqrt(above_median_map(image)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--map", help="an algorithm whose map is measured too")
    arguments = parser.parse_args()
    maps = dict(FLOORS)
    if arguments.map:
        for told, options in (("", {}), (", not smoothed", {"smooth_px": 0.0})):
            model = zoo.load(arguments.map, **options)
            maps[model.name + told] = lambda image, model=model: np.asarray(model.predict(image).heat_map)
    counts = {name: np.zeros((2, LEVELS), np.int64) for name in maps}
    for sample in open_dataset(arguments.data, "localisation").split(arguments.split):
        if not sample.labels["mask"].any():
            continue
        for name, make in maps.items():
            counts[name] += count_levels(sample.labels["mask"], make(sample.image))
    for name, count in counts.items():
        print(f"{pixel_pr_auc(count):.4f}  {name}")


if __name__ == "__main__":
    main()
