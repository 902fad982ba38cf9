"""The page: its files, all of them from here, and the picture of an algorithm."""

from __future__ import annotations

import mimetypes
from importlib import resources

from fastapi import APIRouter, Request
from fastapi.responses import Response

from zoo.serve.refusals import RefusedError

router = APIRouter(include_in_schema=False)
LASTING = ("pictures", "vendor")  # change with the version alone
PAGE = resources.files("zoo.serve") / "page"


@router.get("/")
@router.get("/docs")
async def index(request: Request) -> Response:
    """Return the page."""
    return _file("index.html")


@router.get("/favicon.ico")
async def icon(request: Request) -> Response:
    """Return the page's icon."""
    return _file("icon.svg")


@router.get("/page/{name:path}")
async def file(request: Request, name: str) -> Response:
    """Return a file of the page."""
    return _file(name)


def _file(name: str) -> Response:
    parts = name.split("/")
    place = PAGE.joinpath(*parts)
    if any(part in ("", ".", "..") or "\\" in part for part in parts) or not place.is_file():
        raise RefusedError(404, "no such file")
    media = mimetypes.guess_type(name)[0] or "application/octet-stream"
    kept = "max-age=3600" if parts[0] in LASTING else "no-cache"
    return Response(place.read_bytes(), media_type=media, headers={"Cache-Control": kept})
