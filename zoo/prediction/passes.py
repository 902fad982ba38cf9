"""From images to predictions: the one path that predict, evaluate and validation share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from zoo.common.algorithm import Algorithm
from zoo.common.answers.prediction import Prediction
from zoo.common.batches import stack
from zoo.common.errors import ConfigError, WeightsError
from zoo.common.records import replace_fields
from zoo.common.tiling import Network, Tiles, predict_tiled
from zoo.common.tta import View
from zoo.common.types import Arrays, Image
from zoo.engines.backends import KINDS
from zoo.engines.engine import Runner
from zoo.prediction.objects import INSTANCES, may_be_parted, parted
from zoo.prediction.options import check_known
from zoo.prediction.progress import steps
from zoo.prediction.scope import Scope

T = TypeVar("T")
WINDOWS_ON_CPU, WINDOWS = 1, 4  # windows per forward pass; on a CPU more cost memory, and time as often as they save it
SLICES = 4  # of a volume per forward pass of a network of pictures
Prepared = tuple[Image, Arrays]  # an image and its inputs, without the batch axis


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of at most `size` items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def predict_batch(
    algorithm: Algorithm[Any],
    engine: Runner,
    prepared: Sequence[Prepared],
    *,
    tta: bool = False,
    hear: Callable[[Arrays], object] = lambda outputs: None,
) -> list[Prediction]:
    """Run the network on images that are preprocessed, then postprocess each.

    Without a window the images go through the network together, else one after the other, window by window; volumes
    that a network of pictures takes, slice by slice.
    tta: average the network's dense output over the algorithm's views. hear: gets the outputs of a batch that went
    through the network together.
    """
    views = check_views(algorithm, engine) if tta else ()
    if algorithm.by_slices and any(image.array.ndim == 4 for image, _ in prepared):
        return [_predict_series(algorithm, engine, pair, tta) for pair in prepared]
    if algorithm.slicewise and any(image.array.ndim == 4 for image, _ in prepared):
        return [_predict_slices(algorithm, engine, pair, views) for pair in prepared]
    if algorithm.window is not None:
        answers = [_predict_windows(algorithm, engine, algorithm.window, pair, views) for pair in prepared]
        return [algorithm.postprocess(answer, image) for answer, (image, _) in zip(answers, prepared, strict=True)]
    outputs = _forward(algorithm, engine, stack([inputs for _, inputs in prepared]), views)
    _check_numbers(outputs, [image.name for image, _ in prepared])
    hear(outputs)
    return [
        algorithm.postprocess({name: value[i] for name, value in outputs.items()}, image)
        for i, (image, _) in enumerate(prepared)
    ]


def _predict_series(algorithm: Algorithm[Any], engine: Runner, pair: Prepared, tta: bool) -> Prediction:
    """Answer for the slices of a volume one by one, as if each were an image, and join the answers."""
    image, _ = pair
    if image.array.ndim == 3:
        return predict_batch(algorithm, engine, [pair], tta=tta)[0]

    def answers(step: Callable[[int], None]) -> Iterator[tuple[int, Prediction]]:
        looked_at = -1
        for chunk in chunks(algorithm.slices(image), SLICES):
            ready = [(seen, algorithm.preprocess(seen)) for _, seen in chunk]
            yield from zip((i for i, _ in chunk), predict_batch(algorithm, engine, ready, tta=tta), strict=True)
            step(chunk[-1][0] - looked_at)
            looked_at = chunk[-1][0]

    with steps(image.array.shape[1], image.name, "slice") as step:
        return algorithm.join(image, answers(step))


def check_views(algorithm: Algorithm[Any], engine: Runner) -> tuple[View, ...]:
    """Return the views of test-time augmentation; ConfigError when the algorithm has none, or the engine takes none."""
    name, views, window = type(algorithm).__name__, algorithm.views, algorithm.window or ()
    if not views:
        why = "has no test-time augmentation" if algorithm.mirrors else "was trained without mirroring, so has no views"
        raise ConfigError(f"tta=True given; {name} {why}. Leave it out")
    is_turned = any(list(view.order) != sorted(view.order) for view in views)
    if is_turned and len(set(window)) > 1 and not KINDS[engine.framework].trains:
        raise ConfigError(
            f"tta=True given; {name} then sees windows turned, too, but its graph in {engine.framework} takes those of "
            f'{" x ".join(map(str, window))} px alone. Leave it out, load the model with backend="torch", or with '
            f"window_size={(max(window),) * len(window)}"
        )
    return views


def with_options(algorithm: Algorithm[Any], options: Mapping[str, Any], is_scored: bool = False) -> Algorithm[Any]:
    """Return the algorithm with its options for one prediction; ConfigError names the known ones.

    is_scored: the answers are held against labels, so have to be of the algorithm's own kind.
    """
    parts = may_be_parted(algorithm) and not is_scored
    check_known(type(algorithm).__name__, (*algorithm.prediction_options, *([INSTANCES] if parts else [])), options)
    fields = {name: value for name, value in options.items() if not (parts and name == INSTANCES)}
    if fields:
        algorithm = algorithm.with_config(replace_fields(algorithm.config, fields, "prediction option"))
    return parted(algorithm, options[INSTANCES]) if parts and INSTANCES in options else algorithm


def _forward(algorithm: Algorithm[Any], engine: Runner, inputs: Arrays, views: Sequence[View]) -> Arrays:
    """Run the network on a batch; average over the views, if there are any, what the algorithm can bring back."""
    outputs = engine.forward(inputs)
    if not views:
        return outputs
    totals = algorithm.undo_view(outputs, views[0])
    for view in views[1:]:
        seen = {name: np.ascontiguousarray(view.apply(value)) for name, value in inputs.items()}
        undone = algorithm.undo_view(engine.forward(seen), view)
        totals = {name: total + undone[name] for name, total in totals.items()}
    return {**outputs, **{name: total / np.float32(len(views)) for name, total in totals.items()}}


def _check_numbers(outputs: Arrays, names: Sequence[str]) -> None:
    """Raise WeightsError that names the first image for which the network answers NaN or infinity.

    NaN loses every comparison, so it would be told as background, as nothing found or as the first class.
    """
    for key, value in outputs.items():
        if not np.isfinite(value).all():
            name = next(name for name, own in zip(names, value, strict=False) if not np.isfinite(own).all())
            raise WeightsError(
                f"{name}: the network answers NaN or infinity ({key}); expected numbers. Its weights have diverged, or "
                "the image has values far from those of its kind: look at both, or train with a lower learning rate"
            )


def _predict_slices(algorithm: Algorithm[Any], engine: Runner, pair: Prepared, views: Sequence[View]) -> Prediction:
    """Run the network on the slices of a volume, whose inputs are (c, d, h, w); outputs become (k, d, h, w)."""
    image, inputs = pair
    if image.array.ndim == 3:
        return predict_batch(algorithm, engine, [pair], tta=bool(views))[0]
    stacks = {name: np.moveaxis(value, 1, 0) for name, value in inputs.items()}
    depth = len(next(iter(stacks.values())))
    parts = list[Arrays]()
    with steps(depth, image.name, "slice") as step:
        for i in range(0, depth, SLICES):
            batch = {name: value[i : i + SLICES] for name, value in stacks.items()}
            parts.append(_forward(algorithm, engine, batch, views))
            _check_numbers(parts[-1], [image.name] * SLICES)
            step(min(SLICES, depth - i))
    outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return algorithm.postprocess({name: np.moveaxis(value, 0, 1) for name, value in outputs.items()}, image)


def _predict_windows(
    algorithm: Algorithm[Any], engine: Runner, window: tuple[int, ...], pair: Prepared, views: Sequence[View]
) -> Arrays:
    """Run the network on the windows of one image; return what keep() leaves of the blended scores."""
    image, inputs = pair
    (source,) = inputs.values()
    network = _network(algorithm, engine, inputs, views)
    overlap, weighting = algorithm.tiling
    total = len(Tiles(source.shape[1:], window, overlap, weighting))
    batch = WINDOWS_ON_CPU if engine.device == "cpu" else WINDOWS
    with steps(total, image.name, "window") as step:

        def answer(part: np.ndarray) -> np.ndarray:
            scores = network(part)
            _check_numbers({"scores": scores}, [image.name] * len(part))
            step(len(part))
            return scores

        kept = predict_tiled(source, window, answer, overlap, weighting, batch, finish=algorithm.keep)
    return algorithm.name_kept(kept)


def _network(algorithm: Algorithm[Any], engine: Runner, inputs: Arrays, views: Sequence[View]) -> Network:
    """Wrap the engine as a function from one batch to its dense outputs, joined along the channels."""
    (name,) = inputs

    def answer(batch: np.ndarray) -> np.ndarray:
        outputs = _forward(algorithm, engine, {name: batch}, views)
        maps = [outputs[dense] for dense in algorithm.dense_outputs]
        return maps[0] if len(maps) == 1 else np.concatenate(maps, axis=1)

    return answer


def prepare(algorithm: Algorithm[Any], image: Image, scope: Scope | None = None) -> Prepared:
    """Pair an image with the inputs that the network takes for it; InputError for what is none of its kind."""
    if scope is not None:
        scope.check(image)
    if algorithm.by_slices and image.array.ndim == 4:
        return image, {}
    seen = algorithm.enter(image)
    return seen, algorithm.preprocess(seen)
