"""What a service may cost, and whom it hears."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import ConfigError, InputError

MIB = 2**20
SHORTEST_TOKEN = 16  # characters


@dataclass(frozen=True)
class Bounds:
    """The most that one request, and all of them together, may take."""

    upload_bytes: int = 512 * MIB  # of a request's body
    unpacked_bytes: int = 2048 * MIB  # of all files of an archive
    disk_bytes: int = 16384 * MIB  # of the files of all requests
    files: int = 2000  # of a request, or of an archive
    voxels: int = 2**27  # values of one image, over all channels; 512 MiB as float32
    seconds: float = 300.0  # from the first byte of a request to its answer; of a job, from its start
    queue: int = 64  # requests that wait or are being answered
    model_bytes: int = 1024 * MIB  # weights that stay in memory
    held_bytes: int = 2048 * MIB  # answers of jobs that wait to be fetched
    held_seconds: float = 600.0  # that such an answer waits
    batch: int = 8  # pictures that go through a network together
    long_bytes: int = 8 * MIB  # a larger upload is a job, unless the client says that it waits

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0:
                raise ConfigError(f"{name.replace('_', '-')} is {value}; expected a number above 0")


@dataclass(frozen=True)
class Settings:
    """How a service runs.

    names: the algorithms that are served; () for all that have weights. keep: a folder for what was sent and answered;
    None keeps nothing. token: what a request has to bring; "" for nothing. hosts: names under which requests may come;
    () for any. runs: a folder whose trainings are shown; None for none.
    """

    names: tuple[str, ...] = ()
    backend: str | None = None
    device: str | None = None
    bounds: Bounds = Bounds()
    keep: Path | None = None
    token: str = ""
    hosts: tuple[str, ...] = ()
    runs: Path | None = None

    def accepts(self, header: str) -> bool:
        """Tell whether an Authorization header brings the token; it takes as long whatever is wrong."""
        kind, _, given = header.partition(" ")
        right = secrets.compare_digest(given.strip().encode(), self.token.encode())
        return not self.token or (kind.lower() == "bearer" and right)


def read_token(path: Path | None) -> str:
    """Read the token that requests have to bring; "" without a file."""
    if path is None:
        return ""
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); expected a file that holds a token") from error
    if len(token) < SHORTEST_TOKEN or any(c.isspace() for c in token):
        raise ConfigError(
            f"{path}: {len(token)} characters given; expected one word of at least {SHORTEST_TOKEN}, such as "
            "`openssl rand -hex 16` prints"
        )
    return token
