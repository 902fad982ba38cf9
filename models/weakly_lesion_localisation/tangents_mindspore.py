"""A direction of the slices, carried through the critic in MindSpore: how much its verdicts would rise along it.

MindSpore 2.10 differentiates a gradient wrongly (it loses the share of the last layer, or ends the process). The
gradient of |grad D|^2 by the weights is that of the rise of D along a fixed direction, which is differentiated once:
d/dw sum f(|g_i|) = d/dw sum <v_i, grad D(x_i)> for v_i = f'(|g_i|) g_i / |g_i|, held constant.
"""

from __future__ import annotations

from mindspore import Tensor, ops

from .critic_mindspore import LEAST, Block, Critic

EPSILON = 1e-5  # of the norm


def rise(critic: Critic, x: Tensor, lung: Tensor, direction: Tensor) -> Tensor:
    """Return the sum over slices (n, 1, h, w) of the rise of the verdict along `direction`, of the same shape."""
    maps, tangents = [critic.gain * x], [critic.gain * direction]
    for block in critic.blocks:
        found, tangent = through_block(block, maps[-1], tangents[-1])
        maps.append(found)
        tangents.append(tangent)
    parts = []
    for i in critic.averaged:
        weight = critic.weight(lung, maps[i + 1])
        parts.append((tangents[i + 1] * weight).sum((2, 3)) / (weight.sum((2, 3)) + LEAST))
    for i in critic.peaks:
        weight = critic.weight(lung, maps[i + 1])
        parts.append(at_peaks(maps[i + 1] * weight, tangents[i + 1] * weight))
    return ops.matmul(ops.cat(parts, 1), critic.score.weight.T).sum()


def through_block(block: Block, x: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor]:
    """Carry maps and their tangents through a convolution, a norm of the batch and a leaking cut."""
    conv, norm = block.conv, getattr(block.norm, "weight", None)
    x, tangent = conv(x), conv.conv(tangent, conv.weight)
    if norm is not None:
        x, tangent = through_norm(x, tangent, norm, block.norm.bias)
    slope = ops.stop_gradient(ops.where(x > 0, Tensor(1.0), Tensor(block.act.slope)))
    return x * slope, tangent * slope


def through_norm(x: Tensor, tangent: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Carry both through a norm over the batch: the statistics move along; running statistics do not."""
    axes, shape = (0, 2, 3), (1, -1, 1, 1)
    centred = x - x.mean(axes, keep_dims=True)
    deviation = ops.sqrt(ops.square(centred).mean(axes, keep_dims=True) + EPSILON)
    unit = centred / deviation
    moved = tangent - tangent.mean(axes, keep_dims=True) - unit * (tangent * unit).mean(axes, keep_dims=True)
    scale = weight.reshape(shape)
    return unit * scale + bias.reshape(shape), moved / deviation * scale


def at_peaks(values: Tensor, tangents: Tensor) -> Tensor:
    """Return the tangents (n, c, h, w) where the values are largest, (n, c); equal ones share."""
    is_peak = (values == values.max((2, 3), keepdims=True)).astype(values.dtype)
    share = ops.stop_gradient(is_peak / is_peak.sum((2, 3), keepdims=True))
    return (tangents * share).sum((2, 3))
