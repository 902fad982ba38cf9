"""A training on several devices: one process per device, of which the first runs the training and leads the others."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from zoo.common.errors import BackendError
from zoo.engines.backends_launch import place

if TYPE_CHECKING:
    from zoo.model import Model


@contextmanager
def together(model: Model) -> Iterator[bool]:
    """Yield whether this process trains: yes, unless a launcher started it to help another one, which it then has."""
    where = place()
    if where.world == 1:
        led = nullcontext(True)
    elif model.backend != where.framework:
        told = f"{model.backend} started by {where.launcher}; expected --backend {where.framework}, or one process"
        raise BackendError(told)
    else:
        led = importlib.import_module(f"zoo.engines.joint_{where.framework}").led(model.engine)
    with led as leads:
        yield leads
