"""Load a service on this machine with many clients for a while, and see that nothing is mixed up, lost or kept.

python ci/serve_load.py [--clients 100] [--seconds 95] [--backend torch --backend mindspore] [--model MTCSN]

For each framework: starts `zoo serve` on a free loopback port and waits for the first picture of the page (in a
Chromium that runs already, where there is one), sends a picture of 512 x 512 px before and after the model is loaded,
then lets every client send its own picture again and again and compare what comes back with it, pixel by pixel; a 429
is waited out as told. Prints a table in Markdown with the bar of each measure, and ends with 1 where one is missed.
With both frameworks and 95 s each it takes less than four minutes. Run it on an idle machine; the table says the load.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from PIL import Image

LONGEST_S, REPEATS = 600, 7
TITLES = {"torch": "PyTorch", "mindspore": "MindSpore"}
BARS = {  # what is asked of each measure, at most
    "first picture of the page [s]": 3.0,
    "512 x 512 px, model loaded [s]": 1.0,
    "other statuses": 0,
    "answers of another client": 0,
    "growth of memory": 0.05,
}
Row = dict[str, float]


@dataclass
class Seen:
    """What the clients saw."""

    statuses: Counter[int | str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wrong: int = 0


def picture(seed: int) -> tuple[np.ndarray, bytes]:
    """Draw noise of a size of its own, and write it as PNG."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (64 + seed % 40, 80 + seed % 30), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return values, buffer.getvalue()


def image_of(view: bytes) -> np.ndarray:
    """Return the picture that an answer was made of."""
    size = int.from_bytes(view[:4], "little")
    told = json.loads(view[4 : 4 + size])["arrays"][0]
    count = int(np.prod(told["shape"]))
    return np.frombuffer(view, told["type"], count, 4 + size).reshape(told["shape"])[0, 0]


async def ask(client: httpx2.AsyncClient, path: str, seed: int, until: float, seen: Seen) -> None:
    """Be one client."""
    values, content = picture(seed)
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            answer = await client.post(path, files={"file": (f"{seed}.png", content, "image/png")})
        except httpx2.HTTPError as error:
            seen.statuses[type(error).__name__] += 1
            continue
        seen.statuses[answer.status_code] += 1
        if answer.status_code == 429:
            await asyncio.sleep(min(float(answer.headers["Retry-After"]), max(0.0, until - time.monotonic())))
        elif answer.status_code == 200:
            seen.seconds.append(time.monotonic() - began)
            seen.wrong += not np.array_equal(image_of(answer.content), values)


def memory_mib(process: int) -> float:
    """Return what a process holds [MiB]."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def browser() -> Iterator[Any]:
    """Open a Chromium, which is there before the service is; None where there is none."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or importlib.util.find_spec("playwright") is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engines:
        opened = engines.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = opened.new_page()
        page.goto("about:blank")
        yield page
        opened.close()


def see_first_picture(page: Any, address: str) -> None:
    """Return when a picture of the gallery is seen, or without a browser when the page and one picture are fetched."""
    if page is None:
        names = [entry["name"] for entry in httpx2.get(f"{address}/models", timeout=60).json()]
        for path in ("/", "/page/main.js", f"/page/pictures/{names[0]}.webp"):
            httpx2.get(address + path, timeout=60).raise_for_status()
        return
    page.goto(address)
    # the page's policy forbids what Playwright's own waiting for a condition does
    while not page.evaluate("[...document.querySelectorAll('img.shot')].some((i) => i.complete && i.naturalWidth > 0)"):
        time.sleep(0.01)


def answer_times(path: str) -> tuple[float, float]:
    """Return how long a picture of 512 x 512 px takes [s], first with loading the model, then without; the median."""
    values = np.random.default_rng(0).integers(0, 256, (512, 512), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    times = []
    for _ in range(1 + REPEATS):
        began = time.monotonic()
        httpx2.post(path, files={"file": ("a.png", buffer.getvalue())}, timeout=300).raise_for_status()
        times.append(time.monotonic() - began)
    return times[0], float(np.median(times[1:]))


async def load(path: str, process: int, clients: int, seconds: float) -> Row:
    """Let the clients ask, and watch the memory."""
    seen, memory = Seen(), list[float]()
    limits = httpx2.Limits(max_connections=clients)
    async with httpx2.AsyncClient(timeout=120, limits=limits) as client:
        until = time.monotonic() + seconds
        asking = [asyncio.create_task(ask(client, path, seed, until, seen)) for seed in range(clients)]
        while time.monotonic() < until:
            memory.append(memory_mib(process))
            await asyncio.sleep(seconds / 40)
        await asyncio.gather(*asking)
    p50, p95 = np.percentile(seen.seconds, (50, 95)) if seen.seconds else (float("nan"), float("nan"))
    others = {status: n for status, n in seen.statuses.items() if status not in (200, 429)}
    settled = memory[len(memory) // 4 :]  # the first pictures fill caches
    return {
        "answers": seen.statuses[200],
        "told to wait (429)": seen.statuses[429],
        "other statuses": sum(others.values()),
        "answers of another client": seen.wrong,
        "p50 [s]": float(p50),
        "p95 [s]": float(p95),
        "memory after a quarter [MiB]": settled[0],
        "memory at the end [MiB]": settled[-1],
        "growth of memory": float(np.mean(settled[-5:]) / np.mean(settled[:5]) - 1),
    }


def measured(backend: str, asked: argparse.Namespace) -> Row:
    """Start a service, measure it, end it."""
    options = ["--port", "0", "--backend", backend, "--queue", str(asked.queue)]
    command = [sys.executable, "-m", "zoo", "serve", *options]
    watching = ExitStack()
    page = watching.enter_context(browser())
    began = time.monotonic()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            address = re.search(r"http://\S+", process.stderr.readline())
            assert address is not None, process.stderr.read()
            see_first_picture(page, address[0])
            row: Row = {"first picture of the page [s]": time.monotonic() - began}
            watching.close()  # also because its loop would be in the way of ours
            path = f"{address[0]}/models/{asked.model}/predict?format=view"
            row["512 x 512 px, model not loaded [s]"], row["512 x 512 px, model loaded [s]"] = answer_times(path)
            seconds = min(asked.seconds, LONGEST_S)
            row |= asyncio.run(load(path, process.pid, asked.clients, seconds))
            return row
        finally:
            watching.close()
            process.send_signal(2)


def table(rows: dict[str, Row]) -> str:
    """Write the measures as Markdown, with what is asked of each."""
    lines = [f"| measure | bar | {' | '.join(TITLES[backend] for backend in rows)} |", f"|---|---|{'---|' * len(rows)}"]
    for name in next(iter(rows.values())):
        bar = f"at most {BARS[name]:g}" if name in BARS else ""
        lines.append(f"| {name} | {bar} | {' | '.join(f'{row[name]:.4g}' for row in rows.values())} |")
    return "\n".join(lines)


def main() -> None:
    """Measure the frameworks one after the other, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=95)
    parser.add_argument("--model", default="MTCSN")
    parser.add_argument(
        "--backend", action="append", choices=list(TITLES), help="again for the other; both if left out"
    )
    parser.add_argument("--queue", type=int, default=64)
    asked = parser.parse_args()
    before, rows = Path("/proc/loadavg").read_text().split()[0], dict[str, Row]()
    for backend in asked.backend or list(TITLES):
        rows[backend] = measured(backend, asked)
    print(f"{asked.model}, {asked.clients} clients, {asked.seconds:g} s each, {os.cpu_count()} cores, load {before}\n")
    print(table(rows))
    missed = [f"{backend}: {name}" for backend, row in rows.items() for name in BARS if not row[name] <= BARS[name]]
    print("\nAll bars are kept." if not missed else f"\nMissed: {'; '.join(missed)}.")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
