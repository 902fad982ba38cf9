"""Images under pseudonyms, for results that may be handed on."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from zoo.common.errors import ConfigError, OutputError
from zoo.common.files.outputs import explained
from zoo.common.io.dicom_deidentify import PROFILES, Pseudonyms
from zoo.common.types import Image
from zoo.prediction.sources import Images, Item
from zoo.weights.places import home

KEY_FILE, KEY_BYTES = "deidentify.key", 32


def pseudonyms(profile: str) -> Pseudonyms | None:
    """Return the pseudonyms of this user, whose key never leaves the zoo's own folder; None for the profile ""."""
    if not profile:
        return None
    if profile not in PROFILES:
        raise ConfigError(f"deidentify={profile!r} given; expected one of {', '.join(PROFILES)}")
    return Pseudonyms(profile, _key(home() / KEY_FILE))


def hidden(found: Images, names: Pseudonyms) -> Images:
    """Return the images under pseudonyms; their files are still those of the patient."""

    def items() -> Iterator[Item]:
        for name, load, *_ in found.items:
            yield Item(names.name(name), partial(_hidden, load, names))

    row = list(items()) if isinstance(found.items, list | tuple) else items()
    return Images(row, [(names.name(name), reason.split(" as ")[0]) for name, reason in found.left_out])


def _hidden(load: Callable[[], Image], names: Pseudonyms) -> Image:
    image = load()
    return replace(image, dicom=names.origin(image.dicom))


def _key(path: Path) -> bytes:
    """Read the key, or make it: readable by its owner alone."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
        else:
            key = secrets.token_bytes(KEY_BYTES)
            with os.fdopen(descriptor, "wb") as file:
                file.write(key)
    if len(key) != KEY_BYTES:
        raise OutputError(f"{path}: {len(key)} bytes; expected a key of {KEY_BYTES}. Delete it to get another")
    return key
