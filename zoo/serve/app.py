"""The service as an ASGI application: what holds for all routes, and what lives as long as it does."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from zoo import __version__
from zoo.common.errors import ZooError
from zoo.serve import routes, routes_jobs, routes_page, routes_runs
from zoo.serve.desk import Desk
from zoo.serve.disk import Disk
from zoo.serve.gate import Gate
from zoo.serve.held import Held
from zoo.serve.jobs import GONE
from zoo.serve.menu import Menu
from zoo.serve.metrics import Metrics
from zoo.serve.refusals import RefusedError, report, status_of, told
from zoo.serve.runs import Runs
from zoo.serve.settings import Settings
from zoo.serve.shelf import Shelf
from zoo.serve.state import State

TIDY_S = 15.0  # between two looks at answers that nobody fetched
ABOUT = "Medical-imaging models, each in PyTorch and in MindSpore. None is a medical device."


def create_app(settings: Settings | None = None, shelf: Shelf | None = None) -> FastAPI:
    """Build the service; its threads run and its folder exists while the application does."""
    settings = settings or Settings()
    metrics = Metrics()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        root = Path(tempfile.mkdtemp(prefix="zoo-serve-"))
        desk, held = Desk(settings, metrics, shelf), Held(settings.bounds)
        disk, runs = Disk(settings.bounds.disk_bytes), Runs(settings.runs)
        app.state.zoo = State(settings, Menu(settings), desk, held, metrics, root, disk, runs)
        _watch(metrics, desk, held)
        desk.start()
        tidying = asyncio.create_task(_tidy(held))
        try:
            yield
        finally:
            tidying.cancel()
            await asyncio.to_thread(desk.stop)
            held.clear()
            shutil.rmtree(root, ignore_errors=True)

    app = FastAPI(
        title="openmedia-zoo", version=__version__, description=ABOUT, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.add_middleware(Gate, settings=settings)
    for kind in (ZooError, HTTPException, RequestValidationError, ClientDisconnect, Exception):
        app.add_exception_handler(kind, _explained)
    for each in (routes, routes_jobs, routes_runs, routes_page):
        app.include_router(each.router)
    return app


async def _explained(request: Request, error: Exception) -> Response:
    """Tell an error as JSON: its kind, and what was given, expected, and can be done."""
    if isinstance(error, ZooError):
        headers = error.headers if isinstance(error, RefusedError) else {}
        return JSONResponse(told(error), status_of(error), headers)
    if isinstance(error, HTTPException):
        return JSONResponse({"kind": "HTTPError", "detail": str(error.detail)}, error.status_code, error.headers)
    if isinstance(error, RequestValidationError):
        places = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:8])
        return JSONResponse({"kind": "ConfigError", "detail": places}, 422)
    if isinstance(error, ClientDisconnect):
        return Response(status_code=GONE)
    report(error)
    return JSONResponse({"kind": "UnexpectedError", "detail": "the server failed; its log says more"}, 500)


async def _tidy(held: Held) -> None:
    while True:
        await asyncio.sleep(TIDY_S)
        held.tidy()


def _watch(metrics: Metrics, desk: Desk, held: Held) -> None:
    metrics.watch("zoo_requests_inside", "Requests between their first byte and their answer.", lambda: desk.inside)
    metrics.watch("zoo_queue_length", "Jobs that wait.", lambda: len(desk.line))
    metrics.watch("zoo_lost_passes", "Given up, because a thread did not come back.", lambda: len(desk.lost))
    metrics.watch("zoo_answers_held", "Jobs whose answers wait to be fetched.", lambda: len(held))
    metrics.watch("zoo_models_loaded", "Models in memory.", lambda: len(desk.shelf.loaded))
    metrics.watch("zoo_weights_bytes", "Their weights.", lambda: sum(desk.shelf.loaded.values()))
