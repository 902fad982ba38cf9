"""What a request asks for, as a job."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

from zoo.common.errors import ConfigError
from zoo.common.files.names import shortened
from zoo.serve.answers import Format
from zoo.serve.jobs import Job
from zoo.serve.menu import Menu
from zoo.serve.refusals import RefusedError
from zoo.serve.settings import Bounds
from zoo.serve.uploads import Upload, options_of

YES, NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")
LARGE_FILES = 2  # so many files are a series
LARGEST_SEED = 2**32


@dataclass(frozen=True)
class Asked:
    """What stands in the address and the headers of a request; in_background: None where the client leaves it open."""

    name: str
    wanted: Format
    in_background: bool | None = None
    began: float = field(default_factory=time.monotonic)

    def wants_job(self, upload: Upload, bounds: Bounds) -> bool:
        """Tell whether to answer with a job, and not to wait."""
        if self.in_background is not None:
            return self.in_background
        files = [path for path in upload.folder.iterdir() if path.is_file()]
        return len(files) >= LARGE_FILES or sum(path.stat().st_size for path in files) > bounds.long_bytes


def job_of(menu: Menu, upload: Upload, asked: Asked) -> Job:
    """Make a job of an upload; ConfigError or RefusedError where it cannot be one."""
    fields = upload.fields
    seed = fields.get("example")
    if upload.is_empty and seed is None:
        raise RefusedError(422, "no file given; expected one image in `file`, or `example` with a number")
    if seed is not None and not (seed.isdecimal() and int(seed[:12]) < LARGEST_SEED):
        raise ConfigError(f"example={shortened(seed, 40)!r} given; expected a whole number, the seed of the drawing")
    options = json.dumps(options_of(fields.get("options")), sort_keys=True)
    return Job(
        menu.target(asked.name, fields.get("checkpoint", ""), fields.get("backend", "")),
        upload,
        options,
        _flag("tta", fields.get("tta", "")),
        int(seed) if upload.is_empty and seed is not None else None,
        menu.settings.bounds.seconds,
        began=asked.began,
    )


def _flag(name: str, text: str) -> bool:
    word = text.strip().lower()
    if word not in YES + NO:
        raise ConfigError(f"{name}={shortened(text, 40)!r} given; expected true or false")
    return word in YES
