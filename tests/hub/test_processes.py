"""Killed and concurrent processes: the file under the final name is always the right one."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import zoo.weights.hub
from zoo.weights.places import locate

from . import loopback_hub as faults
from .loopback_hub import Hub
from .shipped import Shipped, ship

KILLS = 20
PROCESSES = 16
LARGE = 6 * 1024 * 1024  # float32 numbers, 25 MB
NO_FLOCK = "import fcntl; fcntl.flock = fcntl.lockf = lambda *a: None"


class Zygote:
    """Starts processes that call `locate`."""

    def __init__(self, process: subprocess.Popen, folder: Path) -> None:
        self.process, self.folder, self.started = process, folder, 0

    def start(self, shipped: Shipped, before: str = "") -> tuple[int, Path]:
        """Start one; return its pid and the file it writes its answer to."""
        self.started += 1
        out = self.folder / f"answer{self.started}"
        env = {k: v for k, v in os.environ.items() if k.startswith(("HF_", "ZOO_", "NO_"))}
        job = {"env": env, "before": before, "registry": str(shipped.registry), "out": str(out)}
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline()), out


@pytest.fixture
def zygote(tmp_path: Path) -> Iterator[Zygote]:
    """Start the process that starts the others."""
    script = Path(__file__).with_name("zygote.py")
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Zygote(process, tmp_path)
        process.kill()


def wait_for(condition: object, seconds: float = 60) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.002)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.slow
def test_a_killed_download_leaves_nothing_wrong_and_the_next_run_is_right(
    hub: Hub, tmp_path: Path, zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = ship(tmp_path, hub, LARGE)
    size = len(shipped.content)
    rng = random.Random(1)
    half_files = right = orphans_seen = 0
    for round_ in range(KILLS):
        monkeypatch.setenv("ZOO_HOME", str(tmp_path / f"home{round_}"))
        moment = rng.uniform(0, 1.15) * size  # the last eighth falls into hashing and renaming
        reached = threading.Event()
        hub.on_get = faults.slow(0.002, 1 << 18)
        hub.on_sent = lambda sent, moment=moment, reached=reached: (sent >= min(moment, size) and reached.set()) or None
        pid, _ = zygote.start(shipped)
        assert reached.wait(60)
        time.sleep(max(moment - size, 0) / size * 0.5)
        with suppress(ProcessLookupError):  # it may have finished by now
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: is_gone(pid))
        half_files += shipped.final.exists() and shipped.final.read_bytes() != shipped.content
        orphans_seen += bool(shipped.leftovers())
        hub.reset()
        shipped_again = locate(shipped.entry).read_bytes() == shipped.content
        right += shipped_again and not shipped.leftovers()

    assert half_files == 0
    assert right == KILLS
    assert orphans_seen >= KILLS // 3  # else the kills came too late to prove anything


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", NO_FLOCK], ids=["flock", "no-flock"])
def test_many_processes_at_once_all_get_the_right_file(hub: Hub, tmp_path: Path, zygote: Zygote, before: str) -> None:
    shipped = ship(tmp_path, hub, LARGE // 4)
    hub.on_get = faults.slow(0.02, 1 << 20)

    answers = [zygote.start(shipped, before)[1] for _ in range(PROCESSES)]
    wait_for(lambda: all(answer.exists() for answer in answers))

    assert {answer.read_text() for answer in answers} == {str(shipped.final)}
    assert shipped.final.read_bytes() == shipped.content
    assert not shipped.leftovers()
    assert hub.count("GET") == 1 if not before else hub.count("GET") <= PROCESSES


def test_many_threads_at_once_fetch_once(hub: Hub, shipped: Shipped) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(locate(shipped.entry))) for _ in range(PROCESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [shipped.final] * PROCESSES
    assert hub.count("GET") == 1


def test_the_folder_of_a_living_process_is_left_alone(shipped: Shipped) -> None:
    staging = shipped.final.parents[1] / ".staging"
    staging.mkdir(parents=True)
    with zoo.weights.hub._staging(staging) as mine:
        zoo.weights.hub.remove_orphans(staging)

        assert mine.is_dir()


def test_the_folder_of_a_dead_process_is_removed_although_its_number_lives_again(shipped: Shipped) -> None:
    staging = shipped.final.parents[1] / ".staging"
    staging.mkdir(parents=True)
    with zoo.weights.hub._staging(staging) as mine:
        host, pid, _, rest = mine.name.split("~")
        orphan = staging / f"{host}~{pid}~12345~{rest}"
        orphan.mkdir()
        zoo.weights.hub.remove_orphans(staging)

        assert not orphan.exists()


def test_the_folder_of_another_machine_is_removed_after_a_day(shipped: Shipped) -> None:
    staging = shipped.final.parents[1] / ".staging"
    fresh, old = staging / "other~1~1~a", staging / "other~1~1~b"
    fresh.mkdir(parents=True)
    old.mkdir()
    os.utime(old, (0, 0))

    zoo.weights.hub.remove_orphans(staging)

    assert fresh.exists() and not old.exists()
