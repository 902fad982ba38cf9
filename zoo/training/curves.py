"""Draw the curves of a run from its log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.files.outputs import explained
from zoo.engines.engine import loss_terms

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_curves(records: Sequence[dict[str, Any]], monitor: str, path: Path) -> None:
    """Write a PNG: the losses, the validation score with its highest epoch, the learning rate; by whole epochs.

    Drawn are the terms of the training loss, and the sum of those of the validation loss where the log has it; beside
    them what a method tells of its steps, such as the share of pixels that it kept.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs = [record for record in records if record["event"] == "epoch"]
    told = [record.get("method") or {} for record in epochs]
    figure = Figure(figsize=(17 if any(told) else 13, 4), layout="constrained")
    losses, score, rate, *more = figure.subplots(1, 4 if any(told) else 3)
    x = [record["epoch"] for record in epochs]
    _draw_losses(losses, x, epochs)
    _draw_score(score, x, [_number(record["validation"].get(monitor)) for record in epochs])
    rate.plot(x, [_number(record.get("learning_rate")) for record in epochs], "o-", color="black", markersize=3)
    for axes in more:
        _draw_told(axes, x, told)
    for axes, label in (
        (losses, "training and validation loss" if _has_unseen(epochs) else "training loss, weighted terms"),
        (score, f"validation {monitor}"),
        (rate, "learning rate at the end of the epoch"),
        *((axes, "of the method") for axes in more),
    ):
        axes.set(xlabel="epoch", title=label)
        axes.set_xlim(0.5, max(x, default=1) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    rate.set_ylim(bottom=0)
    with explained(path):
        figure.savefig(path, dpi=120)


def _draw_losses(axes: Axes, x: list[int], epochs: Sequence[dict[str, Any]]) -> None:
    names = loss_terms(epochs[0]["training"]) if epochs else ()
    curves = {name: [_number(record["training"].get(name)) for record in epochs] for name in names}
    if len(curves) > 1:
        curves = {"sum": [sum(values) for values in zip(*curves.values(), strict=True)], **curves}
    for name, values in curves.items():
        axes.plot(x, values, "o-", markersize=3, label=name, color="black" if name == "sum" else None)
    if curves and _has_unseen(epochs):
        curves["validation"] = [_sum(record.get("validation_loss")) for record in epochs]
        axes.plot(x, curves["validation"], "s--", markersize=3, label="validation, sum", color="black")
    if curves and np.nanmin(list(curves.values())) > 0:
        axes.set_yscale("log")
    if len(curves) > 1:
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))


def _draw_told(axes: Axes, x: list[int], told: Sequence[dict[str, Any]]) -> None:
    for name in dict.fromkeys(name for values in told for name in values):
        axes.plot(x, [_number(values.get(name)) for values in told], "o-", markersize=3, label=name.replace("_", " "))
    axes.legend(fontsize=8)


def _draw_score(axes: Axes, x: list[int], values: list[float]) -> None:
    axes.plot(x, values, "o-", color="black", markersize=3)
    defined = [value for value in values if not math.isnan(value)]
    if not defined:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "not defined in any epoch, see log.jsonl", ha="center", transform=axes.transAxes)
        return
    best = values.index(max(defined))
    axes.plot(x[best], values[best], "o", color="tab:red", label=f"highest: {values[best]:.4f}, epoch {x[best]}")
    axes.legend(fontsize=8)


def _has_unseen(epochs: Sequence[dict[str, Any]]) -> bool:
    return any("validation_loss" in record for record in epochs)  # windows have none, nor have older logs


def _sum(terms: dict[str, float | None] | None) -> float:
    return sum(map(_number, terms.values())) if terms else math.nan


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)  # JSON has no NaN
