"""What `--keep` keeps: the files that were sent and what was answered, a folder for each."""

from __future__ import annotations

import secrets
import shutil
import time
from pathlib import Path

from zoo.common.answers.prediction import Prediction
from zoo.common.errors import OutputError
from zoo.serve.answers import FORMATS, written
from zoo.serve.uploads import Upload


def keep(folder: Path, upload: Upload, prediction: Prediction) -> Path:
    """Write an upload and its answer into a new folder below `folder`, and return it."""
    place = folder / f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
    try:
        place.mkdir(parents=True, mode=0o700)
        shutil.copytree(upload.folder, place / "input")
        (place / "answer.zip").write_bytes(written(prediction, FORMATS["zip"]))
    except OSError as error:
        raise OutputError(f"the answer cannot be kept ({error.strerror}); the server's disk may be full") from error
    return place
