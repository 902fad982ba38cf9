"""What the tables of docs/methods.md compare, and how each of their rows is trained."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """One comparison: what is made worse, the entry, and how every row of it is trained."""

    title: str
    entry: str
    variant: str
    methods: tuple[str, ...]
    baseline: str  # the method of the row `baseline`
    worse: tuple[str, ...]  # options of zoo degrade
    options: dict[str, tuple[str, ...]] = field(default_factory=dict)  # --method-option of a row
    batch: str = "8"  # labelled images of a step; methods with images without a mask get as many more
    recipe: tuple[str, ...] = ()  # of zoo train
    repeats: str = "1"  # times a labelled image is drawn per epoch, so that few make as many steps as all of them
    crop: int = 0  # [px] side of the middle of each picture that is used; 0: all of it
    ceiling: str = ""  # the table whose ceiling this one shares
    base: str = ""  # the table whose baseline this one shares: data and settings are the same
    short: str = "3"  # epochs of a short run
    pretraining: tuple[str, ...] = ()  # of zoo pretrain


# Every ventricle of the set lies in the middle 128 x 128 px of its slice, as every heart of the papers' set in theirs.
MIDDLE = 128
HEART = ("--learning-rate", "0.005", "--ema-decay", "0.99", "--warmup-epochs", "0.5", "--epochs", "12")
HIPPOCAMPUS = ("--learning-rate", "0.003", "--ema-decay", "0.98", "--epochs", "12")
SEMI = ("entropy-minimisation", "mean-teacher", "uamt", "urpc", "cct", "cps", "mc-net")
WEAK = ("entropy", "total-variation", "mumford-shah", "gated-crf", "ustm", "dmpls", "dmsps", "expanded:dmsps", "psseg")
NOISY = ("loss:gce", "loss:mae", "loss:noise-robust-dice", "confident-learning", "co-teaching", "trinet", "dast")
TOLD = ("dast",)  # learns which masks are wrong, as the split `noisy`
SOON = ("period=1",)  # runs of 500 steps; the usual period of 100 is for tens of thousands
WRONG = ("noise_share=0.02",)  # of the pixels, by whole masks beside these; 0.05 was worse in validation
STARTS = ("start:models-genesis", "start:patch-swapping", "start:volume-fusion", "start:vox2vec")
TABLES = {
    "sunnybrook-labels": Table(
        "Left ventricle, 10 % of the patients labelled",
        *("2D-UNet", "compact-heart", SEMI, "supervised", ("--labelled-share", "0.1")),
        recipe=HEART,
        crop=MIDDLE,
        options={"mean-teacher": SOON, "uamt": SOON},
        repeats="12",
    ),
    "sunnybrook-scribbles": Table(
        "Left ventricle, scribbles",
        *("2D-UNet", "compact-heart", WEAK, "partial-cross-entropy", ("--scribbles",)),
        options={"gated-crf": ("weight=0.01",)},  # of 0.1 (the usual), 0.03 and 0.01, by validation
        recipe=HEART,
        crop=MIDDLE,
        ceiling="sunnybrook-labels",
    ),
    "sunnybrook-noise": Table(
        "Left ventricle, 60 % of the masks wrong",
        *("2D-UNet", "compact-heart", NOISY, "loss:cross-entropy", ("--noise", "--share", "0.6")),
        options={"co-teaching": WRONG, "trinet": WRONG},
        recipe=HEART,
        crop=MIDDLE,
    ),
    "sunnybrook-start": Table(
        "Left ventricle, 10 % of the patients labelled, from a pretrained start",
        *("2D-UNet", "compact-heart", STARTS, "supervised", ("--labelled-share", "0.1")),
        recipe=HEART,
        crop=MIDDLE,
        repeats="12",
        ceiling="sunnybrook-labels",
        base="sunnybrook-labels",
        pretraining=("--learning-rate", "0.005", "--epochs", "12", "--batch-size", "8"),
    ),
    "hippocampus-labels": Table(
        "Hippocampus, 10 labelled volumes",
        *("3D-UNet", "small", ("mean-teacher", "cps", "start:models-genesis"), "supervised"),
        worse=("--labelled-share", "0.0714"),  # of 140
        batch="2",
        recipe=HIPPOCAMPUS,
        options={"mean-teacher": SOON},
        repeats="14",
        short="1",
        pretraining=("--learning-rate", "0.003", "--epochs", "3", "--batch-size", "2"),
    ),
}
