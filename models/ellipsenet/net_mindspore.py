"""The network of EllipseNet in MindSpore: DLA-34, iterative up-sampling with DCNv2, one head per quantity."""

from __future__ import annotations

from mindspore import Tensor, ops

from zoo.common.layers import layers_mindspore as nn
from zoo.common.networks.dla34_mindspore import DLA34, DLAUp, IDAUp

from .config import RATIOS, Config


class Net(nn.Module):
    """Backbone, neck and heads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        stages = config.channels[2:]
        self.backbone = DLA34(config.channels, config.input_channels, config.dead_projections)
        self.dla_up = DLAUp(stages, config.deformable)
        self.ida_up = IDAUp(stages[:3], stages[0], (1, 2, 4), config.deformable)
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.Conv2d(stages[0], config.head_channels, 3, padding=1),
                    nn.ReLU(),
                    nn.Conv2d(config.head_channels, outputs, 1),
                )
                for name, outputs in config.outputs.items()
            }
        )

    def construct(self, x: Tensor) -> dict[str, Tensor]:
        # (n, c, h, w) -> per head (n, channels, h/4, w/4)
        maps = self.dla_up(self.backbone(x))
        features = self.ida_up(maps[:3])[-1]
        outputs = {name: head(features) for name, head in self.heads.items()}
        return {name: ops.sigmoid(y) if name in RATIOS else y for name, y in outputs.items()}
