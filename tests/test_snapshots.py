"""Pictures of validation cases after every epoch: which, where, what they cost the run, and the film at its end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image as Pillow

import zoo
from zoo.common.errors import ConfigError
from zoo.training import snapshots
from zoo.training.snapshots import choose_cases

from .test_training import CLASSES, tiny, write_folder

HOW = {"batch_size": 4, "seed": 7}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Few pictures, and no test split, whose report would take most of the time."""
    root = write_folder(tmp_path_factory.mktemp("data"), CLASSES)
    shutil.rmtree(root / "test")
    for path in (path for path in (root / "train").rglob("*.png") if int(path.stem[-1]) > 3):
        path.unlink()
    return root


@pytest.fixture(scope="module")
def watched(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs that drew two cases."""
    out = tmp_path_factory.mktemp("run") / "watched"
    tiny("torch").train(data, out=out, snapshots=2, epochs=2, **HOW)
    return out


def losses(run: Path) -> list[dict[str, float]]:
    events = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [event["training"] for event in events if event["event"] == "epoch"]


def test_fewer_cases_are_among_more_and_the_seed_draws_them() -> None:
    assert (choose_cases(50, 2, 3), len(choose_cases(3, 9, 0))) == (choose_cases(50, 4, 3)[:2], 3)
    assert len({tuple(choose_cases(50, 4, seed)) for seed in range(5)}) == 5


def test_a_run_leaves_a_picture_per_case_and_epoch_and_a_film(watched: Path) -> None:
    files = sorted(path.relative_to(watched / "snapshots") for path in (watched / "snapshots").rglob("*.*"))
    cases = {path.parts[0].removesuffix(".gif") for path in files}

    assert len(cases) == 2 and all(name.startswith("val_") for name in cases)
    assert sorted(path.name for path in files if path.suffix == ".jpg") == 2 * ["epoch_0000.jpg"] + [
        name for epoch in (1, 2) for name in 2 * [f"epoch_{epoch:04d}.jpg"]
    ]


def test_the_film_shows_every_epoch_and_stays_at_the_last(watched: Path) -> None:
    for path in (watched / "snapshots").glob("*.gif"):
        with Pillow.open(path) as film:
            times = []
            for frame in range(film.n_frames):
                film.seek(frame)
                times.append(film.info["duration"])

        assert (film.n_frames, times[-1] > times[0]) == (3, True)


def test_looking_changes_nothing_of_the_training(watched: Path, data: Path, tmp_path: Path) -> None:
    tiny("torch").train(data, out=tmp_path / "plain", epochs=2, **HOW)

    assert losses(tmp_path / "plain") == losses(watched)


def test_long_films_leave_epochs_out_but_neither_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "FRAMES", 3)
    (tmp_path / "case").mkdir()
    for epoch in range(8):
        Pillow.new("RGB", (300, 60), (30 * epoch, 0, 0)).save(tmp_path / "case" / f"epoch_{epoch:04d}.jpg")
    snapshots.film(tmp_path / "case", tmp_path / "case.gif")

    with Pillow.open(tmp_path / "case.gif") as film:
        reds = []
        for frame in range(film.n_frames):
            film.seek(frame)
            reds.append(film.convert("RGB").getpixel((299, 59))[0])
    assert (len(reds), reds[0] < 12, reds[-1] > 190) == (3, True, True)


@pytest.mark.parametrize("count", [-1, 1.5, True, "4"])
def test_what_is_no_number_of_cases_is_refused_before_a_folder_is_made(count, data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="snapshots="):
        tiny("torch").train(data, out=tmp_path / "run", snapshots=count, epochs=1, **HOW)

    assert not (tmp_path / "run").exists()


@pytest.mark.filterwarnings("ignore")  # one epoch is below the baseline
def test_a_segmentation_is_shown_beside_its_reference(tmp_path: Path) -> None:
    from .test_docs_commands import draw

    draw(tmp_path / "data")
    model = zoo.load("2D-UNet", checkpoint=None, variant="tiny", backend="torch")
    model.train(tmp_path / "data", out=tmp_path / "run", snapshots=1, epochs=1, batch_size=2)

    assert len(list((tmp_path / "run" / "snapshots").rglob("reference.jpg"))) == 1
