"""How much room the files of all requests together take on the disk."""

from __future__ import annotations

import threading

from zoo.serve.refusals import RefusedError

WAIT_S = 10


class Disk:
    """Counts bytes; many uploads at once may not fill the server's disk, even where each is within its bound."""

    def __init__(self, most: int) -> None:
        self.most, self.taken = most, 0
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Take room; RefusedError where there is none."""
        with self._lock:
            if self.taken + size > self.most:
                raise RefusedError(429, f"no room for the files of this request; try again in {WAIT_S} s", WAIT_S)
            self.taken += size

    def give_back(self, size: int) -> None:
        """Free room."""
        with self._lock:
            self.taken -= size
