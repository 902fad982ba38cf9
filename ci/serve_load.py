"""Load a service on this machine with many clients for a while, and see that nothing is mixed up, lost or kept.

python ci/serve_load.py [--clients 100] [--seconds 120] [--backend mindspore] [--model MTCSN]

Starts `zoo serve` on a free loopback port. Every client sends its own picture again and again and compares what comes
back with it, pixel by pixel; a 429 is waited out as told. Prints one line of JSON: statuses, p50 and p95 of answers,
wrong answers (has to be 0), memory after the first tenth and at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np
from PIL import Image

LONGEST_S = 600


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


async def load(address: str, process: int, model: str, clients: int, seconds: float) -> dict[str, object]:
    """Let the clients ask, and watch the memory."""
    seen, memory = Seen(), list[float]()
    path = f"{address}/models/{model}/predict?format=view"
    limits = httpx2.Limits(max_connections=clients)
    async with httpx2.AsyncClient(timeout=120, limits=limits) as client:
        _, content = picture(0)
        (await client.post(path, files={"file": ("first.png", content)})).raise_for_status()  # loads the model
        until = time.monotonic() + seconds
        asking = [asyncio.create_task(ask(client, path, seed, until, seen)) for seed in range(clients)]
        while time.monotonic() < until:
            memory.append(memory_mib(process))
            await asyncio.sleep(seconds / 20)
        await asyncio.gather(*asking)
    p50, p95 = np.percentile(seen.seconds, (50, 95)) if seen.seconds else (float("nan"), float("nan"))
    return {
        "model": model,
        "clients": clients,
        "seconds": seconds,
        "statuses": {str(status): n for status, n in seen.statuses.items()},
        "wrong": seen.wrong,
        "p50_s": round(float(p50), 3),
        "p95_s": round(float(p95), 3),
        "memory_mib": [round(value) for value in memory[2::3]],
        "load_average": Path("/proc/loadavg").read_text().split()[0],
    }


def main() -> None:
    """Start a service, load it, end it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--model", default="MTCSN")
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--queue", type=int, default=64)
    asked = parser.parse_args()
    options = ["--port", "0", "--backend", asked.backend, "--queue", str(asked.queue), asked.model]
    command = [sys.executable, "-m", "zoo", "serve", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            address = re.search(r"http://\S+", process.stderr.readline())
            assert address is not None, process.stderr.read()
            seconds = min(asked.seconds, LONGEST_S)
            result = asyncio.run(load(address[0], process.pid, asked.model, asked.clients, seconds))
            print(json.dumps({"backend": asked.backend, **result}))
        finally:
            process.send_signal(2)
    sys.exit(bool(result["wrong"]) or bool(set(result["statuses"]) - {"200", "429"}))  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
