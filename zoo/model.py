"""A loaded algorithm: predict, train, evaluate, save."""

from __future__ import annotations

import dataclasses
import importlib
import warnings
from operator import length_hint
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from zoo.common.algorithm import Algorithm
from zoo.common.answers.prediction import Prediction
from zoo.common.errors import InputError, UnexpectedError, ZooError, ZooWarning
from zoo.common.outputs import explained, user_path
from zoo.common.recipe import Recipe
from zoo.common.weights import write_weights
from zoo.engines.engine import Engine
from zoo.prediction.options import checked_batch_size
from zoo.prediction.outcomes import outcomes
from zoo.prediction.passes import check_views, with_options
from zoo.prediction.predictions import PredictionList
from zoo.prediction.sources import images, is_single
from zoo.weights.identity import to_metadata

if TYPE_CHECKING:
    from zoo.common.datasets import Dataset
    from zoo.evaluation import Evaluation
    from zoo.registry import Entry

BATCH = 8  # images per forward pass unless said otherwise
BAR_FROM = 16  # fewer images than this show no progress bar


@dataclasses.dataclass(frozen=True)
class Report:
    """What a training run left behind.

    best: the checkpoint with the best validation score.
    test: the scores of `best` on the test split, where there is one.
    """

    folder: Path
    best: Path
    best_epoch: int
    best_score: float
    test: Evaluation | None


class Model:
    """An algorithm with its configuration and weights on one framework and device; made by `zoo.load`."""

    def __init__(self, entry: Entry, algorithm: Algorithm[Any], engine: Engine, variant: str, source: str) -> None:
        self.entry = entry
        self.algorithm = algorithm
        self.engine = engine
        self.variant = variant
        self.source = source  # where the weights came from

    @property
    def name(self) -> str:
        """Name of the algorithm in the registry."""
        return self.entry.name

    @property
    def config(self) -> Any:
        """The algorithm's configuration, a frozen dataclass."""
        return self.algorithm.config

    @property
    def backend(self) -> str:
        """The framework in use: torch or mindspore."""
        return self.engine.framework

    @property
    def device(self) -> str:
        """The device in use, whatever was asked for."""
        return self.engine.device

    @property
    def net(self) -> Any:
        """The framework's own network."""
        return self.engine.net

    @property
    def identity(self) -> dict[str, str]:
        """What answers, in plain words for tables."""
        return {"name": self.name, "backend": self.backend, "device": self.device, "weights": self.source}

    def __repr__(self) -> str:
        return f"<{self.name} ({self.variant}) in {self.backend} on {self.device}, weights: {self.source}>"

    def predict(
        self,
        source: object,
        *,
        spacing_mm: tuple[float, ...] | float | None = None,
        batch_size: int = BATCH,
        tta: bool = False,
        **options: Any,
    ) -> Prediction | PredictionList:
        """Predict one image (path, array, Image) or many (folder, glob, list of these).

        One image gives one prediction and raises InputError when it cannot be used. Many give a PredictionList in
        order; images that cannot be used are in its `.failures`, with a warning, and the others are finished.
        An image is named by its path as given. An error that is no fault of the image, a bug, is raised for one image;
        of many, it is a failure (UnexpectedError, the error itself is its cause).
        spacing_mm: size of one pixel where the file does not say it, (h, w) or one number for square pixels.
        tta: average over mirrored views of the image. options: see `algorithm.prediction_options`.
        """
        algorithm, batch_size = with_options(self.algorithm, options), checked_batch_size(batch_size)
        if tta:
            check_views(algorithm)
        found = images(source, spacing_mm)
        if is_single(source):
            ((name, image),) = found
            read = [(name if isinstance(image, ZooError) else image.name, image)]
            ((_, outcome),) = outcomes(algorithm, self.engine, read, 1, tta)
            if isinstance(outcome, ZooError):
                raise outcome.__cause__ if isinstance(outcome, UnexpectedError) and outcome.__cause__ else outcome
            return outcome
        results = PredictionList(model=self.identity)
        bar = tqdm(
            found, desc=self.name, unit="image", disable=None if length_hint(found, BAR_FROM) >= BAR_FROM else True
        )
        for name, outcome in outcomes(algorithm, self.engine, bar, batch_size, tta):
            if isinstance(outcome, ZooError):
                results.failures.append((name, outcome))
            else:
                results.append(outcome)
        if results.failures:
            warnings.warn(results.complaint(), ZooWarning, stacklevel=2)
        return results

    def train(
        self,
        data: str | Path | Dataset,
        *,
        out: str | Path = "runs/last",
        layout: str | None = None,
        resume: bool = False,
        **recipe: Any,
    ) -> Report:
        """Train from the weights that are loaded; afterwards the model holds the best weights of the run.

        data: a folder or manifest, see `zoo.common.datasets`, or what `open_dataset` made of one.
        out: the folder of the run (log, checkpoints, curves).
        recipe: fields of `zoo.common.recipe.Recipe`; the rest comes from the algorithm's own recipe.
        Where the data has other classes than the model, the head starts anew and its weights are named in a warning.
        Raises DataError, ConfigError or TrainingError; KeyboardInterrupt after Ctrl-C, with the state saved.
        """
        from zoo.training.run import train

        dataset = self._open(data, layout)
        self._adopt_classes(dataset)
        return train(self, dataset, user_path(out), self.recipe(**recipe), resume)

    def recipe(self, **changes: Any) -> Recipe:
        """Return the algorithm's recipe for this variant with some fields changed."""
        from zoo.training.loop import recipe_with

        recipes = importlib.import_module(f"zoo.models.{self.entry.package}.config").RECIPES
        return recipe_with(recipes.get(self.variant, recipes["small"]), changes)

    def evaluate(
        self,
        data: str | Path | Dataset,
        *,
        split: str = "test",
        layout: str | None = None,
        out: str | Path | None = None,
        overwrite: bool = False,
        baseline: bool = True,
        batch_size: int = BATCH,
    ) -> Evaluation:
        """Score the model on one split, beside the trivial predictor fitted on the training split.

        out: where to write the tables and pictures of `Evaluation.save`, if anywhere.
        overwrite: replace what an earlier evaluation wrote there; nothing else is ever replaced.
        """
        from zoo.evaluation import evaluate, open_results, score_baseline

        batch_size = checked_batch_size(batch_size)
        dataset = self._open(data, layout)
        cases = dataset.split(split)
        output = None if out is None else open_results(out, overwrite=overwrite)
        with tqdm(total=len(cases), desc=f"{self.name} {split}", unit="case", disable=None) as bar:
            result = evaluate(self.algorithm, self.engine, cases, cases.groups, batch_size, bar.update)
        if baseline and any(record.split == "train" for record in dataset.records):
            trivial = score_baseline(self.algorithm, dataset.split("train"), cases)
            result = dataclasses.replace(result, baseline=trivial)
        if output is not None:
            result.write(output)
        return result

    def save(self, path: str | Path) -> Path:
        """Write the weights with the model's identity to a .safetensors file that either framework opens."""
        path = user_path(path)
        if path.suffix != ".safetensors":
            raise InputError(f"{path}: weights are saved as .safetensors; give such a name")
        with explained(path):
            write_weights(path, self.engine.weights(), to_metadata(self.name, self.variant, self.config))
        return path

    def _open(self, data: str | Path | Dataset, layout: str | None) -> Dataset:
        from zoo.common.datasets import Dataset, open_dataset

        return data if isinstance(data, Dataset) else open_dataset(data, self.algorithm.task, layout=layout)

    def _adopt_classes(self, dataset: Dataset) -> None:
        classes = dataset.classes
        if not classes or classes == self.config.classes:
            return
        from zoo.loading import with_classes

        other = with_classes(self, classes)
        self.algorithm, self.engine = other.algorithm, other.engine
