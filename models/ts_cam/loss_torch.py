"""The loss of TS-CAM in PyTorch: cross-entropy of pictures, and of the tokens whose class is known."""

from __future__ import annotations

import torch

from zoo.common.classification.losses_torch import cross_entropy

from .config import Config


def losses(
    outputs: dict[str, torch.Tensor], targets: dict[str, torch.Tensor], config: Config
) -> dict[str, torch.Tensor]:
    """Compare logits (n, classes) with label (n,), and the maps of background pictures with the background.

    A picture without a finding has none in any of its tokens: the label of a picture says that much about places.
    """
    labels = targets["label"]
    terms = {"cross_entropy": cross_entropy(outputs["logits"], labels, config.class_weights, config.label_smoothing)}
    if config.background_weight and config.background in config.classes:
        index = config.classes.index(config.background)
        term = background_tokens(outputs["maps"], outputs["lung"], labels, index)
        terms["background"] = config.background_weight * term
    return terms


def background_tokens(maps: torch.Tensor, lung: torch.Tensor, labels: torch.Tensor, index: int) -> torch.Tensor:
    """Average the cross-entropy of maps (n, classes, h, w) with class `index` over the pictures of that class.

    lung: weights (n, h, w). One is added to their sum, so that a batch without such pictures costs nothing.
    """
    weights = lung * (labels == index).to(lung.dtype)[:, None, None]
    return (weights * (maps.logsumexp(1) - maps[:, index])).sum() / (weights.sum() + 1)
