"""How a network is trained: one frozen record, stored with every run and every checkpoint."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """The knobs of the training loop; the same for both frameworks."""

    epochs: int = 20
    batch_size: int = 16
    learning_rate: float = 1e-3  # of the head, and of the body unless body_factor says otherwise
    body_factor: float = 1.0  # learning rate of everything but the head, as a multiple
    rates: tuple[tuple[str, float], ...] = ()  # (prefix of parameters, multiple of the rate), before head and body
    warmup_epochs: float = 1.0  # linear from zero, then cosine to final_factor
    final_factor: float = 0.01  # last learning rate as a multiple of the first
    optimiser: str = "adamw"  # adamw or sgd
    momentum: float = 0.9  # sgd only
    weight_decay: float = 1e-2  # on kernels only, never on biases, norms or what Algorithm.undecayed names
    clip_norm: float = 0.0  # largest global gradient norm; 0 leaves gradients alone
    ema_decay: float = 0.0  # average of the weights that is validated and shipped, at its full length; 0 turns it off
    patience: int = 0  # epochs without a better score before stopping; 0 never stops early
    freeze: tuple[str, ...] = ()  # prefixes of parameters that stay as loaded
    mixed_precision: bool = False  # on GPU and NPU; the CPU always runs float32
    seed: int = 0
