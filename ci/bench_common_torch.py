"""Time what all algorithms share beside its peers: medians of interleaved runs in one process.

A benchmark is a function in BENCHMARKS that returns its contenders by name, ours first; a peer that is not installed
is left out. To add one, write the function and its line in the table.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

from zoo.common.metrics import confusion, instances, overlap, surface

OURS = "zoo"
Contenders = dict[str, Callable[[], object]]


def organs(side: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Draw an ellipsoid with a wavy border, and the same moved and swollen by a few voxels."""
    z, y, x = np.meshgrid(*[np.arange(side, dtype=np.float32) - side / 2] * 3, indexing="ij", sparse=True)
    wave = 3 * np.sin(z / 6) * np.cos(y / 7) + 2 * np.sin(x / 5)
    radius = side / 160 * np.sqrt((z / 1.1) ** 2 + (y / 0.8) ** 2 + x**2)
    moved = side / 160 * np.sqrt(((z - 2) / 1.1) ** 2 + ((y + 1) / 0.82) ** 2 + (x - 1) ** 2)
    return radius + wave < 45, moved - wave / 2 < 46


def surface_scores() -> Contenders:
    """HD95, ASSD and surface Dice at 2 mm of one organ in 160 x 160 x 160 voxels; medpy has no surface Dice."""
    reference, prediction = organs()
    spacing = (1.5, 1.0, 1.0)

    def ours() -> tuple[float, ...]:
        d = surface.surface_distances(reference, prediction, spacing)
        return surface.hausdorff_percentile(d), surface.assd(d), surface.surface_dice(d, 2.0)

    contenders: Contenders = {OURS: ours}
    if importlib.util.find_spec("medpy"):
        from medpy.metric import binary

        contenders["medpy"] = lambda: [
            f(prediction, reference, voxelspacing=spacing) for f in (binary.hd95, binary.assd)
        ]
    if importlib.util.find_spec("monai"):
        contenders["MONAI"] = _monai_surface(reference, prediction, spacing)
    return contenders


def label_dice() -> Contenders:
    """Dice of 10 labels in 256 x 256 x 256 voxels."""
    rng = np.random.default_rng(0)
    reference = np.repeat(np.repeat(rng.integers(0, 11, (32, 32, 256), np.uint8), 8, 0), 8, 1)
    prediction = np.roll(reference, 2, axis=0)
    labels = range(1, 11)

    def loop() -> list[float]:
        out = []
        for label in labels:
            r, p = reference == label, prediction == label
            out.append(2 * (r & p).sum() / (r.sum() + p.sum()))
        return out

    def counting_loop() -> list[float]:
        out = []
        for label in labels:
            r, p = reference == label, prediction == label
            out.append(2 * np.count_nonzero(r & p) / (np.count_nonzero(r) + np.count_nonzero(p)))
        return out

    def ours() -> list[float]:
        return [overlap.dice(c) for c in confusion.count_labels(reference, prediction, labels)]

    return {OURS: ours, "loop, ==, sum": loop, "loop, ==, count_nonzero": counting_loop}


def nuclei() -> Contenders:
    """AJI and panoptic quality of 1,000 nuclei in 1000 x 1000 pixels, a tenth of them missed, all others moved."""
    rng = np.random.default_rng(0)
    reference, prediction = np.zeros((2, 1000, 1000), np.int32)
    y, x = np.mgrid[-12:13, -12:13]
    disc = y**2 + x**2 <= 11**2
    for label, corner in enumerate(np.argwhere(np.ones((40, 25))) * (25, 40), start=1):
        _draw(reference, corner, disc, label)
        if label % 10:
            _draw(prediction, np.minimum(corner + rng.integers(0, 4, 2), 975), disc, label)

    def loop() -> float:
        shared = united = 0
        areas = np.bincount(prediction.ravel())
        taken = {0}
        for label in range(1, reference.max() + 1):
            mask = reference == label
            found = np.bincount(prediction[mask], minlength=len(areas))
            found[0] = 0
            union = np.count_nonzero(mask) + areas - found
            best = int(np.argmax(found / union))
            shared, united = shared + int(found[best]), united + int(union[best] if found[best] else mask.sum())
            taken |= {best} if found[best] else set()
        return shared / (united + sum(int(area) for i, area in enumerate(areas) if i not in taken))

    return {
        OURS: lambda: instances.summarise_instances(reference, prediction),
        "AJI alone, a loop over nuclei": loop,
    }


BENCHMARKS: dict[str, Callable[[], Contenders]] = {
    "surface": surface_scores,
    "labels": label_dice,
    "nuclei": nuclei,
}


def _draw(labels: np.ndarray, corner: np.ndarray, shape: np.ndarray, label: int) -> None:
    y, x = corner
    labels[y : y + shape.shape[0], x : x + shape.shape[1]][shape] = label


def _monai_surface(reference: np.ndarray, prediction: np.ndarray, spacing: tuple[float, ...]) -> Callable[[], object]:
    import torch
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice

    p, r = (torch.from_numpy(mask[None, None].astype(np.uint8)) for mask in (prediction, reference))

    def run() -> list[float]:
        return [
            float(compute_hausdorff_distance(p, r, include_background=True, percentile=95, spacing=spacing)),
            float(compute_average_surface_distance(p, r, include_background=True, symmetric=True, spacing=spacing)),
            float(compute_surface_dice(p, r, [2.0], include_background=True, spacing=spacing)),
        ]

    return run


def medians(contenders: Contenders, repeats: int) -> dict[str, float]:
    """Time every contender in turn, so that a busy machine hits all alike; the first round only warms up."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats + 1):
        for name, run in contenders.items():
            started = time.process_time()  # of all threads, so that other work on the machine counts less
            run()
            times[name].append(time.process_time() - started)
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(BENCHMARKS), help=f"of {', '.join(BENCHMARKS)}; all if none")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    table = Table(
        "benchmark",
        "who",
        "processor time",
        "ours is faster by",
        title=f"medians of {options.repeats}, {os.cpu_count()} cores",
    )
    for name in options.names:
        measured = medians(BENCHMARKS[name](), options.repeats)
        for who, seconds in measured.items():
            table.add_row(name, who, f"{seconds * 1000:.1f} ms", f"{seconds / measured[OURS]:.1f}x")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
