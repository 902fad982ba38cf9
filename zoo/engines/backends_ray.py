"""Start Ray on this machine, or join a cluster: nothing is reported to anybody, and nothing is left behind."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.common.errors import BackendError

HERE = "local"  # in place of an address: the processors of this machine, by a Ray that ends with the command
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # tell nobody
    "RAY_agent_register_timeout_ms": "120000",  # Ray's own 15 s are too few where the cores are busy
}
SHORT = Path("/tmp")  # names of sockets have 107 characters; those of some machines' temporary folders take half


def checked_ray(address: str) -> str:
    """Return an address for `joined`, or "" for none; BackendError where Ray is not installed."""
    if address and any(importlib.util.find_spec(name) is None for name in ("ray", "pyarrow")):
        raise BackendError("Ray asked for, which is not installed; pip install 'openmedia-zoo[ray]'")
    return address


@contextmanager
def joined(address: str) -> Iterator[Any]:
    """Yield the module `ray` in touch with a cluster, which one that this process had joined before goes ahead of."""
    os.environ.update(SETTINGS)
    ray = _imported()
    if ray.is_initialized():
        yield ray
        return
    with tempfile.TemporaryDirectory(
        prefix="zoo-ray-", dir=SHORT if SHORT.is_dir() else None, ignore_cleanup_errors=True
    ) as logs:
        how: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if address == HERE:
            how |= {"include_dashboard": False, "_temp_dir": logs}
        try:
            ray.init(address=address, **how)
        except Exception as error:  # of many kinds, the plain one among them
            told = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise BackendError(
                f"Ray at {address!r}: {told}; expected {HERE}, auto or HOST:PORT of a cluster that runs; where it "
                "wants tokens, auto on one of its machines, or RAY_AUTH_MODE=token and its token in ~/.ray/auth_token"
            ) from error
        try:
            yield ray
        finally:
            ray.shutdown()


def _imported() -> Any:
    try:
        importlib.import_module("ray.data")
    except ImportError as error:  # such as pyarrow's, beside another NumPy than it wants
        raise BackendError(f"Ray cannot be imported ({error}); pip install 'openmedia-zoo[ray]'") from error
    return importlib.import_module("ray")
