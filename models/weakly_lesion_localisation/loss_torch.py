"""The objective of WeaklyLesionLocalisation in PyTorch: the critic's part of a step, then the generator's."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from .config import Config
from .generator_torch import grey_of
from .net_torch import Net
from .pairs import rows_of_pairs
from .penalty_torch import gradient_penalty

Tensors = dict[str, torch.Tensor]


def objective(
    net: Net, inputs: Tensors, targets: Tensors, config: Config, phase: str, rng: np.random.Generator
) -> Tensors:
    """Tell normal slices from painted ones (critic); paint what the critic takes for normal (generator).

    inputs: of preprocess(); targets: label (n,) and, as published, edges (n, h, w).
    """
    rows = rows_of_pairs(targets["label"].cpu().numpy(), config)
    finding, normal = (take({**inputs, **targets}, some) for some in rows)
    return (judge if phase == "critic" else paint)(net, finding, normal, config, rng)


def judge(net: Net, finding: Tensors, normal: Tensors, config: Config, rng: np.random.Generator) -> Tensors:
    """Return the critic's terms; the generator only paints."""
    with torch.no_grad():
        painted, _ = net.generator(finding["image"], finding["lung"], finding["level"])
    true = noisy(grey_of(normal["image"]), normal["lung"], config, rng)
    painted = noisy(painted, finding["lung"], config, rng)
    t = torch.from_numpy(rng.random((len(painted), 1, 1, 1)).astype(np.float32)).to(painted.device)
    between = t * true + (1 - t) * painted, t * normal["lung"] + (1 - t) * finding["lung"]
    weight = config.critic_weight
    return {
        "judged_normal": weight * cost(net.critic(true, normal["lung"]), config),
        "judged_painted": weight * cost(-net.critic(painted, finding["lung"]), config),
        "penalty": weight * config.penalty * gradient_penalty(net.critic, *between, config.penalty_centre),
    }


def paint(net: Net, finding: Tensors, normal: Tensors, config: Config, rng: np.random.Generator) -> Tensors:
    """Return the generator's terms; the critic only judges."""
    both = {name: torch.cat([finding[name], normal[name]]) for name in finding}
    healthy, lesion = net.generator(both["image"], both["lung"], both["level"])
    n = len(finding["image"])
    word = cost(net.critic(noisy(healthy[:n], finding["lung"], config, rng), finding["lung"]), config)
    terms = {"fooled": config.fooled_weight * word}
    if config.is_published:
        apart = both["edges"][:, None] * (healthy + lesion - grey_of(both["image"])).abs()
        kept = normal["edges"][:, None] * (healthy[n:] - grey_of(normal["image"])).abs()
        return terms | {
            "normal": config.normal_weight * (apart[n:].mean() + kept.mean()),
            "lesion": config.lesion_weight * apart[:n].mean(),
        }
    return terms | {
        "normal": config.normal_weight * mean_in_lung(lesion[n:], normal["lung"]),
        "lesion": config.lesion_weight * mean_in_lung(lesion[:n], finding["lung"]),
    }


def cost(verdicts: torch.Tensor, config: Config) -> torch.Tensor:
    """Average over slices what it costs that their verdicts (n,) are not higher."""
    return -verdicts.mean() if config.is_published else softplus(-verdicts).mean()


def noisy(x: torch.Tensor, lung: torch.Tensor, config: Config, rng: np.random.Generator) -> torch.Tensor:
    """Lay noise over the lungs of slices (n, 1, h, w)."""
    if not config.noise:
        return x
    noise = rng.standard_normal(tuple(x.shape), np.float32)
    return x + config.noise * lung * torch.from_numpy(noise).to(x.device)


def mean_in_lung(x: torch.Tensor, lung: torch.Tensor) -> torch.Tensor:
    """Average over all lungs of a batch (n, 1, h, w) together."""
    return (x * lung).sum() / (lung.sum() + 1)


def take(arrays: Tensors, rows: np.ndarray) -> Tensors:
    """Return some rows of every array of a batch."""
    chosen = torch.from_numpy(rows)
    return {name: value[chosen.to(value.device)] for name, value in arrays.items()}


def softplus(x: torch.Tensor) -> torch.Tensor:
    """Return log(1 + e^x)."""
    return functional.softplus(x)
