"""Covid-Detection-Transformer by its parts, in NumPy: what `Net.forward` does, where another runtime computes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from zoo.common.types import Arrays

from .cells import choose, one_hot
from .config import Config

Part = Callable[..., Arrays]
MAPS = ("hm", "reg", "wh")


def forward(run: Mapping[str, Part], inputs: Arrays, config: Config) -> dict[str, np.ndarray]:
    """Return the outputs of the network for `image`; run: the parts of `stages_torch.stages`."""
    if config.is_plain:
        return dict(run["net"](inputs["image"]))
    seen = run["look"](inputs["image"])
    read = one_hot(choose(seen["hm"], config.queries_whole), seen["memory"].shape[1])
    refined = run["refine"](seen["memory"], seen["reg"], seen["wh"], read)
    return {**refined, **{name: seen[name] for name in MAPS}}
