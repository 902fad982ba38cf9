"""How a network is trained: one frozen record, stored with every run and every checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval

from zoo.common.ranges import Count, NotNegative, Share, ShareBelowOne, Whole
from zoo.common.records import check_record


@dataclass(frozen=True)
class Recipe:
    """The knobs of the training loop; the same for both frameworks."""

    epochs: Count = 20  # passes over the training split
    batch_size: Count = 16  # samples per step
    repeats: Count = 1  # times each training sample is drawn per epoch, each with random changes of its own
    learning_rate: NotNegative = 1e-3  # of the head, and of the body unless body_factor says otherwise
    body_factor: NotNegative = 1.0  # learning rate of everything but the head, as a multiple
    rates: tuple[tuple[str, NotNegative], ...] = ()  # (prefix, multiple of the rate), before head and body
    warmup_epochs: NotNegative = 1.0  # linear from zero, then cosine to final_factor
    final_factor: Share = 0.01  # last learning rate as a multiple of the first
    optimiser: Literal["adamw", "sgd"] = "adamw"  # adamw or sgd
    momentum: ShareBelowOne = 0.9  # sgd only
    betas: tuple[ShareBelowOne, ShareBelowOne] = (0.9, 0.999)  # adamw only: decay of both its averages
    weight_decay: NotNegative = 1e-2  # on kernels only, never on biases, norms or what Algorithm.undecayed names
    clip_norm: NotNegative = 0.0  # largest global gradient norm; 0 leaves gradients alone
    ema_decay: ShareBelowOne = 0.0  # of the average that is validated and shipped, at its full length; 0: none
    keep: Literal["best", "last"] = "best"  # the epoch that is shipped: that of the best score, or the last one
    loss: str = ""  # of segmentation, such as focal-dice, see `zoo losses`; the entry's own where empty
    class_weights: tuple[NotNegative, ...] = ()  # of such a loss, one per class, the background first; equal if none
    patience: Whole = 0  # epochs without a better score before stopping; 0 never stops early
    freeze: tuple[str, ...] = ()  # prefixes of parameters that stay as loaded
    mixed_precision: bool = False  # on GPU and NPU; the CPU always runs float32
    seed: Annotated[int, Interval(ge=0, lt=2**32)] = 0  # of the order of samples and of their changes

    def __post_init__(self) -> None:
        check_record(self)
