"""`zoo serve` as a process of its own, on a free port of this machine."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Running:
    """A service that runs; `said`: its lines on stderr."""

    process: subprocess.Popen[str]
    port: int
    said: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        """Open a bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    @property
    def memory_mib(self) -> float:
        """Resident memory [MiB]."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]


@contextmanager
def running(*options: str) -> Iterator[Running]:
    """Start a service and end it with Ctrl-C."""
    command = [sys.executable, "-m", "zoo", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()
    while "warning" in first:
        first = process.stderr.readline()
    port = re.search(r"http://127\.0\.0\.1:(\d+)", first)
    assert port is not None, first + process.stderr.read()
    service = Running(process, int(port[1]))
    threading.Thread(target=lambda: service.said.extend(process.stderr), daemon=True).start()  # type: ignore[arg-type]
    try:
        yield service
    finally:
        process.send_signal(2)
        try:
            process.wait(timeout=30)
        finally:
            process.kill()
