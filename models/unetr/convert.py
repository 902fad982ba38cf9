"""Weights of MONAI's UNETR under the names of this network."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

UNUSED = "norm_cross_attn"  # layers that MONAI builds and never runs
RULES = (  # tried in order on every name
    (r"^vit\.patch_embedding\.position_embeddings$", "pos_embed"),
    (r"^vit\.patch_embedding\.patch_embeddings\.", "patch_embed."),
    (r"^vit\.", ""),
    (r"\.mlp\.linear([12])\.", r".mlp.fc\1."),
    (r"\.attn\.out_proj\.", ".attn.proj."),
    (r"\.transp_conv_init\.conv\.", ".first."),
    (r"^(encoder\d)\.blocks\.(\d)\.0\.conv\.", r"\1.ups.\2."),
    (r"^(encoder\d)\.blocks\.(\d)\.1\.", r"\1.blocks.\2."),
    (r"^encoder1\.layer\.", "encoder1."),
    (r"\.transp_conv\.conv\.", ".up."),
    (r"\.conv_block\.", ".block."),
    (r"^out\.conv\.conv\.", "head."),
    (r"\.conv([12])\.conv\.", r".conv\1."),
    (r"\.conv3\.conv\.", ".shortcut."),
)


def from_monai(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rename a state dict of monai.networks.nets.UNETR (instance norm, convolutional patch embedding)."""
    return {_renamed(name): value for name, value in weights.items() if UNUSED not in name}


def _renamed(name: str) -> str:
    for pattern, replacement in RULES:
        name = re.sub(pattern, replacement, name)
    return name
