"""Draw a data set of synthetic four-chamber views, to train the heart preset of EllipseNet without patients' images."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from zoo.common.ellipses.fetal_simulator import draw_heart_view

SIZE = (384, 576)  # (h, w) [px]
SPLITS = {"train": 400, "val": 60, "test": 100}
CLASSES = ("thorax", "heart")


def main() -> None:
    """Write pictures and manifest.csv into the folder that is given."""
    folder = Path(sys.argv[1])
    (folder / "images").mkdir(parents=True)
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "split", "label", "cx", "cy", "a", "b", "theta", "pixel_mm"])
        for seed, (split, i) in enumerate((split, i) for split, count in SPLITS.items() for i in range(count)):
            sample = draw_heart_view(SIZE, np.random.default_rng(seed))
            name = f"images/{split}_{i:03d}.png"
            Pillow.fromarray(np.clip(np.rint(sample.image.array[0]), 0, 255).astype(np.uint8)).save(folder / name)
            spacing = (sample.image.spacing_mm or (1.0,))[0]
            for kind, *ellipse in sample.labels["ellipses"]:
                values = [f"{value:.4f}" for value in ellipse]
                writer.writerow([name, split, CLASSES[int(kind)], *values, f"{spacing:.6f}"])


if __name__ == "__main__":
    main()
