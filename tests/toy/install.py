"""Puts the toy where a test wants it: into a copy of models/, or into an installed package of its own."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from .spots.algorithm import SpotFinder
from .spots.config import Config

SOURCE = Path(__file__).parent
ENTRY = """
  {name}:
    package: spots
    class: SpotFinder
    task: spot-finding
    summary: Finds bright spots.
    input: {{modality: any, dimensions: 2, channels: 1}}
    paper: {{title: A toy, year: 2026, url: "https://example.org"}}
    reported: {{dataset: none, metric: dice}}
    licence: Apache-2.0
    checkpoints: {{}}
"""


RIVALS = ENTRY.format(name="Toy-Rivals").replace("spots", "rivals").replace("SpotFinder", "Rivals")


def copy_toy(folder: Path, name: str = "spots") -> None:
    """Copy the folder of the algorithm."""
    shutil.copytree(SOURCE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def install_plugin(site: Path, package: str = "toy_zoo", name: str = "Toy-Spots", registry: str | None = None) -> Path:
    """Lay a package with the toy, a registry and an entry point into a folder of installed packages, as pip would."""
    home = site / package
    home.mkdir(parents=True)
    (home / "__init__.py").write_text('"""A package of somebody else."""\n')
    copy_toy(home)
    copy_toy(home, "rivals")
    (home / "registry.yaml").write_text(registry or f"models:{ENTRY.format(name=name)}")
    info = site / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[openmedia_zoo.algorithms]\n{package} = {package}:registry.yaml\n")
    importlib.invalidate_caches()  # as after any installation into a running process
    return home


def write_data(root: Path, count: int = 12) -> Path:
    """Write drawn pictures with masks and labels: images/, masks/, split.csv."""
    lines = ["id,split,label"]
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for index in range(count):
        sample = SpotFinder.example(Config(), np.random.default_rng(index))
        picture, mask = sample.image.array[0].clip(0, 255).astype(np.uint8), sample.labels["mask"].astype(np.uint8)
        Pillow.fromarray(picture).save(root / "images" / f"p{index}.png")
        Pillow.fromarray(mask).save(root / "masks" / f"p{index}.png")
        split = ("train", "train", "val", "test")[index % 4]
        lines.append(f"p{index},{split},{int(sample.labels['label'])}")
    (root / "split.csv").write_text("\n".join(lines) + "\n")
    return root
