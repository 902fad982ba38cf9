"""Forks processes that have everything imported already: python zygote.py, one JSON job a line, answers the pid.

Separate processes prove what a kill leaves behind; starting each from nothing would take a minute for sixteen.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path

import huggingface_hub.file_download
import huggingface_hub.hf_api  # noqa: F401 (imported here once, for all children)

import zoo.weights.places
from zoo.registry import load_registry


def child(job: dict) -> None:
    """Locate the checkpoint and write the path, or the error, to the job's `out`."""
    os.environ.update(job["env"])
    exec(job["before"], {})
    out = Path(job["out"])
    try:
        answer = str(zoo.weights.places.locate(load_registry(job["registry"])["EllipseNet"]))
    except BaseException:
        answer = "FAILED\n" + traceback.format_exc()
    part = out.with_suffix(".part")
    part.write_text(answer)
    part.rename(out)


def main() -> None:
    """Fork for every line of the standard input."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the children
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                child(json.loads(line))
            finally:
                os._exit(0)
        print(pid, flush=True)


main()
