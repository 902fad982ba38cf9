"""The one way from images to answers: an image that cannot be used costs itself and nobody else."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from zoo.common.algorithm import Algorithm
from zoo.common.answers.prediction import Prediction
from zoo.common.errors import UnexpectedError, ZooError
from zoo.common.files.names import printable
from zoo.common.provenance import UNKNOWN, Provenance
from zoo.common.types import Image
from zoo.engines.engine import Engine
from zoo.prediction.passes import Prepared, chunks, predict_batch, prepare
from zoo.prediction.scope import Scope
from zoo.prediction.threads import ahead

Read: TypeAlias = tuple[str, "Image | ZooError"]  # an image under its name, or why there is none
Outcome: TypeAlias = tuple[str, "Prediction | ZooError"]


def outcomes(
    algorithm: Algorithm[Any],
    engine: Engine,
    found: Iterable[Read],
    batch_size: int,
    tta: bool,
    scope: Scope,
    made_by: Provenance = UNKNOWN,
    *,
    reads_ahead: bool = False,
) -> Generator[Outcome, None, None]:
    """Answer image after image, in order, under the names given: a prediction, or the error that it ended in.

    made_by: what the predictions say of their origin. reads_ahead: read and prepare the next images in a thread while
    the network runs.
    An error that is none of the zoo's own becomes an UnexpectedError with that error as its cause.
    """
    scope = replace(scope, as_seen=algorithm.as_seen)  # as this prediction's options say
    prepared = ((name, _prepared(algorithm, name, image, scope)) for name, image in found)
    for entries in chunks(ahead(prepared, _values, batch_size) if reads_ahead else prepared, batch_size):
        ready = [entry for _, entry in entries if not isinstance(entry, ZooError)]
        answers = iter(_answers(algorithm, engine, ready, tta, scope))
        for name, entry in entries:
            answer = entry if isinstance(entry, ZooError) else next(answers)
            yield name, answer if isinstance(answer, ZooError) else replace(answer, made_by=made_by)


def unexpected(name: str, error: Exception) -> UnexpectedError:
    """Wrap an error that nobody foresaw, so that the other images can go on."""
    told = " ".join(str(error).split())[:300]
    wrapped = UnexpectedError(
        f"{printable(name)}: {type(error).__name__}{': ' if told else ''}{printable(told)}; expected a prediction. "
        "This is a bug in the zoo or in a library that it uses; please report it with its traceback"
    )
    wrapped.__cause__ = error
    return wrapped


def raised(outcome: Prediction | ZooError) -> Prediction:
    """Return a prediction; raise the error that is there instead, and one that nobody foresaw as it was."""
    if isinstance(outcome, ZooError):
        raise (outcome.__cause__ if isinstance(outcome, UnexpectedError) else None) or outcome
    return outcome


def _values(entry: tuple[str, Prepared | ZooError]) -> int:
    """Count the values that a prepared image holds."""
    if isinstance(entry[1], ZooError):
        return 0
    image, inputs = entry[1]
    return int(image.array.size + sum(value.size for value in inputs.values()))


def _prepared(algorithm: Algorithm[Any], name: str, image: Image | ZooError, scope: Scope) -> Prepared | ZooError:
    if isinstance(image, ZooError):
        return image
    try:
        return prepare(algorithm, replace(image, name=name), scope)
    except ZooError as error:
        return error
    except Exception as error:  # told with its traceback, see `unexpected`
        return unexpected(name, error)


def _answers(
    algorithm: Algorithm[Any], engine: Engine, ready: Sequence[Prepared], tta: bool, scope: Scope
) -> list[Prediction | ZooError]:
    """Predict a batch; where that fails, each of its images alone, so that only those to blame are lost."""
    if not ready:
        return []
    try:
        return [scope.judge(answer) for answer in predict_batch(algorithm, engine, ready, tta=tta)]
    except Exception as error:  # told with its traceback, see `unexpected`
        if len(ready) == 1:
            return [error if isinstance(error, ZooError) else unexpected(ready[0][0].name, error)]
    return [answer for pair in ready for answer in _answers(algorithm, engine, [pair], tta, scope)]
