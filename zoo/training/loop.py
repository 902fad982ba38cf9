"""The one training loop: the same for every algorithm and both frameworks."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from zoo.common.algorithm import Algorithm
from zoo.common.batches import batches_per_epoch, training_batches
from zoo.common.errors import TrainingError
from zoo.common.methods.contract import Moment
from zoo.common.methods.sampling import Joined, mixed_sampler
from zoo.common.recipe import Recipe
from zoo.common.records import replace_fields
from zoo.common.types import Arrays, Case, Sample
from zoo.common.weights import check_fit, write_weights
from zoo.engines.engine import TOLD, Engine, Learning, loss_terms
from zoo.registry.package import Package
from zoo.training.events import EventFile
from zoo.training.folder import Progress, RunFolder
from zoo.training.networks import choose_network, networks_to_ship
from zoo.training.validation import validate

if TYPE_CHECKING:
    from zoo.registry import Entry

SAVE_SECONDS = 300  # a run that is killed loses at most this much, or one epoch


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, after the state was saved."""


@dataclass(frozen=True)
class Data:
    """The splits that a training loop sees."""

    training: Sequence[Sample]
    validation: Sequence[Sample]
    unlabelled: Sequence[Sample] = ()


def learning_rate_at(step: int, steps_per_epoch: int, recipe: Recipe) -> float:
    """Warm up linearly, then follow half a cosine down to `final_factor` (Loshchilov & Hutter 2017, eq. 5)."""
    warmup = recipe.warmup_epochs * steps_per_epoch
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    share = (step - warmup) / max(1.0, recipe.epochs * steps_per_epoch - warmup)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
    return recipe.learning_rate * (recipe.final_factor + (1 - recipe.final_factor) * cosine)


def schedule_change(recipe: Recipe, planned_epochs: int, epoch: int) -> str:
    """Say what becomes of the learning rate after `epoch` epochs when a run gets more of them than were planned."""
    fine = 1000  # steps of an epoch; the schedule depends on shares of it alone
    before, after = (
        learning_rate_at(epoch * fine, fine, replace_fields(recipe, {"epochs": epochs}, "training option"))
        for epochs in (planned_epochs, recipe.epochs)
    )
    return (
        f"{planned_epochs} epochs were planned, now {recipe.epochs}: the learning rate follows the longer schedule, "
        f"{after:.3g} from epoch {epoch + 1} on instead of {before:.3g}"
    )


def is_better(score: float, progress: Progress) -> bool:
    """Tell whether a score beats the best one; NaN is worse than any, and later is better among scores of NaN."""
    return progress.best_score is None or score > progress.best_score


class Trainer:
    """Carries one run from wherever it stands to its end."""

    def __init__(
        self,
        algorithm: Algorithm[Any],
        engine: Engine,
        recipe: Recipe,
        data: Data,
        folder: RunFolder,
        metadata: dict[str, str],
        on_first_step: Callable[[], None] = lambda: None,
        learning: Learning | None = None,
    ) -> None:
        self.algorithm, self.engine, self.recipe, self.data = algorithm, engine, recipe, data
        self.folder, self.metadata = folder, metadata
        self._on_step: Callable[[], None] = on_first_step
        self.progress = Progress()
        self.starts_trained = False  # from weights that answer already, so that their score is worth telling
        self.planned_epochs = recipe.epochs  # of the run that is resumed
        self.look: Callable[[Arrays, int], object] = lambda weights, epoch: None  # at what each epoch would ship
        self._learning, self._labelled = learning, None if learning is None else recipe.batch_size
        self._samples, self._sampler = data.training, algorithm.sampler(data.training)
        if learning is not None and learning.method.second:
            self._labelled = learning.method.labelled_rows(recipe.batch_size)
            self._samples = Joined(data.training, data.unlabelled)
            self._sampler = mixed_sampler(len(data.training), len(data.unlabelled), self._labelled)
        self.steps_per_epoch = batches_per_epoch(len(self._samples), recipe.batch_size, recipe.repeats, self._sampler)
        self._events = EventFile(folder.path)
        self._saved_at = time.monotonic()
        self._best_rows: list[Case] = []
        self._shipped = ""  # which of several networks the last epoch ships

    def run(self, resume: bool) -> Progress:
        """Train to the last epoch, or until the score has not risen for `patience` epochs."""
        if self.starts_trained and not self.folder.state.exists():
            self._tell_start()
        algorithm = self.algorithm
        self.engine.start_training(
            self.recipe, algorithm.head, algorithm.undecayed, algorithm.phases, learning=self._learning
        )
        if resume and self.folder.state.exists():
            self._restore()
        with _stop_requests() as stop, self._events:
            while self.progress.epoch < self.recipe.epochs and not self._out_of_patience():
                self._train_epoch(stop)
                self._finish_epoch()
        return self.progress

    def _restore(self) -> None:
        self.progress, weights, optimiser = self.folder.load()
        began = self.progress.epoch or self.progress.batch
        if began and not optimiser and (self.recipe.optimiser == "adamw" or self.recipe.momentum):
            raise TrainingError(f"{self.folder.state}: holds no state of the optimiser; start anew in another folder")
        check_fit(self.engine.shapes(), weights, str(self.folder.state))
        self.engine.load(weights)
        self.engine.load_training_state(optimiser)
        self.folder.cut_log(self.progress)
        resumed: dict[str, Any] = {"event": "resume", "epoch": self.progress.epoch, "batch": self.progress.batch}
        if self.planned_epochs != self.recipe.epochs:
            told = schedule_change(self.recipe, self.planned_epochs, self.progress.epoch)
            tqdm.write(told)
            resumed["schedule"] = told
        self.folder.append(resumed)

    def _tell_start(self) -> None:
        """Score the weights that training starts from on the validation split."""
        metrics, monitor = dict(self.algorithm.summarise(self._validate()[0])), self.algorithm.monitor
        self.folder.append({"event": "before", "validation": metrics})
        tqdm.write(f"before training: {monitor} {metrics.get(monitor, math.nan):.4f} on the validation split")

    def _train_epoch(self, stop: threading.Event) -> None:
        progress, recipe, epoch = self.progress, self.recipe, self.progress.epoch
        batches = training_batches(
            self.algorithm,
            self._samples,
            recipe.batch_size,
            recipe.seed,
            epoch,
            progress.batch,
            recipe.repeats,
            self._sampler,
        )
        label = f"epoch {epoch + 1}/{recipe.epochs}"
        with tqdm(total=self.steps_per_epoch, initial=progress.batch, desc=label, leave=False, disable=None) as bar:
            started = time.monotonic()
            for inputs, targets in batches:
                step = epoch * self.steps_per_epoch + progress.batch
                rate = learning_rate_at(step, self.steps_per_epoch, recipe)
                moment = Moment(step, step / (recipe.epochs * self.steps_per_epoch), self._labelled)
                terms = self.engine.step(inputs, targets, rate, (recipe.seed << 32) + step, moment).record()
                self._check_finite(terms, step)
                self._on_step()
                for name, value in terms.items():
                    progress.sums[name] = progress.sums.get(name, 0.0) + value
                progress.batch += 1
                bar.update()
                bar.set_postfix({name: f"{value:.3g}" for name, value in terms.items()})
                now = time.monotonic()
                if stop.is_set() or now - self._saved_at > SAVE_SECONDS:
                    progress.seconds, started = progress.seconds + now - started, now
                    self._save()
                if stop.is_set():
                    raise Interrupted(f"saved at step {step + 1}; continue with resume=True (zoo train ... --resume)")
        progress.seconds += time.monotonic() - started

    def _finish_epoch(self) -> None:
        progress = self.progress
        started = time.monotonic()
        losses = {name: value / self.steps_per_epoch for name, value in progress.sums.items()}
        weights, place = self.engine.weights(), f"after epoch {progress.epoch + 1}"
        networks = networks_to_ship(self._learning)
        chosen = choose_network(self.algorithm, self.engine, networks, self._validate, place)
        shipped, rows, unseen, metrics = chosen.weights, chosen.rows, chosen.unseen, chosen.metrics
        self._shipped = chosen.name or "the first" if len(networks) > 1 else ""
        self.look(shipped, progress.epoch + 1)
        self.engine.load(weights)
        progress.epoch, progress.batch, progress.sums = progress.epoch + 1, 0, {}
        metrics.setdefault(self.algorithm.monitor, math.nan)
        if reason := self.algorithm.why_stopped(metrics):
            self._report(losses, unseen, metrics, rows)
            self._give_up(reason)
        score = metrics[self.algorithm.monitor]
        if self.recipe.keep == "last" or is_better(score, progress):
            progress.best_score = None if math.isnan(score) else score
            progress.best_epoch, self._best_rows = progress.epoch, rows
            write_weights(self.folder.best, self.algorithm.shipped(shipped), self.metadata)
        write_weights(self.folder.last, self.algorithm.shipped(shipped), self.metadata)
        progress.seconds += time.monotonic() - started
        self._report(losses, unseen, metrics, rows)
        self._save(weights)

    def _report(
        self, losses: dict[str, float], unseen: dict[str, float], metrics: dict[str, float], cases: Sequence[Case]
    ) -> None:
        """Tell the log, TensorBoard and the console of a finished epoch; unseen: the loss of the validation split."""
        progress, monitor = self.progress, self.algorithm.monitor
        told = {name.removeprefix(TOLD): value for name, value in losses.items() if name.startswith(TOLD)}
        losses = {name: value for name, value in losses.items() if not name.startswith(TOLD)}
        record: dict[str, Any] = {"event": "epoch", "epoch": progress.epoch, "training": losses, "validation": metrics}
        record |= {"validation_loss": unseen} if unseen else {}
        record |= {"method": told} if told else {}
        record |= {"shipped_network": self._shipped} if self._shipped else {}
        reason = self.algorithm.why_undefined(cases) if math.isnan(metrics[monitor]) else ""
        if reason:
            record["undefined"] = {monitor: reason}
        rate = learning_rate_at(progress.epoch * self.steps_per_epoch - 1, self.steps_per_epoch, self.recipe)
        self.folder.append(record | {"learning_rate": rate, "seconds": round(progress.seconds, 1)})
        curves = {"training": losses, "validation": metrics, "validation_loss": unseen, "method": told}
        self._events.write(progress.epoch, curves)
        shown = f"is not defined: {reason}" if reason else f"{metrics[monitor]:.4f}"
        shown += f" of {self._shipped} network" if self._shipped else ""
        beside = f", validation loss {sum(unseen.values()):.4g}" if unseen else ""
        tqdm.write(f"epoch {progress.epoch}: loss {sum(loss_terms(losses).values()):.4g}{beside}, {monitor} {shown}")

    def best_rows(self) -> list[Case]:
        """Return the scores of the validation split with the best weights, which have to be in the engine.

        They are computed again only where a resumed run saw no better epoch.
        """
        return self._best_rows or self._validate()[0]

    def _validate(self) -> tuple[list[Case], dict[str, float]]:
        return validate(self.algorithm, self.engine, self.data.validation, self.recipe.batch_size)

    def _save(self, weights: dict[str, Any] | None = None) -> None:
        self.folder.save(self.progress, weights or self.engine.weights(), self.engine.training_state())
        self._saved_at = time.monotonic()

    def _out_of_patience(self) -> bool:
        waited = self.progress.epoch - self.progress.best_epoch
        return bool(self.recipe.patience) and waited >= self.recipe.patience

    def _give_up(self, reason: str) -> None:
        """End the run after an epoch of which nothing was kept."""
        self.folder.append({"event": "stopped", "epoch": self.progress.epoch, "reason": reason})
        raise TrainingError(f"epoch {self.progress.epoch}: {reason}. Last good checkpoint: {self._last_good()}")

    def _check_finite(self, terms: dict[str, float], step: int) -> None:
        bad = [name for name, value in terms.items() if not math.isfinite(value)]
        if bad:
            raise TrainingError(
                f"step {step + 1} (epoch {self.progress.epoch + 1}): {', '.join(bad)} is not finite; the step was not "
                f"taken. Last good checkpoint: {self._last_good()}. Lower learning_rate or set clip_norm"
            )

    def _last_good(self) -> str:
        return str(self.folder.best) if self.folder.best.exists() else "none yet"


@contextmanager
def _stop_requests() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or SIGTERM into a flag, so that a step is never torn; a second one acts at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def request(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def recipe_of(entry: Entry, variant: str) -> Recipe:
    """Return the recipe of a variant of an algorithm, or that of its small one."""
    recipes: dict[str, Recipe] = Package(entry).config.RECIPES
    return recipes.get(variant, recipes["small"])


def recipe_with(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """Return the recipe with some fields changed; ConfigError names unknown ones."""
    return replace_fields(recipe, changes, "training option")
