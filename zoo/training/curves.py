"""Draw the curves of a run from its log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.engines.engine import loss_terms


def plot_curves(records: Sequence[dict[str, Any]], monitor: str, path: Path) -> None:
    """Write a PNG with the loss terms on the left and the validation score on the right."""
    from matplotlib.figure import Figure

    epochs = [record for record in records if record["event"] == "epoch"]
    figure = Figure(figsize=(10, 4), layout="constrained")
    losses, score = figure.subplots(1, 2)
    x = [record["epoch"] for record in epochs]
    for name in loss_terms(epochs[0]["training"]) if epochs else ():
        losses.plot(x, [record["training"][name] for record in epochs], label=name)
    score.plot(x, [record["validation"][monitor] for record in epochs], color="black")
    losses.set(xlabel="epoch", ylabel="training loss, weighted terms", yscale="log")
    losses.legend(fontsize=8)
    score.set(xlabel="epoch", ylabel=f"validation {monitor}")
    for axes in (losses, score):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
