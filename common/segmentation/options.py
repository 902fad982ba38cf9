"""The losses of segmentation that a training may choose by name, `loss="focal-dice"`; several are joined by "+"."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from zoo.common.errors import ConfigError

if TYPE_CHECKING:
    from zoo.common.algorithm import Algorithm

OPTIONS = MappingProxyType(  # name: what it is; p are probabilities, g is 0 or 1, c a class
    {
        "cross-entropy": "-log p of the class, averaged over the pixels",
        "dice": "1 - Dice of all classes, with sums over the batch",
        "foreground-dice": "1 - Dice of all classes but the background",
        "focal-dice": "1 - Dice^(1 / 1.5): classes that are found badly count more",
        "noise-robust-dice": "sum |p - g|^1.5 / sum (p + g): wrong masks count less (Wang et al. 2020)",
        "gce": "(1 - p^0.7) / 0.7 of the class: generalised cross-entropy, for wrong masks (Zhang & Sabuncu 2018)",
        "mae": "mean |p - g|, for wrong masks (Ghosh et al. 2017)",
        "mse": "mean (p - g)^2",
        "exp-log": "logarithms of Dice and p to the power 0.3, rare classes count more (Wong et al. 2018)",
        "tversky": "Dice in which false alarms weigh 0.7 and misses 0.3 (Salehi et al. 2017)",
        "focal-tversky": "(1 - Tversky)^(1 / 1.33) (Abraham & Khan 2019)",
        "adaptive-tversky": "Tversky in patches of about a quarter of the sides, whose weights follow its errors",
    }
)


def check_loss(name: str, algorithm: Algorithm[Any], entry: str) -> None:
    """Raise ConfigError where a loss has no such name, or the entry takes none."""
    if not name:
        return
    if unknown := [part for part in name.split("+") if part not in OPTIONS]:
        raise ConfigError(f"loss={name!r}: {unknown[0]!r} is unknown; expected one of {', '.join(OPTIONS)}, or a sum")
    if algorithm.labels != ("mask",) or algorithm.dense_output != "logits" or len(algorithm.phases) > 1:
        raise ConfigError(f"loss={name!r}: {entry} has a loss of its own alone; expected an entry for segmentation")
