"""The API: a FastAPI application that predicts from the bundle alone."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from traceback import format_exception
from typing import Annotated, Any
from uuid import uuid4

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import Counter, Histogram, generate_latest
from pydantic import BaseModel, Field

from ..core.bundle import Predictor
from ..core.config import COMMAND, UserError, hide_credentials
from ..features import Instance
from .middleware import LimitBody
from .request_log import log_request, open_request_log

MAX_INSTANCES = 10_000
# Larger batches are predicted in a thread, so that health checks are not delayed.
INLINE_INSTANCES = 100
MAX_ERRORS = 10
RETRY_SECONDS = 5

SECONDS = Histogram("predict_seconds", "Time to predict the instances of a request.")
REFUSED = Counter("refused_requests", "Requests with a body that breaks the schema.")
logger = logging.getLogger(__name__)
router = APIRouter()


class PredictRequest(BaseModel):
    """The body of POST /predict."""

    instances: list[Instance] = Field(max_length=MAX_INSTANCES)


class PredictResponse(BaseModel):
    """One prediction an instance, in the same order."""

    predictions: list[dict[str, Any]]


class Health(BaseModel):
    """The response of GET /health; `run_id` is the MLflow run that trained the model."""

    status: str = "ok"
    run_id: str


async def get_predictor(request: Request) -> Predictor:
    """The loaded model; 503 while there is none."""
    predictor: Predictor | None = request.app.state.predictor
    if predictor is None:
        raise HTTPException(503, request.app.state.reason)
    return predictor


Loaded = Annotated[Predictor, Depends(get_predictor)]
ERRORS: dict[int | str, dict[str, str]] = {
    400: {"description": "The body cannot be parsed."},
    408: {"description": "The body took too long to arrive."},
    413: {"description": "The body is too large."},
    422: {"description": "The body breaks the schema; `detail` says where."},
    503: {"description": "The model is not ready."},
}


@router.post("/predict", responses=ERRORS)
async def predict(body: PredictRequest, predictor: Loaded) -> PredictResponse:
    """Predict each instance."""
    return PredictResponse(predictions=await predict_instances(predictor, body.instances))


@router.get("/health", responses={503: ERRORS[503]})
async def health(predictor: Loaded) -> Health:
    """Whether the model is loaded."""
    return Health(run_id=predictor.version)


@router.get("/metrics", response_class=Response)
async def metrics() -> Response:
    """Counts and durations of requests, for Prometheus."""
    return Response(generate_latest(), media_type="text/plain")


async def predict_instances(
    predictor: Predictor, instances: list[Instance]
) -> list[dict[str, Any]]:
    """Predict validated instances, in a thread where they are many."""
    rows = [instance.model_dump() for instance in instances]
    with SECONDS.time():
        if len(rows) > INLINE_INSTANCES:
            predictions = await run_in_threadpool(predictor.predict, rows)
        else:
            predictions = predictor.predict(rows)
    log_request(predictor.version, rows, predictions)
    return predictions


def create_app(load: Callable[[], Predictor] = Predictor) -> FastAPI:
    """The application.

    Args:
        load: Returns the model. While it fails, it is called again every RETRY_SECONDS.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # In the background, because the server binds its port only after start-up.
        loading = asyncio.create_task(load_model(app, load))
        yield
        loading.cancel()

    app = FastAPI(title=COMMAND, lifespan=lifespan)
    app.state.predictor = None
    app.state.reason = "The model is being loaded."
    app.include_router(router)
    app.add_exception_handler(RequestValidationError, refuse_request)
    app.add_exception_handler(UserError, refuse_instance)
    app.add_middleware(LimitBody)
    return app


async def load_model(app: FastAPI, load: Callable[[], Predictor]) -> None:
    """Load the model, and try again while it cannot be loaded: a mount may come later."""
    while True:
        try:
            predictor = await run_in_threadpool(load)
        except Exception as error:  # noqa: BLE001 - a mount or a network may fail in any way
            app.state.reason = report_failure(error)
        else:
            app.state.predictor = predictor
            return
        await asyncio.sleep(RETRY_SECONDS)


def report_failure(error: Exception) -> str:
    """Log why the model cannot be loaded; the response has only the id of the log's line.

    The reason may hold an address or a path, and anybody may ask for /health.
    """
    failure = uuid4().hex[:8]
    reason = str(error) if isinstance(error, UserError) else "".join(format_exception(error))
    logger.error("%s: %s", failure, hide_credentials(reason))
    return f"The model is not ready; line {failure} of the log has the reason."


async def refuse_request(_: Request, error: Any) -> JSONResponse:
    """422 with the first errors, without the values that were sent."""
    REFUSED.inc()
    detail = [
        {"loc": problem["loc"], "msg": problem["msg"].removeprefix("Value error, ")}
        for problem in error.errors()[:MAX_ERRORS]
    ]
    return JSONResponse({"detail": detail}, 422)


async def refuse_instance(_: Request, error: Exception) -> JSONResponse:
    """422 for an instance that the schema takes and the model cannot predict."""
    REFUSED.inc()
    return JSONResponse({"detail": str(error)}, 422)


def serve(bundle: Path, host: str, port: int) -> None:
    """Serve the bundle until SIGTERM; requests that have arrived are still answered."""
    run_app(create_app(partial(Predictor, bundle)), host, port)


def run_app(app: FastAPI, host: str, port: int) -> None:
    """Run an application with the request log that the environment asks for."""
    open_request_log()
    # Containers are killed ten seconds after SIGTERM.
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=8,
    )
