"""Try each framework in a process of its own, so that a broken one cannot take the doctor down."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.doctor import Check, installed_version
from zoo.engines.backends import FRAMEWORKS, KINDS, PACKAGES, installed
from zoo.engines.backends import present as present_backends
from zoo.registry import Entry

PATIENCE_S = 300  # a cold import from a slow disk takes a minute
NUMPY_REMEDY = "pip install 'numpy>=1.26,<2' 'ml_dtypes<0.6'"


def framework_checks(entries: Sequence[Entry]) -> Iterator[Check]:
    """Check both frameworks, their devices, and a small network of every algorithm in each."""
    present = installed()
    for framework in FRAMEWORKS:
        if framework in present:
            yield from present_checks(framework, entries)
        else:
            yield absent_check(framework, is_only_lack=bool(present))
    yield from runtime_checks()


def runtime_checks() -> Iterator[Check]:
    """Name the runtimes that are installed; nobody needs one."""
    for name in present_backends():
        if name not in FRAMEWORKS:
            found = f"{installed_version(name) or 'version unknown'}, predicts on cpu from graphs of PyTorch's networks"
            yield Check(KINDS[name].title, "ok", found)


def absent_check(framework: str, is_only_lack: bool) -> Check:
    """Say how to install a framework; having none at all is a failure."""
    remedy = f"pip install '{PACKAGES[framework]}'"
    return Check(KINDS[framework].title, "warn" if is_only_lack else "fail", "not installed", remedy)


def present_checks(framework: str, entries: Sequence[Entry]) -> Iterator[Check]:
    """Check an installed framework, first by its versions, then by using it."""
    title = KINDS[framework].title
    version = installed_version(framework) or "version unknown"
    if problem := incompatibility(framework):
        yield Check(title, "fail", f"{version}, {problem}", NUMPY_REMEDY)
        return
    try:
        found = try_out(framework)
    except RuntimeError as error:
        yield Check(title, "fail", f"{version}, does not work: {error}", f"reinstall it: {PACKAGES[framework]}")
        return
    yield Check(title, "ok", f"{version}, computes on {found['device']}{vector_note(framework)}")
    for entry in entries:
        yield algorithm_check(entry, framework, found["algorithms"])


def incompatibility(framework: str) -> str | None:
    """Name the library versions that are known to break a framework."""
    if framework != "mindspore":
        return None
    limits = {"numpy": (2, 0), "ml_dtypes": (0, 6)}  # its binaries are compiled against the versions before
    for name, limit in limits.items():
        version = installed_version(name)
        if version is not None and tuple(int(part) for part in version.split(".")[:2]) >= limit:
            return f"which breaks with {name} {version}"
    return None


def vector_note(framework: str) -> str:
    """Say when MindSpore's convolutions are kept from the AVX-512 kernels, which are slower by 45 to 140 times."""
    processor = Path("/proc/cpuinfo")
    has_avx512 = processor.exists() and "avx512f" in processor.read_text()
    return " (AVX-512 processor: convolutions kept on AVX2)" if framework == "mindspore" and has_avx512 else ""


def algorithm_check(entry: Entry, framework: str, outcomes: dict[str, Any]) -> Check:
    """Report how the smallest network of one algorithm ran."""
    name = f"{entry.name} in {KINDS[framework].title}"
    if framework not in entry.frameworks:
        return Check(name, "warn", "not written yet", "use another backend")
    outcome = outcomes[entry.name]
    if "error" in outcome:
        return Check(name, "fail", outcome["error"], "reinstall openmedia-zoo; if it stays, report it with this line")
    return Check(name, "ok", f"a small network answers in {outcome['ms']:.0f} ms")


def try_out(framework: str) -> dict[str, Any]:
    """Run `zoo.doctor.probe` in another process; RuntimeError with its last words if it ends badly."""
    safe = ["-P"] if sys.version_info >= (3, 11) else []  # keeps the user's own torch.py out of the way
    command = [sys.executable, *safe, "-m", "zoo.doctor.probe", framework]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"no answer within {PATIENCE_S} s") from None
    if done.returncode != 0:
        words = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        raise RuntimeError(words[-1].strip()[:200])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
