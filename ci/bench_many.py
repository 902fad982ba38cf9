"""Predicts a thousand pictures, twenty of them broken, and tells how much the memory of the process grows."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image as Pillow

import zoo
from zoo.prediction import many

COUNT, BAD_EVERY, WARM = 1000, 50, 100  # files; one of so many is broken; files after which memory is looked at


def main() -> None:
    """Print the growth in MB between file WARM and the end, and what became of the files."""
    rng, process = np.random.default_rng(0), psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in"
        source.mkdir()
        for i in range(COUNT):
            path = source / f"{i:04}.png"
            Pillow.fromarray(rng.integers(0, 255, (512, 512), np.uint8)).save(path)
            if i % BAD_EVERY == BAD_EVERY - 1:
                path.write_bytes(path.read_bytes()[:100])
        sizes: list[int] = []
        described = many.described
        many.described = lambda prediction: (sizes.append(process.memory_info().rss), described(prediction))[1]
        model = zoo.load("Covid-ResNet", checkpoint=None, variant="tiny")
        began = time.perf_counter()
        results = model.predict_into(Path(folder) / "out", source, overlays=False)
        grown = (max(sizes[WARM:]) - sizes[WARM]) / 2**20
        print(
            f"{len(results.predictions)} predicted, {len(results.failures)} failed, {time.perf_counter() - began:.0f} s"
        )
        print(f"memory at file {WARM}: {sizes[WARM] / 2**20:.0f} MB, largest growth afterwards: {grown:.1f} MB")


if __name__ == "__main__":
    main()
