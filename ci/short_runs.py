"""Train one algorithm three times from the same weights, PyTorch with two seeds and MindSpore, and keep the logs.

    python ci/short_runs.py Covid-ResNet --data DATA --epochs 2 --config '{"input_size": [96, 96]}'

Fine-tunes nothing and ships nothing: the logs in checkpoints/<package>/short/ show that MindSpore trains as PyTorch
does. tests/models/test_short_runs.py asserts it for every algorithm.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import zoo

ROOT = Path(__file__).resolve().parents[1]
RUNS = (("torch", 0), ("torch", 1), ("mindspore", 0))  # framework, seed of the order of samples and of augmentation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--data", required=True)
    parser.add_argument("--variant", default="small")
    parser.add_argument("--epochs", default="2")
    parser.add_argument("--config", default="{}", help="fields of the configuration to change, as JSON")
    arguments, recipe = parser.parse_known_args()
    changes = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(arguments.config).items()}
    model = zoo.load(arguments.name, backend="torch", checkpoint=None, variant=arguments.variant, **changes)
    logs = ROOT / "checkpoints" / model.entry.package / "short"
    logs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        start = model.save(Path(folder) / "start.safetensors")
        for framework, seed in RUNS:
            out = Path(folder) / f"{framework}-{seed}"
            common = ["--checkpoint", str(start), "--data", arguments.data, "--out", str(out)]
            settings = ["--backend", framework, "--seed", str(seed), "--epochs", arguments.epochs, "--ema-decay", "0"]
            train = [sys.executable, "-m", "zoo", "train", arguments.name]
            subprocess.run([*train, *common, *settings, *recipe], check=True)
            shutil.copy(out / "log.jsonl", logs / f"{out.name}.log.jsonl")


if __name__ == "__main__":
    main()
