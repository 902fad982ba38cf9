"""Survey the training images of the shipped checkpoints, write the record into their headers, and test the rule.

    python ci/add_scope.py DATA --table          # docs/scope.md: the share of each data set that each record flags
    python ci/add_scope.py DATA --write [NAME]   # rewrite checkpoints/ and the sums in registry.yaml

DATA holds a folder per data set, and `four_chamber`, drawn by ci/draw_four_chamber.py. Only headers are written: the
arrays are compared byte by byte with those that were read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from zoo.common.datasets import open_dataset
from zoo.common.errors import InputError, ZooError
from zoo.common.io import read_image
from zoo.common.scope import Record, spread_evenly
from zoo.common.types import Image
from zoo.common.weights import read_weights, write_weights
from zoo.prediction.scope import Scope
from zoo.registry import Checkpoint, Entry, load_registry
from zoo.training.survey import survey_training
from zoo.weights.identity import KEY, from_metadata

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = {  # data set of the registry: its folder, and what its files do not say
    "HC18": ("hc18", "ultrasound"),
    "COVID-CT-WLL": ("covid_ct_wll", "CT"),
    "MSD-Hippocampus": ("msd_hippocampus", "MR"),
    "COVID-19 chest X-ray segmentations": ("cxr_lungs", "X-ray"),
    "Sunnybrook Cardiac Data": ("sunnybrook_cmr", "MR"),
    "WCEBleedGen": ("wce_bleedgen", "endoscopy"),
    "Simulated four-chamber views": ("four_chamber", "ultrasound"),
    "Simulated endoscopy frames": ("endoscope", "endoscopy"),
    "LUNA16 slices": ("luna16_slices", "CT"),
    "BCCD": ("bccd", "microscopy"),
    "Kvasir-SEG": ("kvasir_seg", "endoscopy"),
    "MoNuSeg": ("monuseg", "microscopy"),
    "DSB 2018 nuclei": ("dsb2018_nuclei", "microscopy"),
}
OTHERS = 300  # images of another data set that the table is counted on, spread evenly


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--table", action="store_true", help="print the share of images out of scope, as Markdown")
    parser.add_argument("--write", nargs="*", metavar="CHECKPOINT", help="rewrite these, such as hc18-small, or all")
    arguments = parser.parse_args()
    scopes: dict[tuple[str, str], Scope] = {}
    for entry in load_registry().values():
        for checkpoint in entry.checkpoints.values():
            if checkpoint.dataset.name not in SHIPPED:  # its own training wrote the record
                continue
            scope, record = _surveyed(entry, checkpoint, arguments.data)
            scopes[entry.name, checkpoint.name] = scope
            if arguments.write == [] or checkpoint.name in (arguments.write or ()):
                rewrite_header(checkpoint, {"scope": record.to_dict()})
    if arguments.table:
        print(_table(scopes, arguments.data))


def _surveyed(entry: Entry, checkpoint: Checkpoint, data: Path) -> tuple[Scope, Record]:
    """Survey the training split, which has to be the one of the checkpoint's log."""
    from zoo.training.run import describe_data

    folder, modality = SHIPPED[checkpoint.dataset.name]
    model = zoo.load(entry.name, checkpoint=ROOT / "checkpoints" / checkpoint.file)
    dataset = open_dataset(data / folder, entry.task)
    log = json.loads((ROOT / "checkpoints" / checkpoint.log).read_text().splitlines()[0])
    if describe_data(dataset)["sha256_of_names"] != log["data"]["sha256_of_names"]:
        raise SystemExit(f"{checkpoint.name}: {data / folder} has other names or splits than the run's log")
    record = survey_training(dataset.split("train"), model.algorithm, model.scope, (modality,))
    if record is None:
        raise SystemExit(f"{checkpoint.name}: no image of {data / folder} has anything to see")
    model.record = record
    return model.scope, record


def rewrite_header(checkpoint: Checkpoint, changes: dict[str, Any]) -> None:
    """Change what a weight file says of itself, not its arrays, and the sums in registry.yaml."""
    path = ROOT / "checkpoints" / checkpoint.file
    weights, metadata = read_weights(path)
    identity = from_metadata(metadata, str(path)) | changes
    write_weights(path, weights, {**metadata, KEY: json.dumps(identity, sort_keys=True)})
    again, _ = read_weights(path)
    if not _same_bytes(weights, again):
        raise SystemExit(f"{path}: the arrays changed")
    content = path.read_bytes()
    _register(checkpoint, hashlib.sha256(content).hexdigest(), len(content))
    print(f"{checkpoint.file}: {len(weights)} arrays unchanged")


def _same_bytes(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> bool:
    return before.keys() == after.keys() and all(
        (value.dtype, value.shape, value.tobytes()) == (after[name].dtype, after[name].shape, after[name].tobytes())
        for name, value in before.items()
    )


def _register(checkpoint: Checkpoint, sha256: str, size: int) -> None:
    path = ROOT / "registry.yaml"
    text = path.read_text(encoding="utf-8")
    pattern = rf'sha256: "{checkpoint.sha256}"(\s+)bytes: {checkpoint.bytes}\b'
    text, count = re.subn(pattern, lambda found: f'sha256: "{sha256}"{found[1]}bytes: {size}', text)
    if count != 1:
        raise SystemExit(f"registry.yaml: sha256 and bytes of {checkpoint.name} stand {count} times; expected once")
    path.write_text(text, encoding="utf-8")


def _table(scopes: dict[tuple[str, str], Scope], data: Path) -> str:
    """Count, per kind of checkpoint and data set, the share of images that are refused or out of scope."""
    names: dict[str, list[str]] = {}
    kinds: dict[str, tuple[Scope, str]] = {}
    for (name, weights), scope in scopes.items():
        record = scope.record.to_dict() if scope.record is not None else {}
        key = json.dumps([weights, scope.dimensions, scope.slicewise, record])
        names.setdefault(key, []).append(name)
        kinds[key] = scope, _home(name, weights)
    heads = [f"{', '.join(found)}: {json.loads(key)[0]}" for key, found in names.items()]
    lines = ["| data set | " + " | ".join(heads) + " |", "|---" * (1 + len(heads)) + "|"]
    for folder in sorted(path.name for path in data.iterdir() if path.is_dir()):
        counts = {key: _Count() for key in kinds}
        for image in _images(data / folder):
            for key, (scope, _) in kinds.items():
                counts[key].add(scope, image)
        cells = [f"**{count}**" if kinds[key][1] == folder else str(count) for key, count in counts.items()]
        lines.append(f"| {folder} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


class _Count:
    """How many images were refused, out of scope, or taken."""

    def __init__(self) -> None:
        self.images, self.refused, self.outside = 0, 0, 0

    def add(self, scope: Scope, image: Image) -> None:
        self.images += 1
        try:
            scope.check(image)
        except InputError:
            self.refused += 1
        else:
            self.outside += bool(scope.reasons(image))

    def __str__(self) -> str:
        if self.images == self.refused:
            return "refused"
        return f"{100 * self.outside / (self.images - self.refused):.1f} %"


def _home(name: str, weights: str) -> str:
    return SHIPPED[load_registry()[name].checkpoints[weights].dataset.name][0]


def _images(root: Path) -> Iterator[Image]:
    """Read the test split of a data set that something was trained on; of others, some images spread evenly."""
    for entry in load_registry().values():
        if any(SHIPPED[c.dataset.name][0] == root.name for c in entry.checkpoints.values()):
            yield from (sample.image for sample in open_dataset(root, entry.task).split("test"))
            return
    if (root / "patches.npz").is_file():
        patches = np.load(root / "patches.npz")["images"]
        yield from (Image(patches[i][None].astype(np.float32)) for i in spread_evenly(len(patches), OTHERS))
        return
    files: Sequence[Path] = sorted(path for path in (root / "images").rglob("*") if path.is_file())
    for i in spread_evenly(len(files), OTHERS):
        try:
            yield read_image(files[i])
        except ZooError as error:
            print(f"{error}; left out")


if __name__ == "__main__":
    main()
