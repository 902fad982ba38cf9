"""Pictures of the same few validation cases after every epoch, and a film of each: how the network learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from zoo.common.algorithm import Algorithm
from zoo.common.batches import entering
from zoo.common.errors import ConfigError
from zoo.common.files.outputs import write_whole
from zoo.common.types import Arrays, Sample
from zoo.common.weights import write_atomically
from zoo.engines.engine import Engine
from zoo.prediction.file_names import file_stems
from zoo.prediction.passes import predict_batch, prepare
from zoo.report.pictures import as_jpeg, has_reference, perfect_prediction

if TYPE_CHECKING:
    from zoo.training.loop import Trainer

WIDEST_PX = 800  # of a picture
FRAMES, FRAME_MS, LAST_MS, COLOURS = 60, 350, 2500, 128  # of a film; long runs leave epochs out
REFERENCE = "reference.jpg"


class Snapshots:
    """Predicts chosen cases and keeps the pictures in folders called after them.

    The cases are drawn by the seed, and fewer are among more, so that a run that goes on has the same.
    """

    def __init__(
        self, folder: Path, samples: Sequence[Sample], algorithm: Algorithm[Any], count: int, seed: int
    ) -> None:
        self.folder, self.samples, self.algorithm = folder, samples, algorithm
        self.chosen = choose_cases(len(samples), count, seed)
        self._stems: dict[int, str] = {}
        self._pending: list[tuple[Path, bytes]] = []

    def take(self, engine: Engine, epoch: int) -> None:
        """Predict every case with the weights in the engine, and keep the pictures.

        Those of epoch 0, the start, are written with the next ones: a run that ends before a step leaves nothing.
        """
        for index in self.chosen:
            sample = entering(self.algorithm, self.samples[index])
            place = self.folder / self._stem(index)
            (answer,) = predict_batch(self.algorithm, engine, [prepare(self.algorithm, sample.image)])
            self._pending.append((place / f"epoch_{epoch:04d}.jpg", as_jpeg(answer, WIDEST_PX)))
            if not (place / REFERENCE).exists() and has_reference(self.algorithm, sample):
                self._pending.append(
                    (place / REFERENCE, as_jpeg(perfect_prediction(self.algorithm, sample), WIDEST_PX))
                )
        if epoch:
            self._write()

    def film(self) -> list[Path]:
        """Write a GIF of each case from the pictures that are there; return where."""
        cases = sorted({path.parent for path in self.folder.rglob("epoch_*.jpg")})
        return [write_whole(case.with_name(f"{case.name}.gif"), partial(film, case)) for case in cases]

    def _stem(self, index: int) -> str:
        if not self._stems:
            names = {i: self.samples[i].image.name for i in self.chosen}
            stems = file_stems(names.values())
            self._stems = {i: stems[name] for i, name in names.items()}
        return self._stems[index]

    def _write(self) -> None:
        for path, content in self._pending:
            write_atomically(path, content)  # somebody may be looking
        self._pending.clear()


@contextmanager
def looking(trainer: Trainer, count: int) -> Iterator[None]:
    """Let a run draw some validation cases after every epoch; films of them are made however it ends."""
    if not count:
        yield
        return
    validation, seed = trainer.data.validation, trainer.recipe.seed
    snapshots = Snapshots(trainer.folder.path / "snapshots", validation, trainer.algorithm, count, seed)

    def look(weights: Arrays, epoch: int) -> None:
        trainer.engine.load(weights)
        snapshots.take(trainer.engine, epoch)

    trainer.look = look
    if not trainer.folder.state.exists():
        snapshots.take(trainer.engine, 0)
    try:
        yield
    finally:
        snapshots.film()


def check_count(count: int) -> None:
    """Raise ConfigError where what is given is no number of cases."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ConfigError(f"snapshots={count!r} given; expected how many validation cases to draw, 0 or more")


def choose_cases(cases: int, count: int, seed: int) -> list[int]:
    """Draw which cases are looked at: all of them where there are no more."""
    return [int(i) for i in np.random.default_rng([seed, cases]).permutation(cases)[:count]]


def film(case: Path, to: Path) -> None:
    """Write the pictures of one case as a GIF, each with its epoch; the last one stays longer."""
    paths = sorted(case.glob("epoch_*.jpg"))
    if len(paths) > FRAMES:
        paths = [paths[i] for i in np.linspace(0, len(paths) - 1, FRAMES).round().astype(int)]
    frames = [_labelled(path) for path in paths]
    size = frames[-1].size  # an answer may need more room than the one before
    palette = frames[-1].quantize(COLOURS)
    drawn = [f.resize(size).quantize(COLOURS, palette=palette, dither=Pillow.Dither.NONE) for f in frames]
    times = [FRAME_MS] * (len(drawn) - 1) + [LAST_MS]
    drawn[0].save(to, save_all=True, append_images=drawn[1:], duration=times, loop=0, optimize=True)


def _labelled(path: Path) -> Pillow.Image:
    with Pillow.open(path) as opened:
        frame = opened.convert("RGB")
    text, font = f"epoch {int(path.stem.rpartition('_')[2])}", ImageFont.load_default(18)
    pen = ImageDraw.Draw(frame)
    x, y, right, bottom = pen.textbbox((8, 6), text, font=font)
    pen.rectangle((x - 5, y - 4, right + 5, bottom + 4), fill="black")
    pen.text((8, 6), text, fill="white", font=font)
    return frame
