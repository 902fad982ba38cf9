"""The routes of trainings: which there are, how far one is, its pictures and films."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from zoo.serve.state import state_of

router = APIRouter()


@router.get("/runs")
async def runs(request: Request) -> dict[str, Any]:
    """List the trainings below the folder of --runs; none where it was not given."""
    shown = state_of(request).runs
    return {"shown": shown.root is not None, "runs": await asyncio.to_thread(shown.listed)}


@router.get("/runs/{name:path}/cases/{case}/film", response_class=Response)
async def film(request: Request, name: str, case: str) -> Response:
    """Return the film of a validation case over the epochs so far, as GIF."""
    state = state_of(request)
    return Response(await asyncio.to_thread(state.runs.film, name, case, state.root), media_type="image/gif")


@router.get("/runs/{name:path}/cases/{case}/{file}", response_class=Response)
async def picture(request: Request, name: str, case: str, file: str) -> Response:
    """Return the picture of a validation case after an epoch, or its reference."""
    content = await asyncio.to_thread(state_of(request).runs.picture, name, case, file)
    return Response(content, media_type="image/jpeg")


@router.get("/runs/{name:path}")
async def run(request: Request, name: str) -> dict[str, Any]:
    """Tell of one training: how far it is, the time left, its curves, and of which cases there are pictures."""
    return await asyncio.to_thread(state_of(request).runs.described, name)
