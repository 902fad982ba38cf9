"""One call of train(): checks first, opens the run folder, runs the loop, tests the best weights, draws the curves."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from zoo.common.augment.options import Choice, choose
from zoo.common.datasets import Dataset
from zoo.common.datasets.classes import counted_alike, misspelt, renumber
from zoo.common.errors import (
    BelowBaselineWarning,
    HeadReinitialisedWarning,
    OutputError,
    TrainingError,
    ZooWarning,
)
from zoo.common.files.output_folder import sha256_of
from zoo.common.recipe import Recipe
from zoo.common.records import replace_fields
from zoo.common.segmentation.options import check_weights
from zoo.common.weights import read_weights, write_checkpoint
from zoo.evaluation import Evaluation, evaluate, score_baseline
from zoo.loading import algorithm_for, with_classes
from zoo.model import Model
from zoo.report.run import describe_test
from zoo.training.claim import Claim
from zoo.training.curves import plot_curves
from zoo.training.description import describe_data, digest_of_order
from zoo.training.folder import RunFolder
from zoo.training.loop import Data, Trainer
from zoo.training.networks import learning_of
from zoo.training.other_split import warn_of_other_split
from zoo.training.settings import Order, Report, check_prefixes, former_defaults, settings_of
from zoo.training.snapshots import looking
from zoo.training.survey import survey_training
from zoo.weights.changed import is_changed
from zoo.weights.identity import TRAINED, began_as, is_drawn, to_metadata, versions

if TYPE_CHECKING:
    from zoo.common.algorithm import Algorithm
    from zoo.common.methods.contract import Method

ORDER = "sha256_of_order"  # of the cases, in the settings of a run


@dataclasses.dataclass(frozen=True)
class Course:
    """How a run is to go.

    planned_epochs: of a run that is resumed, before. starts_trained: from weights that answer already.
    snapshots: validation cases drawn after every epoch.
    """

    resume: bool
    planned_epochs: int
    starts_trained: bool
    claim: Claim
    method: Method
    snapshots: int


def train(model: Model, dataset: Dataset, out: Path, order: Order) -> Report:
    """Train to the end, load the best weights into the model and score them on the test split.

    The model changes when the run is over, not before; see `Model.train`.
    """
    folder, recipe, resume, method = RunFolder(out).opened(order.resume), order.recipe, order.resume, order.method
    described = describe_data(dataset)
    _check_past(model, dataset, described, folder if resume else None)
    algorithm = _algorithm(model, dataset, order.augment, folder if resume else None)
    check_weights(recipe.class_weights, algorithm.config.classes, dataset.classes, dataset.origin)
    dataset = counted_alike(dataset, algorithm)
    method.check_data(described["cases"], recipe.batch_size, dataset.origin)
    settings = settings_of(model, algorithm, recipe, described, method)
    record = survey_training(dataset.split("train"), algorithm, model.scope)  # it may refuse the images
    with Claim(out) as claim, _unchanged_on_failure(model):
        planned = recipe.epochs
        if resume:
            data = dataset.origin if os.path.exists(dataset.origin) else "..."  # images and masks have two places
            folder.check_same(settings, former_defaults(algorithm), data)
            claim.keep()
            planned = folder.planned_epochs()
            if planned != recipe.epochs:
                folder.plan_epochs(recipe.epochs)
        else:
            folder.begin({**settings, ORDER: digest_of_order(dataset)})
        trained = _candidate(model, algorithm, is_replaced=resume and folder.state.exists())
        trained.record = record
        _tell_start(trained, model, folder)
        check_prefixes(recipe, list(trained.engine.shapes()))
        try:
            starts_trained = trained.engine is model.engine and not is_drawn(trained.source)
            how = Course(resume, planned, starts_trained, claim, method, order.snapshots)
            report = _run(trained, dataset, folder, recipe, settings, how)
        except OutputError as error:
            raise TrainingError(f"{error}; {_what_stays(folder)}") from error
        finally:
            trained.engine.end_training()
    model.algorithm, model.engine, model.source = trained.algorithm, trained.engine, trained.source
    model.record, model.sha256, model.about = trained.record, sha256_of(report.best), trained.about
    return report


def _check_past(model: Model, dataset: Dataset, described: dict[str, Any], resumed: RunFolder | None) -> None:
    """Warn where the past of the weights, or of the run that goes on, does not fit the data."""
    if resumed is None:
        warn_of_other_split(model.about, dataset, described.get("sha256_of_files", ""))
        return
    order = digest_of_order(dataset)
    if resumed.stored_settings().get(ORDER, order) != order:
        message = f"{dataset.origin}: its cases come in another order than before; the run goes on, but not as it would"
        warnings.warn(f"{message} have. For that, bring them back into their order", ZooWarning, stacklevel=4)


def _tell_start(trained: Model, model: Model, folder: RunFolder) -> None:
    """Let the model that is trained say what it starts from."""
    began = folder.began_as() or began_as(model)
    if not folder.state.exists() and is_changed(model):
        began, trained.source = began | {"changed": True}, f"{trained.source}, changed since"
    trained.about = {TRAINED: {"began_as": began}}


def _what_stays(folder: RunFolder) -> str:
    if folder.state.exists():
        return "what was saved before is complete, resume=True goes on from there"
    return "nothing was saved yet, resume=True begins again"


def _run(
    model: Model, dataset: Dataset, folder: RunFolder, recipe: Recipe, settings: dict[str, Any], course: Course
) -> Report:
    began = model.about[TRAINED]
    if not folder.state.exists():  # nothing was saved yet, so a resumed run starts from the beginning
        folder.log.unlink(missing_ok=True)
        origin = {"weights": model.source, **began, "split": dataset.describe_split(), "versions": versions()}
        folder.append({"event": "start", **settings, **origin})
        tqdm.write(f"seed {recipe.seed}, {recipe.epochs} epochs, from {model.source}", file=sys.stderr)
    identity = {"recipe": settings["recipe"], "data": settings["data"], **began}
    identity |= {} if course.method.is_plain else {"method": settings["method"]}
    unlabelled = dataset.split(course.method.second) if course.method.second else ()
    data = Data(dataset.split("train"), dataset.split("val"), unlabelled)
    learning = learning_of(course.method, model, recipe.seed)
    trainer = Trainer(
        model.algorithm, model.engine, recipe, data, folder, _metadata(model, identity), course.claim.keep, learning
    )
    trainer.starts_trained, trainer.planned_epochs = course.starts_trained, course.planned_epochs
    with looking(trainer, course.snapshots):
        progress = trainer.run(course.resume)
    model.about = {TRAINED: identity}
    weights = read_weights(folder.best)[0]
    model.engine.load({**model.engine.weights(), **weights})  # what is not shipped stays as it ended
    model.source = str(folder.best)
    rows = trainer.best_rows()
    chosen = model.algorithm.operating_point(rows)
    if chosen:
        model.algorithm = model.algorithm.with_config(dataclasses.replace(model.config, **chosen))
        write_checkpoint(folder.best, weights, _metadata(model, identity))
        folder.append({"event": "operating_point", **chosen})
        folder.choose(chosen)
    test = _test(model, dataset, folder)
    end = {"event": "end", "best_epoch": progress.best_epoch}
    below = _below_baseline(model, dataset, test, progress.best_score)
    folder.append(end | ({"test": test.to_dict()} if test else {}) | ({"below_baseline": below} if below else {}))
    plot_curves(folder.records(), model.algorithm.monitor, folder.path / "curves.png")
    score = math.nan if progress.best_score is None else progress.best_score
    return Report(folder.path, folder.best, progress.best_epoch, score, test)


def _algorithm(model: Model, dataset: Dataset, augment: Choice, resumed: RunFolder | None) -> Algorithm[Any]:
    """Return the algorithm for the classes of the data and the augmentation of the run."""
    classes, own = dataset.classes, model.config.classes
    if misspelt(classes, own):
        renumber(classes, own, f"{dataset.origin}, beside the model")
    algorithm = algorithm_for(model, classes) if classes and sorted(classes) != sorted(own) else model.algorithm
    default = type(algorithm).augmentation
    is_older = resumed is not None and "augmentation" not in resumed.stored_settings()  # it mirrored whatever it had
    augmentation, note = choose(default, augment, () if is_older else algorithm.config.classes)
    if note:
        warnings.warn(note, ZooWarning, stacklevel=4)
    begun = resumed.as_begun(algorithm.config) if resumed is not None else {}
    algorithm = algorithm.with_config(replace_fields(algorithm.config, begun, algorithm.task)) if begun else algorithm
    return algorithm.with_augmentation(augmentation)


def _candidate(model: Model, algorithm: Algorithm[Any], is_replaced: bool) -> Model:
    """Return the model that is trained: the same network, or another one for other classes.

    is_replaced: its weights are those of a saved state in a moment, so that no head starts anew.
    """
    if algorithm.config.classes == model.config.classes:
        return Model(model.entry, algorithm, model.engine, model.variant, model.source)
    with warnings.catch_warnings():
        if is_replaced:
            warnings.simplefilter("ignore", HeadReinitialisedWarning)
        other = with_classes(model, algorithm.config.classes)
    other.algorithm = algorithm
    return other


@contextmanager
def _unchanged_on_failure(model: Model) -> Iterator[None]:
    """Put the weights back when a run does not come to its end."""
    before = model.engine.weights()
    try:
        yield
    except BaseException:
        model.engine.load(before)
        raise


def _metadata(model: Model, identity: dict[str, Any]) -> dict[str, str]:
    augmentation, record = dataclasses.asdict(model.algorithm.augmentation), model.record
    told = {"augmentation": augmentation, "trained": identity, "scope": record and record.to_dict()}
    return to_metadata(model.name, model.variant, model.config, **told)


def _test(model: Model, dataset: Dataset, folder: RunFolder) -> Evaluation | None:
    if not any(record.split == "test" for record in dataset.records):
        return None
    cases = dataset.split("test")
    result = evaluate(model.algorithm, model.engine, cases, cases.groups, batch_size=8, scope=model.scope)
    trivial = score_baseline(model.algorithm, dataset.split("train"), cases)
    result = dataclasses.replace(result, baseline=trivial, about=describe_test(model, dataset))
    result.save(folder.path / "test", overwrite=True)
    return result


def _below_baseline(
    model: Model, dataset: Dataset, test: Evaluation | None, validation: float | None
) -> dict[str, Any] | None:
    """Compare with the trivial predictor, on the test split where there is one; warn where the run lost."""
    monitor = model.algorithm.monitor
    split = "test" if test else "val"
    if test:
        score, trivial = test.metrics.get(monitor, math.nan), test.baseline.get(monitor, math.nan)
    else:
        baseline = score_baseline(model.algorithm, dataset.split("train"), dataset.split("val"))
        score, trivial = validation if validation is not None else math.nan, baseline.get(monitor, math.nan)
    if not score < trivial:
        return None
    message = (
        f"{model.name}: {monitor} {score:.4f} on the {split} split is below the trivial baseline, {trivial:.4f}; "
        "do not use these weights. More epochs, more data or another learning_rate may help"
    )
    warnings.warn(message, BelowBaselineWarning, stacklevel=4)
    return {"split": split, "score": score, "baseline": trivial}
