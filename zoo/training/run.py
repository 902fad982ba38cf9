"""One call of train(): opens the run folder, runs the loop, tests the best weights, draws the curves."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.datasets import SPLITS, Dataset
from zoo.common.errors import DataError
from zoo.common.recipe import Recipe
from zoo.common.weights import read_weights, write_checkpoint
from zoo.evaluation import Evaluation, evaluate, score_baseline
from zoo.model import Report
from zoo.training.curves import plot_curves
from zoo.training.folder import RunFolder
from zoo.training.loop import Data, Trainer
from zoo.training.survey import survey_training
from zoo.weights.identity import to_metadata, versions

if TYPE_CHECKING:
    from zoo.model import Model


def train(model: Model, dataset: Dataset, out: Path, recipe: Recipe, resume: bool) -> Report:
    """Train to the end, load the best weights into the model and score them on the test split."""
    folder = RunFolder(out)
    settings = _settings(model, dataset, recipe)
    data = Data(dataset.split("train"), dataset.split("val"))
    record = survey_training(
        data.training, model.algorithm, model.scope
    )  # before anything is written: it may refuse the images
    folder.begin(settings, resume)
    if not folder.state.exists():  # nothing was saved yet, so a resumed run starts from the beginning
        folder.log.unlink(missing_ok=True)
        origin = {"weights": model.source, "split": dataset.describe_split(), "versions": versions()}
        folder.append({"event": "start", **settings, **origin})
    identity = {"recipe": dataclasses.asdict(recipe), "data": settings["data"]}
    more = {"trained": identity, "scope": record and record.to_dict()}
    metadata = to_metadata(model.name, model.variant, model.config, **more)
    trainer = Trainer(model.algorithm, model.engine, recipe, data, folder, metadata)
    progress = trainer.run(resume)
    weights = read_weights(folder.best)[0]
    model.engine.load(weights)
    model.source, model.record = str(folder.best), record
    chosen = model.algorithm.operating_point(trainer.best_rows())
    if chosen:
        model.algorithm = type(model.algorithm)(dataclasses.replace(model.config, **chosen))
        write_checkpoint(folder.best, weights, to_metadata(model.name, model.variant, model.config, **more))
        folder.append({"event": "operating_point", **chosen})
    test = _test(model, dataset, folder, progress.best_epoch)
    plot_curves(folder.records(), model.algorithm.monitor, out / "curves.png")
    return Report(out, folder.best, progress.best_epoch, progress.best_score or 0.0, test)


def _settings(model: Model, dataset: Dataset, recipe: Recipe) -> dict[str, Any]:
    return {
        "algorithm": model.name,
        "variant": model.variant,
        "framework": model.backend,
        "device": model.device,
        "config": dataclasses.asdict(model.config),
        "recipe": dataclasses.asdict(recipe),
        "data": describe_data(dataset),
    }


def describe_data(dataset: Dataset) -> dict[str, Any]:
    """Summarise a data set for the log: its folder's name, the cases per split, a digest of names, splits and groups.

    Where the split was drawn, `split_drawn` holds the seed, and the fold of a cross-validation.
    Raises DataError when there is nothing to train or to validate on.
    """
    sizes = {split: sum(record.split == split for record in dataset.records) for split in SPLITS}
    if not sizes["train"] or not sizes["val"]:
        raise DataError(f"{dataset.origin}: training needs the splits train and val; the sizes are {sizes}")
    lines = sorted(json.dumps([record.name, record.split, record.group]) for record in dataset.records)
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    drawn = {"split_drawn": dataset.drawn} if dataset.drawn else {}
    return {"name": Path(dataset.origin).name, "cases": sizes, "sha256_of_names": digest, **drawn}


def _test(model: Model, dataset: Dataset, folder: RunFolder, best_epoch: int) -> Evaluation | None:
    if not any(record.split == "test" for record in dataset.records):
        folder.append({"event": "end", "best_epoch": best_epoch})
        return None
    cases = dataset.split("test")
    result = evaluate(model.algorithm, model.engine, cases, cases.groups, batch_size=8, scope=model.scope)
    trivial = score_baseline(model.algorithm, dataset.split("train"), cases)
    result = dataclasses.replace(result, baseline=trivial)
    result.save(folder.path / "test")
    folder.append({"event": "end", "best_epoch": best_epoch, "test": result.to_dict()})
    return result
