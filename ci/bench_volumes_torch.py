"""Measure work on volumes beside MONAI: median processor seconds, growth of peak memory, each in its own process."""

from __future__ import annotations

import argparse
import itertools
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

SIZE, WINDOW, BATCH, REPEATS = (256, 256, 160), (96, 96, 96), 4, 5
SPACING = (0.8, 0.8, 1.5)  # mm
WHO = ("MONAI", "zoo")


def peak_mib() -> float:
    """Return the largest resident memory of this process so far (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def windows(who: str) -> Callable[[], object]:
    """Blend the windows of an identity network over a volume, half overlapping, Gaussian."""
    volume = np.random.default_rng(0).random((1, *SIZE), np.float32)
    if who == "zoo":
        from zoo.common.tiling import predict_tiled

        return lambda: predict_tiled(volume, WINDOW, lambda x: x, 0.5, "gaussian", BATCH)
    import torch
    from monai.inferers import sliding_window_inference

    tensor = torch.from_numpy(volume)[None]
    return lambda: sliding_window_inference(tensor, WINDOW, BATCH, lambda x: x, overlap=0.5, mode="gaussian")


def resampling(who: str) -> Callable[[], object]:
    """Resample a volume of 0.8 x 0.8 x 1.5 mm linearly to 1 mm."""
    volume = np.random.default_rng(0).random((1, *SIZE), np.float32)
    if who == "zoo":
        from zoo.common.transforms.sampling import sample_linear
        from zoo.common.transforms.spatial import Frame, resample

        return lambda: sample_linear(volume, resample(Frame(SIZE, SPACING), (1.0, 1.0, 1.0)))
    import torch
    from monai.data import MetaTensor
    from monai.transforms import Spacing

    tensor = MetaTensor(torch.from_numpy(volume), affine=torch.diag(torch.tensor([*SPACING, 1.0])))
    change = Spacing(pixdim=(1.0, 1.0, 1.0), mode="bilinear")
    return lambda: change(tensor)


def augmentation(who: str) -> Callable[[], object]:
    """Turn, scale, shift, deform and mirror a volume of 96^3 with its mask."""
    volume = np.random.default_rng(0).random((1, 96, 96, 96), np.float32)
    mask = (volume[0] > 0.5).astype(np.int16)
    if who == "zoo":
        from zoo.common.augment import Chain
        from zoo.common.augment.spatial import Flip, RandomAffine, RandomElastic
        from zoo.common.types import Image, Sample

        chain, rng = Chain((RandomAffine(), RandomElastic(), Flip(axes=(0, 1, 2)))), np.random.default_rng(0)
        return lambda: chain.apply(Sample(Image(volume), {"mask": mask}), rng)
    import torch
    from monai.transforms import Compose, Rand3DElasticd, RandFlipd

    keys, turns, scales = ("image", "mask"), (0.26,) * 3, (0.15,) * 3
    modes, more = ("bilinear", "nearest"), {"prob": 1.0, "translate_range": 5}
    deform = Rand3DElasticd(keys, (5, 8), (50, 150), rotate_range=turns, scale_range=scales, mode=modes, **more)
    change = Compose([deform, *(RandFlipd(keys, 0.5, axis) for axis in range(3))])
    pair = {"image": torch.from_numpy(volume), "mask": torch.from_numpy(mask[None].astype(np.float32))}
    return lambda: change(dict(pair))


WORK = {"windows": windows, "resampling": resampling, "augmentation": augmentation}


def measure(what: str, who: str, repeats: int) -> tuple[float, float]:
    """Return the median processor seconds, and the memory that the first run adds to what is loaded [MiB]."""
    work = WORK[what](who)
    before = peak_mib()
    work()
    growth, seconds = peak_mib() - before, []
    for _ in range(repeats):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return statistics.median(seconds), growth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--who", choices=WHO, help="measure this one here, without a table")
    parser.add_argument("--what", choices=WORK, default="windows", help="what to measure with --who")
    options = parser.parse_args()
    if options.who:
        print(*measure(options.what, options.who, options.repeats))
        return
    table = Table("work", "by", "processor [s]", "peak memory [MiB]", title=f"median of {options.repeats} runs")
    for what, who in itertools.product(WORK, WHO):
        command = [sys.executable, __file__, "--what", what, "--who", who, "--repeats", str(options.repeats)]
        last = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-2:]
        table.add_row(what, who, f"{float(last[0]):.3f}", f"{float(last[1]):.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
