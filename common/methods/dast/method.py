"""What a step of DAST is: two decoders, one for sound masks and one for wrong ones, that are brought together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from zoo.common.methods.contract import DECODER
from zoo.common.methods.kinds import Ramped
from zoo.common.ranges import Count, NotNegative, Share

KEPT = {"clean": "clean_scores", "noisy": "noisy_scores"}  # in the memory of a run


@dataclass(frozen=True)
class Dast(Ramped):
    """One decoder learns from sound masks, one from masks known to be wrong (the split `noisy`).

    Yang et al. 2022: where the masks of a batch look wrong the decoders are brought together, where they look sound the
    first one learns from them, too.
    """

    kind: ClassVar[str] = "noisy-labels"
    companions: ClassVar[tuple[str, ...]] = (DECODER,)
    second: ClassVar[str] = "noisy"

    labelled_share: Share = 0.5  # of a batch; the rest of it are images of the split `noisy`
    steep: NotNegative = 16.0  # how fast pixels count less where the decoders differ
    ranked: Share = 0.2  # share of the last batches that counts as the worst, and as the best
    window: Count = 20  # batches that a batch is compared with

    def judge(self, clean: float, noisy: float, memory: dict[str, np.ndarray]) -> tuple[bool, bool]:
        """Tell whether a batch's masks look wrong, and whether they look sound, beside those of the last batches.

        clean, noisy: what they cost the decoder of sound masks and that of wrong ones; they are kept in `memory`.
        """
        scores = {}
        for name, value in (("clean", clean), ("noisy", noisy)):
            kept = np.append(memory.get(KEPT[name], np.zeros(0)), value)[-self.window :]
            memory[KEPT[name]], scores[name] = kept, kept
        if clean >= noisy:
            return False, False
        worst = np.quantile(scores["noisy"], 1 - self.ranked)
        best = np.quantile(scores["clean"], self.ranked)
        return noisy >= worst, clean <= best
