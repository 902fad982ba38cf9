"""Training curves in TensorBoard's format, written without either framework."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from zoo.common.files.outputs import explained


class EventFile:
    """Appends scalars; does nothing where the tensorboard package is not installed (the JSONL log has them all)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None

    def __enter__(self) -> EventFile:
        try:
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError:
            return self
        self._writer = EventFileWriter(str(self._folder))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, epoch: int, groups: Mapping[str, Mapping[str, float]]) -> None:
        """Add one point to the curves `<group>/<name>`."""
        if self._writer is None:
            return
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [
            Summary.Value(tag=f"{g}/{n}", simple_value=v) for g, scalars in groups.items() for n, v in scalars.items()
        ]
        with explained(self._folder):
            self._writer.add_event(Event(wall_time=time.time(), step=epoch, summary=Summary(value=values)))
            self._writer.flush()
