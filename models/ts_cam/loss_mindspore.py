"""The loss of TS-CAM in MindSpore: cross-entropy of pictures, and of the tokens whose class is known."""

from __future__ import annotations

from mindspore import Tensor, ops

from zoo.common.classification.losses_mindspore import cross_entropy

from .config import Config


def losses(outputs: dict[str, Tensor], targets: dict[str, Tensor], config: Config) -> dict[str, Tensor]:
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


def background_tokens(maps: Tensor, lung: Tensor, labels: Tensor, index: int) -> Tensor:
    """Average the cross-entropy of maps (n, classes, h, w) with class `index` over the pictures of that class.

    lung: weights (n, h, w). One is added to their sum, so that a batch without such pictures costs nothing.
    """
    weights = lung * (labels == index).astype(lung.dtype)[:, None, None]
    return (weights * (ops.logsumexp(maps, 1) - maps[:, index])).sum() / (weights.sum() + 1)
