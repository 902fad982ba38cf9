"""Opens every file of a folder, each in a process of its own, and prints what that took: attacked.py KIND FOLDER."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

import safetensors.numpy  # noqa: F401 (imported before memory is measured)

import zoo
from zoo.common.errors import CheckpointError, RegistryError, ZooError
from zoo.common.weights import read_weights
from zoo.registry import load_registry


def load_checkpoint(path: Path) -> None:
    """Load a file as a checkpoint, in the framework of its folder's name."""
    backend = "torch" if "torch" in path.parent.name else "mindspore"
    zoo.load("Covid-ResNet", checkpoint=path, backend=backend, device="cpu")


READERS = {
    "weights": (read_weights, CheckpointError),
    "registry": (load_registry, RegistryError),
    "checkpoint-torch": (load_checkpoint, ZooError),
    "checkpoint-mindspore": (load_checkpoint, ZooError),
}
LONGEST_S = 20  # then the process is killed, and counts as hanging


def attack(kind: str, path: Path) -> dict[str, object]:
    """Open one file and report the outcome, the seconds, and the growth of the peak memory in MB."""
    reader, expected = READERS[kind]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    try:
        reader(path)
        outcome = "accepted"
    except expected as error:
        outcome = f"refused: {error}"
    except BaseException as error:  # the outcome is the finding
        outcome = f"crashed: {type(error).__name__}: {error}"
    seconds = time.process_time() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {"name": path.name, "outcome": outcome[:2000], "seconds": seconds, "megabytes": grown}


def attack_framework(kind: str, folder: Path) -> None:
    """Open all files in this process, because a framework does not bear a fork; a crash leaves reports out."""
    model = zoo.load("Covid-ResNet", checkpoint=None, variant="tiny", backend=kind.split("-")[1], device="cpu")
    load_checkpoint(model.save(folder.with_name(folder.name + "-sound") / "sound.safetensors"))  # imports what it takes
    for path in sorted(folder.iterdir()):
        signal.alarm(LONGEST_S)
        print(json.dumps(attack(kind, path)), flush=True)
        signal.alarm(0)


def main(kind: str, folder: Path) -> None:
    """Fork once for each file, so that a crash or a leak is that file's alone."""
    if kind.startswith("checkpoint"):
        attack_framework(kind, folder)
        return
    for path in sorted(folder.iterdir()):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            signal.alarm(LONGEST_S)
            os.write(writer, json.dumps(attack(kind, path)).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as answer:
            said = answer.read().decode()
        _, status = os.waitpid(pid, 0)
        died = {"name": path.name, "outcome": f"died: status {status}", "seconds": 0, "megabytes": 0}
        print(said or json.dumps(died), flush=True)


main(sys.argv[1], Path(sys.argv[2]))
