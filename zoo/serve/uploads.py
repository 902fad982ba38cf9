"""What a client sends, brought into a folder of its own, bounded while it comes."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from zoo.common.errors import ConfigError, InputError
from zoo.common.files.names import as_file_name, printable
from zoo.common.io import file_suffix
from zoo.common.types import Image
from zoo.prediction.options import checked_spacing
from zoo.prediction.sources import images
from zoo.serve.archives import is_archive, safe_name, unpack
from zoo.serve.disk import Disk
from zoo.serve.refusals import RefusedError
from zoo.serve.settings import Bounds

FIELDS, FIELD_BYTES = 32, 2**16
TAIL = 512  # bytes at the end of a body, in which its last boundary stands
KINDS = ("multipart/form-data", "application/x-www-form-urlencoded")  # the second cannot bring a file
HEADERS = (".mhd", ".mha")  # name the file that holds their voxels
SHOWN = 8  # series in a message


@dataclass
class Upload:
    """The files of one request, in a folder that goes with it, and what else it says."""

    folder: Path
    name: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    disk: Disk = field(default_factory=lambda: Disk(sys.maxsize))
    bytes: int = 0  # that it took of the disk

    def take(self, size: int) -> None:
        """Take room on the disk, until the files are deleted."""
        self.disk.take(size)
        self.bytes += size

    @property
    def is_empty(self) -> bool:
        """Whether no file came."""
        return not self.name

    def discard(self) -> None:
        """Delete the files."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.disk.give_back(self.bytes)
        self.bytes = 0

    def read(self, bounds: Bounds, check: Callable[[], object] = lambda: None) -> Image:
        """Read the one image that the files hold; several series are told, to choose from."""
        for archive in [path for path in sorted(self.folder.iterdir()) if path.is_file() and is_archive(path)]:
            unpack(archive, self.folder / "unpacked", bounds, check, self.take)
            archive.unlink()
        files = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        _refuse_other_files(files)
        uid, spacing = self.fields.get("series_uid"), spacing_of(self.fields.get("spacing_mm"))
        given = files[0] if len(files) == 1 else self.folder
        found = images(given, spacing, {"uid": [uid]} if uid else None)
        names = [Path(name).relative_to(self.folder).as_posix() for name in found.names()]
        if len(names) != 1:
            shown = ", ".join(printable(name) for name in names[:SHOWN])
            raise InputError(
                f"{printable(self.name)}: {len(names)} images given ({shown}); expected one picture, one volume or one "
                "DICOM series. Send them one by one, or choose a series with series_uid"
            )
        check()
        ((_, image),) = found
        if not isinstance(image, Image):
            raise image
        if image.array.size > bounds.voxels:
            raise RefusedError(
                413, f"{printable(self.name)}: {image.array.size:,} values; expected at most {bounds.voxels:,}"
            )
        return image


def spacing_of(text: str | None) -> tuple[float, ...] | None:
    """Read the size of a pixel: 0.5, or 0.5,0.4, or 3,0.5,0.5."""
    if not text:
        return None
    try:
        values = tuple(float(value) for value in text.split(","))
    except ValueError:
        raise ConfigError(f"spacing_mm={text[:40]!r} given; expected millimetres, such as 0.5 or 3,0.5,0.5") from None
    return checked_spacing(values[0] if len(values) == 1 else values)


def options_of(text: str | None) -> dict[str, Any]:
    """Read the options of a prediction, a JSON object."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f'options={(text or "")[:60]!r} given; expected a JSON object, such as {{"threshold": 0.4}}')
    return found


async def receive(request: Request, bounds: Bounds, root: Path, disk: Disk) -> Upload:
    """Bring the files of a multipart request into a folder below `root`; RefusedError where it is not as allowed."""
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith(KINDS):
        raise RefusedError(415, f"{kind[:60] or 'no type'} given; expected multipart/form-data with files in `file`")
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > bounds.upload_bytes:
        raise RefusedError(413, f"{announced[:20]} bytes announced; expected at most {bounds.upload_bytes:,}")
    upload = Upload(Path(tempfile.mkdtemp(prefix="request-", dir=root)), disk=disk)
    body = _Body(request.receive, bounds.upload_bytes, upload.take)
    counted = Request(request.scope, body.receive)
    try:
        async with counted.form(max_files=bounds.files, max_fields=FIELDS, max_part_size=FIELD_BYTES) as form:
            sent = [value for key, value in form.multi_items() if isinstance(value, UploadFile) and key == "file"]
            upload.fields = {key: value for key, value in form.multi_items() if isinstance(value, str)}
            body.check_end(kind)
            await asyncio.to_thread(_store, upload, [file for file in sent if file.filename])
    except BaseException as error:
        upload.discard()
        if isinstance(error, (HTTPException, MultiPartException)):
            raise _explained(error) from None
        if isinstance(error, OSError) and not isinstance(error, ClientDisconnect):
            raise RefusedError(507, "no room for the upload; try again later") from error
        raise
    return upload


class _Body:
    """Lets a body through as long as it is not too large, whatever it announced."""

    def __init__(self, receive: Receive, most: int, take: Callable[[int], object]) -> None:
        self._receive, self._most, self._take = receive, most, take
        self._seen, self._end = 0, b""

    async def receive(self) -> Message:
        """Return the next message."""
        message = await self._receive()
        chunk = message.get("body", b"")
        self._seen += len(chunk)
        if self._seen > self._most:
            raise RefusedError(413, f"more than {self._most:,} bytes given; expected no more")
        self._take(len(chunk))
        self._end = (self._end + chunk[-TAIL:])[-TAIL:]
        return message

    def check_end(self, kind: str) -> None:
        """Refuse multipart content that breaks off, whose last part would be missing without a word."""
        boundary = parse_options_header(kind)[1].get(b"boundary", b"")
        if self._seen and boundary and b"--" + boundary + b"--" not in self._end:
            raise RefusedError(400, "the multipart content breaks off; expected it whole")


def _explained(error: HTTPException | MultiPartException) -> RefusedError:
    told = error.detail if isinstance(error, HTTPException) else str(error)
    status = 413 if told.startswith(("Too many", "Part exceeded", "Field exceeded")) else 400
    return RefusedError(status, f"{told} Expected multipart/form-data with one image in `file`")


def _store(upload: Upload, files: Sequence[UploadFile]) -> None:
    """Write the files under their own names, without the folders that these may bring."""
    names = [safe_name(PurePosixPath((file.filename or "").replace("\\", "/")).name or "image") for file in files]
    twice = len(set(names)) < len(names)
    for number, (file, name) in enumerate(zip(files, names, strict=True)):
        if name.upper() == "DICOMDIR":  # lists other files
            continue
        with (upload.folder / (f"{number:05d}_{name}" if twice else name)).open("xb") as target:
            shutil.copyfileobj(file.file, target)
    upload.name = _common(files) if len(names) > 1 else (names[0] if names else "")


def _common(files: Sequence[UploadFile]) -> str:
    """Name several files by the folder that they came from, where the client says it."""
    folders = {PurePosixPath((file.filename or "").replace("\\", "/")).parent.name for file in files}
    return as_file_name(folders.pop() or "series") if len(folders) == 1 else "series"


def _refuse_other_files(files: Sequence[Path]) -> None:
    """Refuse headers that name a file which did not come with them."""
    for path in files:
        if file_suffix(path) not in HEADERS:
            continue
        with path.open("rb") as file:
            lines = file.read(2**16).split(b"\n")
        for key, _, value in (line.partition(b"=") for line in lines):
            given = value.strip().decode("latin-1")
            if key.strip().lower() == b"elementdatafile" and given != PurePosixPath(given.replace("\\", "/")).name:
                raise InputError(f"{path.name}: its voxels lie elsewhere ({printable(given)[:60]}); send both files")
