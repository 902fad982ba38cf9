"""Random changes of stain: hue, saturation and density of coloured pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import hsv_to_rgb, rgb_to_hsv

from zoo.common.augment import Tone


@dataclass(frozen=True, kw_only=True)
class Stain(Tone):
    """Change hue, saturation and brightness of an RGB picture 0..255; grey pictures only change their brightness."""

    hue: float  # of the circle, either way
    saturation: tuple[float, float]
    density: tuple[float, float]  # factor of the optical density

    def change(self, array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        hue, saturation = rng.uniform(-self.hue, self.hue), np.exp(rng.uniform(*np.log(self.saturation)))
        density = np.exp(rng.uniform(*np.log(self.density)))
        scaled = (array.clip(0, 255) / 255) ** np.float32(density)
        if len(array) != 3:
            return 255 * scaled
        hsv = rgb_to_hsv(np.moveaxis(scaled, 0, -1))
        hsv[..., 0] = (hsv[..., 0] + hue) % 1
        hsv[..., 1] = np.clip(hsv[..., 1] * saturation, 0, 1)
        return np.moveaxis(255 * hsv_to_rgb(hsv), -1, 0)
