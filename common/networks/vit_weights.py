"""Weights of vision transformers in NumPy: first values, positions on another grid, published files of timm."""

from __future__ import annotations

import numpy as np

from zoo.common.errors import WeightsError
from zoo.common.initialise import initial_value
from zoo.common.networks.imagenet import Normalisation, fit_input
from zoo.common.types import Arrays

STEM, STEM_BIAS, POSITIONS = "patch_embed.proj.weight", "patch_embed.proj.bias", "pos_embed"
HEAD = "head."  # 1000 classes of photographs: of no use here
HALF_MEAN, HALF_STD = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)  # what ViTs of the augreg recipe were trained with
CUBIC = -0.75  # the free constant of the cubic kernel, as PyTorch's bicubic resize has it


def initial_vit_value(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw linear layers, positions and the class token from a normal of 0.02; the patch convolution is PyTorch's."""
    if len(shape) == 2 or name in (POSITIONS, "cls_token"):
        return rng.normal(0, 0.02, shape)  # timm cuts at 2, that is at 100 deviations: never
    if name == STEM or name == "head.weight":  # a convolution that PyTorch draws uniformly within 1 / sqrt(fan-in)
        return uniform_kernel(shape, rng)
    return initial_value(name, shape, rng)


def uniform_kernel(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw a kernel as PyTorch does by default, evenly within 1 / sqrt(fan-in)."""
    bound = 1 / np.sqrt(np.prod(shape[1:]))
    return rng.uniform(-bound, bound, shape)


def convert_vit(
    weights: Arrays,
    grid: tuple[int, int],
    channels: int,
    normalisation: Normalisation,
    theirs: Normalisation,
) -> dict[str, np.ndarray]:
    """Fit a published ViT of timm to another grid, number of channels and normalisation; leave its head out.

    normalisation, theirs: (mean, std) of the pictures here and in the published training. Nothing else is renamed,
    dropped or resized: the loader compares every name and shape with the network.
    """
    body = {name: np.asarray(value) for name, value in weights.items() if not name.startswith(HEAD)}
    for name in (STEM, STEM_BIAS, POSITIONS):
        if name not in body:
            raise WeightsError(f"{name} is missing; expected the weights of a vision transformer of timm")
    if body[POSITIONS].ndim != 3:
        raise WeightsError(f"{POSITIONS} is {body[POSITIONS].shape}; expected (1, 1 + patches, channels)")
    body[STEM], constant = fit_input(body[STEM], channels, normalisation, theirs)
    body[STEM_BIAS] = (body[STEM_BIAS] + constant).astype(np.float32)
    body[POSITIONS] = resize_positions(body[POSITIONS], grid)
    return body


def resize_positions(positions: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Resize learned positions (1, 1 + k k, c) to a grid (h, w), bicubic; the class token's stays.

    Equals PyTorch's bicubic interpolation without antialiasing (align_corners=False).
    """
    side = round((positions.shape[1] - 1) ** 0.5)
    if side * side != positions.shape[1] - 1:
        raise WeightsError(f"{positions.shape[1]} positions; expected one and a square of them")
    if (side, side) == tuple(grid):
        return positions.astype(np.float32)
    token, cells = positions[:, :1], positions[0, 1:].reshape(side, side, -1).astype(np.float64)
    cells = np.einsum("ai,bj,ijc->abc", _cubic_matrix(side, grid[0]), _cubic_matrix(side, grid[1]), cells)
    return np.concatenate([token, cells.reshape(1, grid[0] * grid[1], -1)], axis=1).astype(np.float32)


def _cubic_matrix(old: int, new: int) -> np.ndarray:
    """Return (new, old) the weights of cubic convolution (Keys 1981); beyond the border the rim is repeated."""
    places = (np.arange(new) + 0.5) * old / new - 0.5
    first = np.floor(places).astype(int)
    matrix = np.zeros((new, old))
    for shift in range(-1, 3):
        distance = np.abs(places - first - shift)
        near = ((CUBIC + 2) * distance - (CUBIC + 3)) * distance**2 + 1
        far = ((CUBIC * distance - 5 * CUBIC) * distance + 8 * CUBIC) * distance - 4 * CUBIC
        np.add.at(matrix, (np.arange(new), np.clip(first + shift, 0, old - 1)), np.where(distance <= 1, near, far))
    return matrix
