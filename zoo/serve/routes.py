"""The routes that describe the models and answer at once."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from zoo.common.answers.prediction import Prediction
from zoo.common.errors import ZooError
from zoo.serve.answers import Format, file_name, format_of, written
from zoo.serve.asking import Asked, job_of
from zoo.serve.catalogue import described, listed
from zoo.serve.desk import Place
from zoo.serve.documents import ANSWERS, BODY
from zoo.serve.jobs import GONE, Job
from zoo.serve.keeping import keep
from zoo.serve.refusals import RefusedError, status_of, told
from zoo.serve.shelf import describe_loaded
from zoo.serve.state import State, state_of
from zoo.serve.uploads import Upload, receive
from zoo.serve.workers import GRACE_S

router = APIRouter()

FormatName = Annotated[str, Query(alias="format", description="json, csv, overlay, mask.nii.gz, zip ...")]
InBackground = Annotated[bool | None, Query(alias="job", description="Answer with a job at once; left out: if large.")]


@router.get("/health")
async def health(request: Request) -> dict[str, Any]:
    """Tell that the service is there and its threads work, and from which models none came back."""
    desk = state_of(request).desk
    if not desk.works:
        raise RefusedError(
            503, "threads of the server have ended or do not come back; start it again, its log says more"
        )
    lost = [{**_known(each.jobs[0]), "seconds": round(each.seconds)} for each in desk.lost]
    return {"status": "degraded", "lost": lost} if lost else {"status": "ok"}


def _known(job: Job) -> dict[str, str]:
    return {"model": job.target.algorithm, "framework": job.target.framework}


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Return the counters as Prometheus reads them."""
    return Response(state_of(request).metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/models")
async def models(request: Request) -> list[dict[str, Any]]:
    """List the algorithms: task, modality, licence, figures, frameworks."""
    state = state_of(request)
    state.listed = state.listed or await asyncio.to_thread(listed, state.menu)
    return state.listed


@router.get("/models/{name}")
async def model(request: Request, name: str) -> dict[str, Any]:
    """Describe one algorithm: its card, what goes in, its checkpoints, the options as JSON schema."""
    state = state_of(request)
    entry = state.menu.find(name)
    if entry.name not in state.descriptions:
        state.descriptions[entry.name] = await asyncio.to_thread(described, state.menu, entry)
    return state.descriptions[entry.name]


@router.get("/loaded")
async def loaded(request: Request) -> list[dict[str, Any]]:
    """List the models that are in memory."""
    return describe_loaded(state_of(request).desk.shelf)


@router.post("/models/{name}/predict", openapi_extra=BODY, responses=ANSWERS, response_class=JSONResponse)
async def predict(request: Request, name: str, kind: FormatName = "", background: InBackground = None) -> Response:
    """Predict one picture, volume or DICOM series; `Accept` or `format` say how the answer is written."""
    state, began = state_of(request), time.monotonic()
    status, model_name = 500, "unknown"
    try:
        model_name = state.menu.find(name).name
        wanted = format_of(kind, request.headers.get("accept", ""))
        with state.desk.place() as place:
            upload = await _received(request, state)
            response = await _answered(request, state, place, upload, Asked(model_name, wanted, background, began))
        status = response.status_code
        return response
    except ZooError as error:
        status = status_of(error)
        raise
    finally:
        state.metrics.requests.labels(model_name, status).inc()
        state.metrics.seconds.labels(model_name).observe(time.monotonic() - began)


async def _received(request: Request, state: State) -> Upload:
    seconds = state.settings.bounds.seconds
    try:
        return await asyncio.wait_for(receive(request, state.settings.bounds, state.root, state.disk), seconds)
    except asyncio.TimeoutError:
        raise RefusedError(408, f"the upload took more than {seconds:g} s; expected a faster one") from None


async def _answered(request: Request, state: State, place: Place, upload: Upload, asked: Asked) -> Response:
    """Answer, or hand out a job; the files of an upload go when nobody needs them any more."""
    job: Job | None = None
    try:
        job = job_of(state.menu, upload, asked)
        state.desk.submit(job)
        if asked.wants_job(upload, state.settings.bounds):
            state.held.add(job)
            place.keep_until_ended(job)
            where = f"/jobs/{job.id}"
            return JSONResponse(job.to_dict(), 202, {"Location": where})
        prediction = await waited(request, state, job)
        return await respond(state, prediction, asked.wanted, upload)
    except ZooError as error:
        headers = error.headers if isinstance(error, RefusedError) else {}
        return JSONResponse(told(error, upload.folder), status_of(error), headers)
    finally:
        if job is None or not job.is_kept:
            await asyncio.to_thread(upload.discard)


async def waited(request: Request, state: State, job: Job) -> Prediction:
    """Wait for an answer as long as the client and the bounds do."""
    ended = _ended(job)
    waiting = asyncio.ensure_future(ended.wait())
    leaving = asyncio.ensure_future(_left(request))
    left_s = job.began + job.seconds + GRACE_S - time.monotonic()
    try:
        await asyncio.wait({waiting, leaving}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        if not job.outcome.done():
            is_gone = leaving.done()
            raise RefusedError(GONE, "cancelled") if is_gone else RefusedError(504, f"no answer in {job.seconds:g} s")
        return job.outcome.result()
    finally:
        waiting.cancel()
        leaving.cancel()
        if not job.outcome.done():
            state.desk.give_up(job)


def _ended(job: Job) -> asyncio.Event:
    """Return an event of this loop that is set when a job ends, in whatever thread."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def tell(_: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(ended.set)

    job.outcome.add_done_callback(tell)
    return ended


async def _left(request: Request) -> None:
    """Return when the client is gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def respond(state: State, prediction: Prediction, wanted: Format, upload: Upload) -> Response:
    """Write an answer as it was asked for, in a thread."""
    content = await asyncio.to_thread(written, prediction, wanted)
    if state.settings.keep is not None:
        await asyncio.to_thread(keep, state.settings.keep, upload, prediction)
    headers = {"Vary": "Accept"}
    if wanted.kind != "view":
        headers["Content-Disposition"] = f'inline; filename="{file_name(prediction, wanted)}"'
    return Response(content, media_type=wanted.media, headers=headers)
