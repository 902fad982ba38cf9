"""Predictions from Python into memory or into a folder: what `Model.predict` and `Model.predict_into` do."""

from __future__ import annotations

import warnings
from operator import length_hint
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from zoo.common.algorithm import Algorithm
from zoo.common.answers.prediction import Prediction
from zoo.common.errors import ZooError, ZooWarning
from zoo.prediction.channels import with_channels
from zoo.prediction.files import Style
from zoo.prediction.hidden import pseudonyms
from zoo.prediction.many import Results, predict_many
from zoo.prediction.outcomes import outcomes, raised
from zoo.prediction.predictions import PredictionList
from zoo.prediction.series import PATH, Wanted
from zoo.prediction.shards import Shard
from zoo.prediction.sources import Images, images

if TYPE_CHECKING:
    from zoo.model import Model

BATCH = 8  # images per forward pass unless said otherwise
BAR_FROM = 16  # fewer images than this show no progress bar


def into_memory(
    model: Model, algorithm: Algorithm[Any], found: Images, batch_size: int, tta: bool
) -> Prediction | PredictionList:
    """Answer one image, or raise; answer many, with a warning where some failed."""
    how, found = (tta, model.scope, model.made_by), with_channels(found, model.scope.channels)
    if found.left_out:
        warnings.warn(found.complaint(), ZooWarning, stacklevel=3)
    if found.is_single:
        ((name, image),) = found
        read = [(name if isinstance(image, ZooError) else image.name, image)]
        ((_, outcome),) = outcomes(algorithm, model.engine, read, 1, *how)
        return raised(outcome)
    results = PredictionList(model=model.identity, left_out=found.left_out)
    is_short = length_hint(found, BAR_FROM) < BAR_FROM
    bar = tqdm(found, desc=model.name, unit="image", disable=True if is_short else None)
    for name, outcome in outcomes(algorithm, model.engine, bar, batch_size, *how):
        if isinstance(outcome, ZooError):
            results.failures.append((name, outcome))
        else:
            results.append(outcome)
    if results.failures:
        warnings.warn(results.complaint(), ZooWarning, stacklevel=3)
    return results


def into_folder(
    model: Model,
    out: str | Path,
    source: object,
    *,
    spacing_mm: tuple[float, ...] | float | None = None,
    batch_size: int = BATCH,
    tta: bool = False,
    series: Wanted | None = None,
    name_by: str = PATH,
    overwrite: bool = False,
    skip_existing: bool = False,
    overlays: bool = True,
    mask_format: str = "",
    report: bool = False,
    capture: bool = False,
    structures: bool = False,
    deidentify: str = "",
    shard: str = "",
    ray: str = "",
    **options: Any,
) -> Results:
    """Predict into a folder, see `Model.predict_into`."""
    style = style_of(overlays, mask_format, report, capture, structures, deidentify, name_by)
    found = images(source, spacing_mm, series, name_by)
    done = {"overwrite": overwrite, "skip_existing": skip_existing}
    part = Shard.read(shard) if shard else None
    how: dict[str, Any] = {"style": style, "options": options, "shard": part, "ray": ray, **done}
    return predict_many(model, found, out, batch_size=batch_size, tta=tta, **how)


def style_of(
    overlays: bool, mask_format: str, report: bool, capture: bool, structures: bool, deidentify: str, name_by: str
) -> Style:
    """Say what is written for each prediction; pseudonyms take the place of names, whatever these come from."""
    hide = pseudonyms(deidentify)
    written = overlays, mask_format, report, capture, structures
    return Style(*written, own_names=name_by != PATH and hide is None, hide=hide)
