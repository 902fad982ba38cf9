"""The contract of a method: what a training step is, beyond an entry's own loss of its own outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from zoo.common.errors import ConfigError, DataError
from zoo.common.records import check_record, shallow

if TYPE_CHECKING:
    from zoo.common.algorithm import Algorithm

KINDS = ("supervised", "semi-supervised", "weakly-supervised", "noisy-labels", "self-supervised")
SUPERVISED = "supervised"
# what a companion is: a whole network, a further decoder (which may double its grids in another way), heads of scales
NETWORK, DECODER, BILINEAR, NEAREST, SCALES = "network", "decoder", "decoder-bilinear", "decoder-nearest", "scales"

SECONDS = {  # what lacks where a split does
    "unlabelled": "{name} learns from images without a mask. Add some beside the others, or give them the split "
    "`unlabelled`",
    "noisy": "{name} learns from masks that are known to be wrong. Give them the split `noisy` in a table",
}


@dataclass(frozen=True)
class Moment:
    """Where in its run a step stands, and what its batch holds."""

    step: int = 0  # taken before this one
    share: float = 0.0  # of the run that is over, 0..1
    labelled: int | None = None  # rows of the batch that carry labels, which come first; None for all


BEGINNING = Moment()


@dataclass(frozen=True)
class Method:
    """What a step is: its networks, its terms. The fields of a subclass are its options.

    Beside it, `loss_<framework>.py` holds `terms(run, guidance, method)`: the named, weighted loss terms, whose sum the
    networks that learn descend. `guide(run, method)`, where there is one, is asked first and has no gradient: what it
    returns is the guidance. Whatever a step tells beside its terms goes into `run.told`.
    """

    kind: ClassVar[str] = SUPERVISED
    companions: ClassVar[tuple[str, ...]] = ()  # what learns beside the network: NETWORK, DECODER ..., each one more
    needs: ClassVar[tuple[str, ...]] = ()  # what else of `Algorithm.parts` the network has to have
    has_teacher: ClassVar[bool] = False  # a copy of the network that follows its weights and never descends
    second: ClassVar[str] = ""  # a split that batches draw from beside the training split: unlabelled, noisy
    takes_loss: ClassVar[bool] = True  # compares outputs with masks by the loss of the entry, or the one that is chosen
    uses_images_only: ClassVar[bool] = False  # looks at no mask; what it ships is a start for other methods
    uses_partial: ClassVar[bool] = False  # training masks may hold UNKNOWN, which no other method is given

    def __post_init__(self) -> None:
        check_record(self)

    @property
    def folder(self) -> str:
        """The name of the package that holds it."""
        return type(self).__module__.split(".")[-2]

    @property
    def name(self) -> str:
        """What a user calls it."""
        return self.folder.replace("_", "-")

    @property
    def is_plain(self) -> bool:
        """Whether a step is the entry's own loss, and nothing else."""
        return self.name == SUPERVISED

    @property
    def ships_companions(self) -> bool:
        """Whether any network that learns may be the one that is shipped: the best by validation is."""
        return NETWORK in self.companions

    @property
    def uses_unlabelled(self) -> bool:
        """Whether batches hold images without labels, too."""
        return self.second == "unlabelled"

    @property
    def labelled_share(self) -> float:
        """Share of a batch that carries labels."""
        return 1.0

    def partners(self) -> dict[str, str]:
        """Name what learns beside the network, and say of what kind it is."""
        return {f"partner{number}": kind for number, kind in enumerate(self.companions, 1)}

    def to_dict(self) -> dict[str, Any]:
        """Return its name and its options, as logs and checkpoints hold them."""
        return {"name": self.name, **shallow(self)}

    def teacher_decay(self, moment: Moment) -> float:
        """Return how much of itself a teacher keeps after this step."""
        return 1.0

    def labelled_rows(self, batch_size: int) -> int:
        """Count the rows of a batch from the training split: at least one, and not all where others are used."""
        if not self.second:
            return batch_size
        return int(np.clip(round(batch_size * self.labelled_share), 1, max(1, batch_size - 1)))

    def check(self, algorithm: Algorithm[Any], entry: str) -> None:
        """Raise ConfigError where an entry cannot serve the method."""
        if self.is_plain:
            return
        if algorithm.labels != ("mask",) or algorithm.dense_output != "logits" or len(algorithm.phases) > 1:
            raise ConfigError(
                f"{entry} cannot be trained by {self.name}, which needs a mask as the only label and a map per class; "
                "expected an entry for segmentation, as in `zoo list --task segmentation`"
            )

        lacking = {*self.needs, *(kind.split("-")[0] for kind in self.companions)} - {NETWORK, *algorithm.parts}
        if lacking:
            raise ConfigError(
                f"{entry} cannot be trained by {self.name}: its network has no further {' or '.join(sorted(lacking))}; "
                "expected a U-Net, such as 2D-UNet or 3D-UNet, or another method"
            )

    def check_data(self, cases: Mapping[str, int], batch_size: int, origin: str) -> None:
        """Raise DataError where the data does not have what the method learns from; cases: how many, by split."""
        if self.second and not cases.get(self.second):
            given = (
                f"{origin}: {cases.get('train', 0)} images of the training split and none of the split {self.second}"
            )
            remedy = SECONDS[self.second].format(name=self.name)
            raise DataError(f"{given}; {remedy}")
        if self.second and batch_size < 2:
            raise ConfigError(f"batch_size={batch_size}: {self.name} mixes two kinds of images; expected 2 or more")
