"""LOD-Net by its parts, in NumPy: what `Net.forward` does, where another runtime computes the parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from zoo.common.types import Arrays

from .config import BOX_BINS, MASK_BINS, Config
from .derivatives import border
from .packing import pack
from .pooling import plan
from .regions import Regions, detect, propose

Part = Callable[..., Arrays]
LEVELS = 5


def forward(run: Mapping[str, Part], inputs: Arrays, config: Config) -> dict[str, np.ndarray]:
    """Return the outputs of the network for `image`; run: the parts of `stages_torch.stages`."""
    image = inputs["image"]
    n, size = image.shape[0], (image.shape[2], image.shape[3])
    seen = run["look"](image)
    maps = [seen[f"map{i}"] for i in range(LEVELS)]
    proposals = propose(seen["logits"], seen["steps"], size, config, training=False)
    boxes = run["box"](pooled(maps, proposals, size, BOX_BINS))
    found, values = detect(proposals, boxes["object"], boxes["steps"], size, config, n)
    packed, regions, rows, is_there = pack(found, values, n, size, config)
    derived = run["derive"](pooled(maps, regions, size, MASK_BINS))
    chosen = border(derived["derivatives"], config.points, config.selection)
    masks = run["draw"](derived["trunk"], derived["derivatives"], chosen)["masks"]
    outputs = {name: np.asarray(value, np.float32) for name, value in packed.items()}
    shown = np.asarray(is_there, np.float32)[:, :, None, None]
    return {**outputs, "masks": masks[rows] * shown, "border": chosen[rows] * shown}


def pooled(maps: Sequence[np.ndarray], regions: Regions, size: tuple[int, ...], bins: int) -> np.ndarray:
    """Return the cells of regions, (r, width, bins, bins) float32; maps: (n, width, h, w) per level."""
    cells = []
    for part in plan(regions.boxes, regions.pictures, regions.levels, (size[0], size[1]), bins):
        x = maps[part.level][part.picture]
        k, _, h = part.rows.shape
        c, _, w = x.shape
        y = part.rows.reshape(k * bins, h) @ x.transpose(1, 0, 2).reshape(h, c * w)
        y = y.reshape(k, bins * c, w) @ part.columns
        cells.append(y.reshape(k, bins, c, bins).transpose(0, 2, 1, 3))
    return np.concatenate(cells)
