"""Measure what the interface costs: import of zoo, `zoo list`, and predict() over the bare network at batch 8."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

REPEATS = 9
LIMITS = {"import zoo": "0.2 s", "zoo list": "0.5 s", "overhead": "5 %"}
ZOO = str(Path(sys.executable).with_name("zoo"))


def seconds(*command: str) -> float:
    """Time a command from start to exit: the median after one run that fills the disk cache."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(REPEATS + 1):
            started = time.perf_counter()
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def processes() -> Table:
    """Time the two commands that a user waits for first, and an empty interpreter beside them."""
    table = Table("what", "median", "wanted", title=f"start-up, {REPEATS} runs, {os.cpu_count()} cores")
    bare = seconds(sys.executable, "-c", "pass")
    imported = seconds(sys.executable, "-c", "import zoo")
    table.add_row("python", f"{bare:.3f} s", "")
    table.add_row("python, import zoo", f"{imported:.3f} s", "")
    table.add_row("import zoo alone", f"{imported - bare:.3f} s", f"< {LIMITS['import zoo']}")
    table.add_row("zoo list", f"{seconds(ZOO, 'list'):.3f} s", f"< {LIMITS['zoo list']}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="EllipseNet", help="the algorithm of the overhead, as in `zoo list`")
    parser.add_argument("--variant", help="random weights of this network; the default checkpoint if left out")
    options = parser.parse_args()
    Console().print(processes())
    variant = ["--variant", options.variant] if options.variant else []
    print(
        f"overhead over the bare network at batch 8 (wanted: < {LIMITS['overhead']}), from zoo benchmark:", flush=True
    )
    subprocess.run([ZOO, "benchmark", options.name, *variant], check=True)


if __name__ == "__main__":
    main()
