"""The routes of jobs: how far they are, their answers, and their end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from zoo.common.answers.prediction import Prediction
from zoo.common.errors import ZooError
from zoo.serve.answers import format_of
from zoo.serve.jobs import ENDED, Job
from zoo.serve.refusals import RefusedError, status_of, told
from zoo.serve.routes import FormatName, respond
from zoo.serve.state import state_of

router = APIRouter()
LOOK_S = 0.1  # between two looks at a job
BEAT_S = 10.0  # silence after which an event without news keeps the connection open


@router.get("/jobs/{name}")
async def job(request: Request, name: str) -> dict[str, Any]:
    """Tell how far a job is."""
    return _told(state_of(request).held.get(name))


@router.get("/jobs/{name}/events", response_class=StreamingResponse)
async def events(request: Request, name: str) -> StreamingResponse:
    """Tell how far a job is whenever that changes, as server-sent events; the last one says how it ended."""
    job = state_of(request).held.get(name)
    return StreamingResponse(_events(job), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


@router.get("/jobs/{name}/result", response_class=Response)
async def result(request: Request, name: str, kind: FormatName = "") -> Response:
    """Return the answer of a job, as soon as it has one."""
    state = state_of(request)
    job, wanted = state.held.get(name), format_of(kind, request.headers.get("accept", ""))
    if not job.outcome.done():
        raise RefusedError(409, f"the job is {job.state}; its events say when it has ended", 1)
    try:
        prediction: Prediction = job.outcome.result()
    except ZooError as error:
        return JSONResponse(told(error, job.upload.folder), status_of(error))
    return await respond(state, prediction, wanted, job.upload)


@router.delete("/jobs/{name}", status_code=204)
async def cancel(request: Request, name: str) -> Response:
    """End a job at its next step, and forget its answer and its files."""
    state = state_of(request)
    job = state.held.get(name)
    state.desk.give_up(job)
    state.held.drop(job)
    return Response(status_code=204)


async def _events(job: Job) -> AsyncIterator[str]:
    last, silence = "", 0.0
    while True:
        now = json.dumps(_told(job))
        if now != last or silence > BEAT_S:
            yield f"event: {'end' if job.state in ENDED else 'progress'}\ndata: {now}\n\n"
            last, silence = now, 0.0
        if job.state in ENDED:
            return
        await asyncio.sleep(LOOK_S)
        silence += LOOK_S


def _told(job: Job) -> dict[str, Any]:
    error = job.outcome.exception() if job.outcome.done() else None
    reason = {"error": told(error, job.upload.folder)} if isinstance(error, ZooError) else {}
    return {**job.to_dict(), **reason}
