"""The losses of segmentation that a training may choose by name, `loss="focal-dice"`; several are joined by "+"."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from zoo.common.errors import ConfigError, ZooWarning

if TYPE_CHECKING:
    from zoo.common.algorithm import Algorithm

OPTIONS = MappingProxyType(  # name: what it is; p are probabilities, g is 0 or 1, c a class
    {
        "cross-entropy": "-log p of the class, averaged over the pixels",
        "binary-cross-entropy": "the same of each map of the foreground by itself, as there or not",
        "dice": "1 - Dice of all classes, with sums over the batch",
        "foreground-dice": "1 - Dice of all classes but the background",
        "joined-dice": "1 - Dice of the foreground as one class",
        "pooled-dice": "1 - Dice with sums over the classes, too; smooth 1",
        "generalised-dice": "the same with each class of an image by 1 / size^2: small ones count (Sudre et al. 2017)",
        "focal": "binary cross-entropy by the square of the error: what is easy counts less (Lin et al. 2017)",
        "focal-dice": "1 - Dice^(1 / 1.5): classes that are found badly count more",
        "log-focal-dice": "log focal - log Dice of the foreground; below 0 when both are good",
        "noise-robust-dice": "sum |p - g|^1.5 / sum (p + g): wrong masks count less (Wang et al. 2020)",
        "gce": "(1 - p^0.7) / 0.7 of the class: generalised cross-entropy, for wrong masks (Zhang & Sabuncu 2018)",
        "mae": "mean |p - g|, for wrong masks (Ghosh et al. 2017)",
        "mse": "mean (p - g)^2",
        "exp-log": "logarithms of Dice and p to the power 0.3, rare classes count more (Wong et al. 2018)",
        "tversky": "Dice in which false alarms weigh 0.7 and misses 0.3 (Salehi et al. 2017)",
        "focal-tversky": "(1 - Tversky)^(1 / 1.33) (Abraham & Khan 2019)",
        "adaptive-tversky": "Tversky in patches of about a quarter of the sides, whose weights follow its errors",
        "adaptive-wing": "a steep loss near the mask, most of it there and at its border (Wang et al. 2019)",
    }
)


def check_loss(name: str, weights: Sequence[float], algorithm: Algorithm[Any], entry: str) -> None:
    """Raise ConfigError where a loss has no such name, the entry takes none, or there are weights without a loss."""
    if not name:
        if weights:
            raise ConfigError(
                f"class_weights={weights} given without a loss; add one of `zoo losses`, such as loss='dice'"
            )
        return
    if unknown := [part for part in name.split("+") if part not in OPTIONS]:
        raise ConfigError(f"loss={name!r}: {unknown[0]!r} is unknown; expected one of {', '.join(OPTIONS)}, or a sum")
    if algorithm.labels != ("mask",) or algorithm.dense_output != "logits" or len(algorithm.phases) > 1:
        raise ConfigError(f"loss={name!r}: {entry} has a loss of its own alone; expected an entry for segmentation")
    if getattr(algorithm.config, "deep_supervision", False):
        raise ConfigError(
            f"loss={name!r}: the coarse outputs of {entry} learn by its own loss alone; expected deep_supervision=False"
        )
    if weights and not any(weights[1:]):
        raise ConfigError(
            f"class_weights={tuple(weights)} given, which leaves only the background; expected more than 0 for some "
            "other class"
        )


def check_weights(weights: Sequence[float], classes: Sequence[str], of_data: Sequence[str], origin: str) -> None:
    """Raise ConfigError where weights are not those of the classes that are trained.

    of_data: the classes as the data counts them, where it says so; a warning tells which is whose in another order.
    """
    given = f"class_weights={tuple(weights)} given"
    if weights and len(weights) != len(classes):
        raise ConfigError(f"{given}; expected {len(classes)} numbers, one for each of {', '.join(classes)}")
    if weights and of_data and tuple(of_data) != tuple(classes):
        told = ", ".join(f"{name} {weight:g}" for name, weight in zip(classes, weights, strict=True))
        warnings.warn(
            f"{given}; they are in the order of the model, not of {origin}: {told}. Give them in this order",
            ZooWarning,
            stacklevel=4,
        )
