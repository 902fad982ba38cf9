"""Train WeaklyLesionLocalisation on the very slices that it is scored on, as the published figure was.

python ci/transductive.py DATA --out runs/transductive

No mask has a part in training, labels of slices do: the figure says how well lesions are found in slices whose labels
are known, not in those of the next patient. The validation split stays out: it chooses the thresholds. Beside it stands
the shipped, held-out model on the same slices.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import zoo
from zoo.common.datasets import Dataset, open_dataset

NAME = "WeaklyLesionLocalisation"
SHOWN = ("pixel_pr_auc", "pixel_average_precision", "pixel_roc_auc", "roc_auc")


def in_split(data: Dataset, split: str) -> Dataset:
    """Put all slices but those of the validation split, which chooses thresholds, into one split."""
    records = [record if record.split == "val" else replace(record, split=split) for record in data.records]
    return Dataset(records, data.origin, data.classes, data.drawn, data.counted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    data = open_dataset(options.data, "localisation")
    model = zoo.load(NAME, backend="torch", checkpoint=None, variant="small")
    model.train(in_split(data, "train"), out=options.out, seed=options.seed)
    for told, judge in (("transductive", model), ("held-out model", zoo.load(NAME, backend="torch"))):
        metrics = judge.evaluate(in_split(data, "test"), baseline=False).metrics
        print(told, {name: round(metrics[name], 4) for name in SHOWN}, flush=True)


if __name__ == "__main__":
    main()
