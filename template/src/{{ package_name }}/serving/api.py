"""The API: a FastAPI application that predicts from the bundle alone."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from traceback import format_exception
from typing import Annotated, Any
from uuid import uuid4

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import Counter, Histogram, generate_latest
from pydantic import BaseModel, Field, SkipValidation, ValidationError

from ..core.bundle import Predictor
from ..core.config import COMMAND, UserError, hide_credentials
from ..features import Instance
from .middleware import LimitBody
from .request_log import log_request, open_request_log

MAX_INSTANCES = 10_000
MAX_FIELDS = 1000
# For the validation of a request.
MAX_SECONDS = 5
MAX_ERRORS = 10
RETRY_SECONDS = 5

SECONDS = Histogram("predict_seconds", "Time to predict the instances of a request.")
REFUSED = Counter("refused_requests", "Requests with a body that breaks the schema.")
logger = logging.getLogger(__name__)
router = APIRouter()


class PredictRequest(BaseModel):
    """The body of POST /predict."""

    # Validated by predict_values(), which runs in a thread where there are several.
    instances: list[SkipValidation[Instance]] = Field(max_length=MAX_INSTANCES)


class PredictResponse(BaseModel):
    """One prediction an instance, in the same order."""

    predictions: list[dict[str, Any]]


class Health(BaseModel):
    """The response of GET /health; `run_id` is the MLflow run that trained the model."""

    status: str = "ok"
    run_id: str


async def get_predictor(request: Request) -> Predictor:
    """The loaded model; 503 while there is none."""
    state = request.app.state
    if state.predictor is None:
        raise HTTPException(503, state.reason)
    predictor: Predictor = state.predictor
    return predictor


Loaded = Annotated[Predictor, Depends(get_predictor)]
ERRORS: dict[int | str, dict[str, str]] = {
    400: {"description": "The body cannot be parsed."},
    408: {"description": "The body took too long to arrive."},
    413: {"description": "The body is too large, or its instances are too much work."},
    422: {"description": "The body breaks the schema; `detail` says where."},
    503: {"description": "The model is not ready."},
}


@router.post("/predict", responses=ERRORS)
async def predict(body: PredictRequest, predictor: Loaded) -> PredictResponse:
    """Predict each instance."""
    # Many instances take long, and the health check must be answered meanwhile.
    if len(body.instances) > 1:
        return await run_in_threadpool(predict_values, predictor, body.instances)
    return predict_values(predictor, body.instances)


@router.get("/health", responses={503: ERRORS[503]})
async def health(predictor: Loaded) -> Health:
    """Whether the model is loaded."""
    return Health(run_id=predictor.version)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics() -> str:
    """Counts and durations of requests, for Prometheus."""
    return generate_latest().decode()


def predict_values(predictor: Predictor, values: list[Any]) -> PredictResponse:
    """Validate and predict instances, and log the request.

    Raises:
        RequestValidationError: An instance breaks the schema.
        HTTPException: The instances are too much work.
        UserError: The model cannot predict an instance.
    """
    rows = validate_instances(values)
    with SECONDS.time():
        predictions = predictor.predict(rows)
    log_request(predictor.version, rows, predictions)
    return PredictResponse(predictions=predictions)


def validate_instances(values: list[Any]) -> list[dict[str, Any]]:
    """The rows of valid instances.

    Raises:
        RequestValidationError: Names the first instance that breaks the schema, and its fields.
        HTTPException: All together are too much work.
    """
    rows = []
    # Of this thread alone: others may have the processor meanwhile.
    end = time.thread_time() + MAX_SECONDS
    for index, value in enumerate(values):
        if time.thread_time() > end:
            raise HTTPException(413, "The instances are too much work; send fewer in a request.")
        place = ("body", "instances", index)
        if isinstance(value, dict) and len(value) > MAX_FIELDS:
            message = f"The instance has more than {MAX_FIELDS} fields"
            raise RequestValidationError([{"loc": place, "msg": message}])
        try:
            rows.append(Instance.model_validate(value).model_dump())
        except ValidationError as error:
            problems = [{**item, "loc": (*place, *item["loc"])} for item in error.errors()]
            raise RequestValidationError(problems) from error
    return rows


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
    """Load the model, and try again while it cannot be loaded: a mount may come later.

    Only the log has the reason, because it may hold a path or an address, and anybody may ask for
    /health; the response names the line of the log.
    """
    while app.state.predictor is None:
        try:
            app.state.predictor = await run_in_threadpool(load)
        except Exception as error:  # noqa: BLE001 - a mount or a network may fail in any way
            failure = uuid4().hex[:8]
            known = isinstance(error, UserError)
            reason = str(error) if known else "".join(format_exception(error))
            # Not logger.exception(), whose traceback may hold credentials.
            logger.error("%s: %s", failure, hide_credentials(reason))  # noqa: TRY400
            app.state.reason = f"The model is not ready; line {failure} of the log has the reason."
            await asyncio.sleep(RETRY_SECONDS)


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
