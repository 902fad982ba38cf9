"""The command that answers over HTTP: an interface for programs, and a page to try every model."""

from __future__ import annotations

import importlib.util
import ipaddress
import socket
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.cli import run
from zoo.cli.output import say
from zoo.common.errors import ConfigError, ScopeWarning

NEEDED = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Algorithms; all with weights if none.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")]
Host = Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 lets other machines in.")]
TokenFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Requests have to bring the token in it.")]
Runs = Annotated[Path | None, typer.Option(metavar="DIR", help="Show the trainings below it, while they run too.")]
Keep = Annotated[Path | None, typer.Option(metavar="DIR", help="Keep what was sent and answered; else nothing is.")]


def serve(
    names: Names = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    backend: run.Backend = None,
    device: run.Device = None,
    token_file: TokenFile = None,
    keep: Keep = None,
    runs: Runs = None,
    upload_mib: Annotated[float, typer.Option(help="Largest request [MiB].")] = 512,
    files: Annotated[int, typer.Option(help="Most files of a request, or of a zip.")] = 2000,
    voxels: Annotated[int, typer.Option(help="Most values of an image.")] = 2**27,
    seconds: Annotated[float, typer.Option(help="Longest time of a request.")] = 300,
    queue: Annotated[int, typer.Option(help="Most requests inside at once; others are told to wait.")] = 64,
    memory_mib: Annotated[float, typer.Option(help="Weights kept in memory [MiB]; others are dropped.")] = 1024,
    batch_size: run.BatchSize = 8,
) -> None:
    """Answer over HTTP, with a page to try every model: http://127.0.0.1:8000."""
    _check_installed()
    from zoo.common.files.outputs import user_path
    from zoo.serve.settings import MIB, Bounds, Settings, read_token

    bounds = Bounds(
        upload_bytes=int(upload_mib * MIB),
        files=files,
        voxels=voxels,
        seconds=seconds,
        queue=queue,
        model_bytes=int(memory_mib * MIB),
        batch=batch_size,
    )
    hosts = LOOPBACK if is_loopback(host) else ()
    token = read_token(token_file)
    keep, runs = (None if folder is None else user_path(folder) for folder in (keep, runs))
    settings = Settings(tuple(names or ()), backend, device, bounds, keep, token, hosts, runs)
    _check(settings)
    if not hosts and not token:
        say(f"warning: {host} may let other machines in, and nothing asks who they are; give --token-file")
    _run(settings, host, port)


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _check_installed() -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        names = ", ".join(missing).replace("_", "-")
        raise ConfigError(f"`zoo serve` needs {names}, not installed; pip install 'openmedia-zoo[serve]'")


def _check(settings: Any) -> None:
    """Refuse names and backends that are not there, before the port is taken."""
    from zoo.engines.backends import resolve
    from zoo.serve.menu import Menu

    Menu(settings).check()
    resolve(settings.backend, "cpu" if settings.device is None else settings.device)
    if settings.keep is not None and settings.keep.is_file():
        raise ConfigError(f"--keep {settings.keep}: a file; expected a folder")
    if settings.runs is not None and not settings.runs.is_dir():
        raise ConfigError(f"--runs {settings.runs}: no folder; expected one with folders of `zoo train --out` in it")


def _run(settings: Any, host: str, port: int) -> None:
    import logging
    import warnings

    import uvicorn

    from zoo.serve.app import create_app

    warnings.filterwarnings("ignore", category=ScopeWarning)  # the answers tell it
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # as they do of malformed content
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,  # its own would close the handlers of the program around it
        log_level="warning",
        server_header=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=10,
        h11_max_incomplete_event_size=2**16,
        limit_concurrency=8 * settings.bounds.queue + 64,
        ws="none",
    )
    listening = _socket(host, port)
    shown = f"[{host}]" if ":" in host else host
    say(f"openmedia-zoo at http://{shown}:{listening.getsockname()[1]} (Ctrl-C ends it)")
    uvicorn.Server(config).run(sockets=[listening])


def _socket(host: str, port: int) -> socket.socket:
    """Take the address; ConfigError where it is not to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ConfigError(
            f"{host}:{port} cannot be listened at ({error.strerror or error}); give another --host or --port"
        ) from error


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("serve")(serve)
