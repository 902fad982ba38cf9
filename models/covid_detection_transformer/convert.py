"""COCO weights of transformers' DETR as a start for Covid-Detection-Transformer."""

from __future__ import annotations

import re

import numpy as np

from zoo.common.networks.imagenet import fit_stem
from zoo.common.types import Arrays

from .config import Config

# by variant: repository and file on the hub, as transformers publishes them
COCO: dict[str, tuple[str, str]] = {"paper": ("facebook/detr-resnet-50", "model.safetensors")}
HEAD = "class_labels_classifier."  # 91 classes of photographs: of no use here
STEM, STATISTICS = "detr.backbone.conv1.weight", "detr.backbone.bn1.running_mean"
LAYER = r"^model\.(encoder|decoder)\.layers\.(\d+)\."
STAGE = r"^backbone\.encoder\.stages\.(\d+)\.layers\.(\d+)\."
RENAMED = (  # applied in this order
    (r"^model\.backbone\.(conv_encoder\.)?model\.", "backbone."),  # the body of timm has our names, that of
    (r"^backbone\.embedder\.embedder\.convolution\.", "backbone.conv1."),  # transformers has these
    (r"^backbone\.embedder\.embedder\.normalization\.", "backbone.bn1."),
    (STAGE + r"shortcut\.convolution\.", r"backbone.layer+\1.\2.downsample.0."),
    (STAGE + r"shortcut\.normalization\.", r"backbone.layer+\1.\2.downsample.1."),
    (STAGE + r"layer\.(\d)\.convolution\.", r"backbone.layer+\1.\2.conv+\3."),
    (STAGE + r"layer\.(\d)\.normalization\.", r"backbone.layer+\1.\2.bn+\3."),
    (r"(self_attn|encoder_attn)\.q_proj\.", r"\1.query."),
    (r"(self_attn|encoder_attn)\.k_proj\.", r"\1.key."),
    (r"(self_attn|encoder_attn)\.v_proj\.", r"\1.value."),
    (r"(self_attn|encoder_attn)\.(out|o)_proj\.", r"\1.out."),
    (LAYER + r"self_attn\.", r"\1.\2.among."),
    (LAYER + r"encoder_attn\.", r"\1.\2.across."),
    (LAYER + r"self_attn_layer_norm\.", r"\1.\2.norm1."),
    (LAYER + r"encoder_attn_layer_norm\.", r"\1.\2.norm2."),
    (r"^model\.encoder\.layers\.(\d+)\.final_layer_norm\.", r"encoder.\1.norm2."),
    (r"^model\.decoder\.layers\.(\d+)\.final_layer_norm\.", r"decoder.\1.norm3."),
    (LAYER + r"(mlp\.)?fc1\.", r"\1.\2.mlp.0."),
    (LAYER + r"(mlp\.)?fc2\.", r"\1.\2.mlp.3."),
    (r"^model\.decoder\.layernorm\.", "norm."),
    (r"^model\.input_projection\.", "input_proj."),
    (r"^model\.query_position_embeddings\.weight$", "queries"),
    (r"^bbox_predictor\.layers\.0\.", "boxes.0."),
    (r"^bbox_predictor\.layers\.1\.", "boxes.2."),
    (r"^bbox_predictor\.layers\.2\.", "boxes.4."),
)


def convert(weights: Arrays, config: Config) -> dict[str, np.ndarray]:
    """Fit published weights to the input of `config`; leave the classes out, they have to start anew.

    weights: as DetrForObjectDetection is published, with the body under timm's names or under transformers' own.
    Nothing is dropped or resized but that: the loader compares every name and shape with the network.
    """
    kept = {n: np.asarray(v) for n, v in weights.items() if not n.startswith(HEAD) and "num_batches_tracked" not in n}
    body = {f"detr.{renamed(name)}": value for name, value in kept.items()}
    expected = "transformers' DetrForObjectDetection"
    return fit_stem(body, STEM, STATISTICS, config.input_channels, (config.mean, config.std), expected)


def renamed(name: str) -> str:
    """Turn a published name into ours; stages and layers that count from 0 there count from 1 here."""
    for pattern, replacement in RENAMED:
        name = re.sub(pattern, replacement, name)
    return re.sub(r"\+(\d+)", lambda found: str(int(found[1]) + 1), name)
