"""Time how fast files become images beside other readers: medians of CPU time, interleaved in one process.

Every contender ends with voxels in memory as float32, as a network needs them. Ours also verifies length and checksum.
A peer that is not installed is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK
from rich.console import Console
from rich.table import Table

from zoo.common.io import read_image

OURS = "zoo"
SHAPE = (96, 192, 192)  # (d, h, w) of the volume
SLICES, SIDE = 64, 256  # of the DICOM series
Contenders = dict[str, Callable[[], object]]


def scan(shape: tuple[int, ...]) -> np.ndarray:
    """Draw something that deflate shrinks about as much as a CT."""
    z, y, x = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape), indexing="ij", sparse=True)
    body = 300 * (np.sin(x / 20) + np.cos(y / 30) + np.sin(z / 15))
    return (body + np.random.default_rng(0).normal(0, 8, shape)).astype(np.int16)


def volume(folder: Path, suffix: str) -> Contenders:
    """One volume of 192 x 192 x 96 numbers of 16 bit."""
    path = folder / f"scan{suffix}"
    stored = SimpleITK.GetImageFromArray(scan(SHAPE))
    stored.SetSpacing((0.8, 0.8, 2.5))
    SimpleITK.WriteImage(stored, path, useCompression=suffix != ".nii")
    contenders: Contenders = {
        OURS: lambda: read_image(path),
        "SimpleITK": lambda: SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path, SimpleITK.sitkFloat32)),
    }
    if suffix.startswith(".nii"):
        if importlib.util.find_spec("nibabel"):
            import nibabel

            contenders["nibabel"] = lambda: nibabel.load(path).get_fdata(dtype=np.float32)
        if importlib.util.find_spec("monai"):
            from monai.transforms import LoadImage

            contenders["MONAI"] = lambda: LoadImage(image_only=True)(path)
    return contenders


def dicom_series(folder: Path) -> Contenders:
    """A series of 64 uncompressed slices of 256 x 256."""
    import pydicom

    series = folder / "series"
    series.mkdir()
    values = scan((SLICES, SIDE, SIDE))
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for i in range(SLICES):
        image = SimpleITK.GetImageFromArray(values[i : i + 1])
        image.SetSpacing((0.8, 0.8, 2.5))
        image.SetOrigin((0.0, 0.0, 2.5 * i))
        tags = {"0020|000e": "1.2.3.4", "0020|000d": "1.2.3", "0008|0060": "CT", "0020|0013": str(i)}
        tags |= {"0020|0032": f"0\\0\\{2.5 * i}", "0020|0037": "1\\0\\0\\0\\1\\0", "0008|0018": f"1.2.3.4.{i + 1}"}
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(series / f"{i:03d}.dcm"))
        writer.Execute(image)

    def by_pydicom() -> np.ndarray:
        slices = [pydicom.dcmread(path) for path in series.iterdir()]
        slices.sort(key=lambda data: float(data.ImagePositionPatient[2]))
        return np.stack([data.pixel_array.astype(np.float32) for data in slices])

    def by_simpleitk() -> np.ndarray:
        names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(series))
        return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(names, SimpleITK.sitkFloat32))

    return {OURS: lambda: read_image(series), "pydicom": by_pydicom, "SimpleITK": by_simpleitk}


BENCHMARKS: dict[str, Callable[[Path], Contenders]] = {
    "nii.gz": lambda folder: volume(folder, ".nii.gz"),
    "nii": lambda folder: volume(folder, ".nii"),
    "mha": lambda folder: volume(folder, ".mha"),
    "nrrd": lambda folder: volume(folder, ".nrrd"),
    "dicom": dicom_series,
}


def medians(contenders: Contenders, repeats: int) -> dict[str, float]:
    """Time every contender in turn, so that a busy machine hits all alike; the first round only warms up."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats + 1):
        for name, run in contenders.items():
            started = time.process_time()
            run()
            times[name].append(time.process_time() - started)
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(BENCHMARKS), help=f"of {', '.join(BENCHMARKS)}; all if none")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    table = Table("format", "who", "CPU time", "ours is faster by", title=f"medians of {options.repeats}")
    for name in options.names:
        with tempfile.TemporaryDirectory() as folder:
            measured = medians(BENCHMARKS[name](Path(folder)), options.repeats)
        for who, seconds in measured.items():
            table.add_row(name, who, f"{seconds * 1000:.1f} ms", f"{seconds / measured[OURS]:.1f}x")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
