"""The configuration of the pair is that of the spot finder."""

from __future__ import annotations

from ..spots.config import RECIPES, VARIANTS, Config

__all__ = ["RECIPES", "VARIANTS", "Config"]
