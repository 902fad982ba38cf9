"""Draw a data set of simulated endoscopy frames in the layout `endoscope`, to train MTCSN without patients' images."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from zoo.common.datasets.endoscope import CLEARNESS, TISSUE
from zoo.models.mtcsn.endoscope import draw_frame

SIZE = (192, 192)  # (h, w) [px]
SPLITS = {"train": 320, "val": 80, "test": 120}


def main() -> None:
    """Write pictures, masks and labels.csv into the folder that is given."""
    folder = Path(sys.argv[1])
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "clearness", "split", "video_id"])
        for seed, (split, i) in enumerate((split, i) for split, count in SPLITS.items() for i in range(count)):
            sample = draw_frame(SIZE, len(CLEARNESS), len(TISSUE), 3, np.random.default_rng(seed))
            name = f"{split}_{i:03d}.png"
            picture = np.clip(np.rint(np.moveaxis(sample.image.array, 0, -1)), 0, 255).astype(np.uint8)
            Pillow.fromarray(picture).save(folder / "images" / name)
            Pillow.fromarray(sample.labels["mask"].astype(np.uint8)).save(folder / "masks" / name)
            writer.writerow([name, CLEARNESS[int(sample.labels["label"])], split, f"drawn_{seed:04d}"])


if __name__ == "__main__":
    main()
